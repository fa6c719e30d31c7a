"""The audit log as values: what each row vouches for, how rows are sealed, and where a log is not as it was written.

A row vouches for what it is about (`subject`, `detail`) apart from the rest, so that both can be erased and the rest still
holds. A seal is keyed over the one before it and over the ids and macs of its rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence

import attrs

from crmcore.model.time import iso

#: What stands in `subject` and `detail` of a row that was erased; every other detail is a JSON object.
GONE = ""
#: The action of the rows that say which rows were erased.
ERASED = "customer erased"
_SIZE = 32
#: What the first seal follows on.
_BEGINNING = bytes(_SIZE)


@attrs.frozen(kw_only=True)
class AuditEntry:
    """Who (`actor`) did what (`action`) when (microseconds UTC), to what; `detail` is JSON."""

    id: int
    at: int
    actor: str
    action: str
    subject: str
    detail: str
    mac: bytes = attrs.field(default=b"", repr=False)
    seal_id: int | None = None

    @property
    def is_erased(self) -> bool:
        """Whether what it was about is gone."""
        return (self.subject, self.detail) == (GONE, GONE)


@attrs.frozen(kw_only=True)
class Seal:
    """A seal over the rows that bear its id."""

    id: int
    first_id: int
    last_id: int
    at: int
    chain: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen(kw_only=True)
class AuditVerdict:
    """What became of a look at the whole log: how many rows there are, sealed and not, and how many seals.

    `seals` has the chain of each, in hexadecimal: the last is what to write down elsewhere. `broken` says in words which
    place is the first that is not as it was written; None where all are.
    """

    rows: int
    unsealed: int
    seals: tuple[str, ...] = attrs.field(repr=False)
    broken: str | None


def vouched(secret: bytes, entry: AuditEntry) -> AuditEntry:
    """Return a row with the mac it is written with."""
    content = _keyed(secret, b"audit content", [entry.id, entry.subject, entry.detail])
    return attrs.evolve(entry, mac=content + _frame(secret, entry, content))


def sealed(secret: bytes, previous: bytes, seal: Seal, entries: Sequence[AuditEntry]) -> Seal:
    """Return a seal with its chain; `previous` is that of the seal before, b"" where there is none."""
    rows = [[one.id, one.mac.hex()] for one in entries]
    said = [(previous or _BEGINNING).hex(), seal.id, seal.first_id, seal.last_id, seal.at, rows]
    return attrs.evolve(seal, chain=_keyed(secret, b"audit seal", said))


def verify(
    secret: bytes, batches: Iterable[tuple[Seal, Sequence[AuditEntry]]], loose: Iterable[AuditEntry]
) -> AuditVerdict:
    """Look at seals with their rows, in the order of their ids, and at rows of which no seal is there."""
    rows, unsealed, chains, previous = 0, 0, list[str](), b""
    broken: list[tuple[int, str]] = []
    erased, allowed = list[AuditEntry](), set[int]()
    for seal, entries in batches:
        found = [*_changed(secret, entries), *_unsealed(secret, previous, seal, entries)]
        broken += found
        rows, previous = rows + len(entries), seal.chain
        chains.append(seal.chain.hex())
        erased += [one for one in entries if one.is_erased]
        allowed |= _accounted(secret, entries)
    for one in loose:
        broken += [*_changed(secret, [one]), *_bereft(one)]
        rows, unsealed = rows + 1, unsealed + 1
        erased += [one] if one.is_erased else []
        allowed |= _accounted(secret, [one])
    broken += [
        (one.id, f"{_named(one)} was emptied, and no erasure says so") for one in erased if one.id not in allowed
    ]
    return AuditVerdict(rows=rows, unsealed=unsealed, seals=tuple(chains), broken=min(broken)[1] if broken else None)


def _changed(secret: bytes, entries: Iterable[AuditEntry]) -> Iterator[tuple[int, str]]:
    for one in entries:
        if not _holds(secret, one):
            yield one.id, f"{_named(one)} is not as it was written"


def _holds(secret: bytes, entry: AuditEntry) -> bool:
    content = entry.mac[:_SIZE]
    as_written = entry.is_erased or content == vouched(secret, entry).mac[:_SIZE]
    return as_written and entry.mac[_SIZE:] == _frame(secret, entry, content)


def _unsealed(secret: bytes, previous: bytes, seal: Seal, entries: Sequence[AuditEntry]) -> Iterator[tuple[int, str]]:
    if sealed(secret, previous, seal, entries).chain != seal.chain:
        said = "a row was taken away, added or put elsewhere, or the seal before this one was"
        yield seal.first_id, f"rows {seal.first_id} to {seal.last_id}, sealed {iso(seal.at)}: {said}"


def _bereft(entry: AuditEntry) -> Iterator[tuple[int, str]]:
    if entry.seal_id is not None:
        yield entry.id, f"{_named(entry)} was sealed, and its seal {entry.seal_id} is gone"


def _accounted(secret: bytes, entries: Iterable[AuditEntry]) -> set[int]:
    """Return the ids of the rows that erasures say they have emptied."""
    said = [one for one in entries if one.action == ERASED and not one.is_erased and _holds(secret, one)]
    return {int(row) for one in said for row in json.loads(one.detail).get("emptied", ())}


def _frame(secret: bytes, entry: AuditEntry, content: bytes) -> bytes:
    return _keyed(secret, b"audit row", [entry.id, entry.at, entry.actor, entry.action, content.hex()])


def _keyed(secret: bytes, person: bytes, said: object) -> bytes:
    written = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.blake2b(written, digest_size=_SIZE, key=secret, person=person).digest()


def _named(entry: AuditEntry) -> str:
    return f"row {entry.id} ({iso(entry.at)}, {entry.action})"
