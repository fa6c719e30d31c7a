"""The SMTP sink in a process of its own: `python sink.py` prints its port and serves until its input ends."""

from __future__ import annotations

import sys

from crmcore.testing.smtp_sink import Sink


class Forgetful(list):  # type: ignore[type-arg]  # a list that stays empty: the sender is measured, not memory
    """Counts what is appended."""

    def append(self, _mail: object) -> None:
        """Drop it."""


if __name__ == "__main__":
    with Sink() as sink:
        sink.mails = Forgetful()
        print(sink.port, flush=True)
        sys.stdin.read()
