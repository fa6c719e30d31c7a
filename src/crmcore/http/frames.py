"""The GOAWAY frames of a connection of HTTP/2, taken out of what arrives.

h2 takes nothing more once it has seen one; a server that says goodbye has answers for the streams it names (RFC 9113, 6.8).
"""

from __future__ import annotations

HEAD = 9
_GOAWAY = 7
#: No frame may be longer than what we allow: what is wrong with one is left to h2.
_LONGEST = 16_384


class Frames:
    """Passes whole frames on."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> tuple[bytes, int | None]:
        """Return the frames but for GOAWAY, and the last stream that one names, where there was one."""
        data, at, kept, last = self._rest + data, 0, b"", None
        while (end := _end(data, at)) <= len(data):
            if data[at + 3] == _GOAWAY and end >= at + HEAD + 4:
                last = int.from_bytes(data[at + HEAD : at + HEAD + 4]) & 0x7FFF_FFFF
            else:
                kept += data[at:end]
            at = end
        self._rest = data[at:]
        return kept, last


def _end(data: bytes, at: int) -> int:
    """Return where a frame ends; one that is not there yet ends later than what there is."""
    if len(data) < at + HEAD:
        return len(data) + 1
    length = int.from_bytes(data[at : at + 3])
    return len(data) if length > _LONGEST else at + HEAD + length
