"""Files that `crm export-file` wrote: known by their header, and read back without loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from crmcore.errors import InvalidFile
from crmcore.flow.exporting import headings
from crmcore.flow.importing.mapping import ColumnMap, Columns, Kind

#: Columns that a file of each kind has, and hardly another.
_NEEDED: Mapping[str, frozenset[str]] = {
    "customers": frozenset({headings.KEY, headings.IDENTITIES, headings.WRITTEN}),
    "events": frozenset({"at", "event", headings.CUSTOMER, headings.CUSTOMER_BY, "message_id"}),
    "deliveries": frozenset({"delivery", "campaign", headings.CUSTOMER, headings.CUSTOMER_BY, "state"}),
}
_MAPS = {
    "customers": Columns(customer=headings.KEY),
    "events": Columns(customer=headings.CUSTOMER, name="event", at="at"),
}


def recognised(header: Sequence[str]) -> str:
    """Return which export a header is of, "" where it is of none."""
    return next((kind for kind, needed in _NEEDED.items() if needed <= set(header)), "")


def mapping(path: Path, header: Sequence[str], kind: Kind) -> ColumnMap:
    """Return how an export is read; raise InvalidFile where it is of another kind, or of deliveries."""
    found = recognised(header)
    if found not in _MAPS:
        problem = (
            f"this is an export of {found}; the ledger is written by sending alone, and takes in nobody else's rows"
        )
        raise InvalidFile(file=path, place="the header", problem=problem)
    if found != kind:
        raise InvalidFile(
            file=path, place="the header", problem=f"this is an export of {found}: import it --as {found}"
        )
    return ColumnMap(kind=kind, source="", columns=_MAPS[found], escaped=True)
