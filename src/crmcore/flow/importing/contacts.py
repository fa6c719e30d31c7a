"""What a list of contacts says of who may be written to: consents, wishes, suppressions."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from crmcore.errors import InvalidValue
from crmcore.flow.importing.mapping import Contact, State
from crmcore.flow.importing.reader import Cells, Reader
from crmcore.model import verbs
from crmcore.model.identity import Identity
from crmcore.model.names import slug
from crmcore.model.purpose import MARKETING
from crmcore.model.wire import Statement

_SUPPRESSING = {"bounced": "bounce", "complained": "complaint", "suppressed": "manual"}


@attrs.frozen(kw_only=True)
class _Said:
    """How a contact stands, and since when."""

    state: State
    at: int


def statements(read: Reader, cells: Cells, named: tuple[Identity, ...], at: int, now: int) -> tuple[Statement, ...]:
    """Return what a line says of its customer's wish to be written to; nothing where the mapping asks for nothing."""
    contact = read.map.contact
    if contact is None:
        return ()
    said = _said(read, contact, cells, at)
    return (*_permissions(read, contact, said, cells, named, now), *_wishes(read, contact, said, cells, named, now))


def _said(read: Reader, contact: Contact, cells: Cells, at: int) -> _Said:
    """A bounce outweighs an unsubscription, which outweighs the rest."""
    dated: tuple[tuple[State, str], ...] = (
        ("bounced", contact.bounced_at),
        ("unsubscribed", contact.unsubscribed_at),
    )
    for state, column in dated:
        if column and (text := read.contact[column](cells)):
            return _Said(state=state, at=_moment(read, column, text, at))
    state = _state(read, contact, cells)
    column = contact.subscribed_at
    if state in ("unknown", "subscribed") and column and (text := read.contact[column](cells)):
        return _Said(state="subscribed", at=_moment(read, column, text, at))
    return _Said(state=state, at=at)


def _moment(read: Reader, column: str, text: str, at: int) -> int:
    """A mark such as "yes" says that it is so, not since when."""
    return read.moment(column, text) if any(sign.isdigit() for sign in text) else at


def _state(read: Reader, contact: Contact, cells: Cells) -> State:
    text = read.contact[contact.status](cells) if contact.status else ""
    if not text:
        return contact.otherwise
    states = {name.casefold(): state for name, state in contact.states.items()}
    if text.casefold() not in states:
        known = ", ".join(map(repr, contact.states))
        raise InvalidValue(place=f"column {contact.status}", problem=f"{text!r} is none of the states {known}")
    return states[text.casefold()]


def _permissions(
    read: Reader, contact: Contact, said: _Said, cells: Cells, named: tuple[Identity, ...], now: int
) -> Iterator[Statement]:
    """A subscriber has agreed to the purposes named; who unsubscribed wants no marketing at all."""
    if said.state in _SUPPRESSING:
        address = next((one for one in named if one.kind == contact.channel), None)
        yield verbs.suppress(
            now,
            named,
            address=address,
            channel=contact.channel,
            reason=_SUPPRESSING[said.state],
            at=said.at,
            source=read.map.source,
        )
    elif said.state != "unknown":
        granted = said.state == "subscribed"
        proof = {name: text for name, column in contact.proof.items() if (text := read.contact[column](cells))}
        for purpose in contact.purposes if granted else sorted(MARKETING):
            yield verbs.consent(
                now,
                named,
                purpose,
                granted=granted,
                channel=contact.channel,
                proof=proof,
                at=said.at,
                source=read.map.source,
            )


def _wishes(
    read: Reader, contact: Contact, said: _Said, cells: Cells, named: tuple[Identity, ...], now: int
) -> Iterator[Statement]:
    names = read.contact[contact.topics](cells) if contact.topics else ""
    for name in names.replace(";", ",").split(","):
        if name.strip():
            yield verbs.subscribe(
                now,
                named,
                slug(name.strip()),
                wanted=said.state in ("subscribed", "unknown"),
                channel=contact.channel,
                at=said.at,
                source=read.map.source,
            )
