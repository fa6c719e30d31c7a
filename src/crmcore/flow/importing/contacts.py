"""What a list of contacts says of who may be written to: consents, wishes, suppressions.

Whatever refuses counts, whatever else a line says; a doubt outweighs what was agreed to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

import attrs

from crmcore.errors import InvalidValue
from crmcore.flow.importing.mapping import Contact, State
from crmcore.flow.importing.reader import FALSE, Cells, Reader, listed, truth
from crmcore.model import verbs
from crmcore.model.identity import Identity
from crmcore.model.names import slug
from crmcore.model.purpose import MARKETING
from crmcore.model.wire import Statement

_SUPPRESSING: Mapping[State, str] = {"bounced": "bounce", "complained": "complaint", "suppressed": "manual"}
_REFUSING: tuple[State, ...] = ("unsubscribed", *_SUPPRESSING)
#: When a consent was given that nobody knows the time of: whatever else was said holds against it.
LONG_AGO = 0


@attrs.frozen(kw_only=True)
class _Asked:
    """A line that is asked who may be written to; `named` are its customer's identities, `at` is its own time."""

    read: Reader
    contact: Contact
    cells: Cells
    named: tuple[Identity, ...]
    at: int
    now: int

    def text(self, column: str) -> str:
        """Return a cell; empty where no column is named."""
        return self.read.contact[column](self.cells) if column else ""

    def mark(self, column: str) -> str:
        """Return a cell that says that something is so: a time, or a mark such as "yes"; empty where it says no."""
        text = self.text(column)
        return "" if text.casefold() in FALSE else text

    def moment(self, *columns: str) -> int | None:
        """Return the first time that columns say; a mark such as "yes" says that it is so, not since when."""
        dated = ((column, text) for column in columns if any(map(str.isdigit, text := self.mark(column))))
        return next((self.read.moment(column, text) for column, text in dated), None)


def statements(read: Reader, cells: Cells, named: tuple[Identity, ...], at: int, now: int) -> tuple[Statement, ...]:
    """Return what a line says of its customer's wish to be written to; nothing where the mapping asks for nothing."""
    if read.map.contact is None:
        return ()
    asked = _Asked(read=read, contact=read.map.contact, cells=cells, named=named, at=at, now=now)
    if any(_fits(asked.text(column), other) for column, others in asked.contact.elsewhere.items() for other in others):
        return ()
    unwanted = [topic for topic, column in asked.contact.unwanted.items() if _is_yes(column, asked.text(column))]
    states = _states(asked)
    if unwanted:
        states.add("unconfirmed")
    return (*_permissions(asked, states), *_wishes(asked, states, unwanted))


def _states(asked: _Asked) -> set[State]:
    """Return all that a line says; what it means otherwise is added where it says nothing, and where that refuses."""
    contact = asked.contact
    dated: dict[State, str] = {
        "subscribed": asked.mark(contact.subscribed_at) or asked.mark(contact.confirmed_at),
        "unsubscribed": asked.mark(contact.unsubscribed_at),
        "bounced": asked.mark(contact.bounced_at),
    }
    told: set[State] = {state for state, text in dated.items() if text}
    for column, meanings in contact.states.items():
        told |= _meant(column, asked.text(column), tuple(meanings.items()))
    told -= {"unknown"}
    return told | {contact.otherwise} if not told or contact.otherwise in _REFUSING else told


@lru_cache(maxsize=4096)
def _meant(column: str, text: str, meanings: tuple[tuple[str, State], ...]) -> frozenset[State]:
    return frozenset(_meaning(column, part, meanings) for part in listed(text))


def _meaning(column: str, text: str, meanings: tuple[tuple[str, State], ...]) -> State:
    """The text itself comes before what fits it."""
    exact = {name.casefold(): state for name, state in meanings}
    fitting = (state for name, state in meanings if _fits(text, name))
    found = exact.get(text.casefold()) or next(fitting, None)
    if found is None:
        known = ", ".join(repr(name) for name, _ in meanings)
        raise InvalidValue(place=f"column {column}", problem=f"{text!r} is none of the states {known}")
    return found


def _fits(text: str, pattern: str) -> bool:
    return fnmatchcase(text.casefold(), pattern.casefold())


def _is_yes(column: str, text: str) -> bool:
    return bool(text) and truth(column, text)


def _permissions(asked: _Asked, states: set[State]) -> Iterator[Statement]:
    """A subscriber has agreed to the purposes named; who unsubscribed wants no marketing at all."""
    contact = asked.contact
    if "unsubscribed" in states:
        at = asked.moment(contact.unsubscribed_at)
        yield from _consents(asked, sorted(MARKETING), granted=False, at=asked.at if at is None else at)
    for state in sorted(states & _SUPPRESSING.keys()):
        yield _suppressed(asked, state)
    if "subscribed" in states and not states & {*_REFUSING, "unconfirmed"}:
        at = asked.moment(contact.confirmed_at, contact.subscribed_at)
        yield from _consents(asked, contact.purposes, granted=True, at=LONG_AGO if at is None else at)


def _consents(asked: _Asked, purposes: Iterable[str], *, granted: bool, at: int) -> Iterator[Statement]:
    contact = asked.contact
    proof = {name: text for name, column in contact.proof.items() if (text := asked.text(column))}
    if contact.origin:
        proof["origin"] = contact.origin
    for purpose in purposes:
        yield verbs.consent(
            asked.now,
            asked.named,
            purpose,
            granted=granted,
            channel=contact.channel,
            proof=proof,
            at=at,
            source=asked.read.map.source,
        )


def _suppressed(asked: _Asked, state: State) -> Statement:
    at = asked.moment(asked.contact.bounced_at) if state == "bounced" else None
    return verbs.suppress(
        asked.now,
        asked.named,
        address=next((one for one in asked.named if one.kind == asked.contact.channel), None),
        channel=asked.contact.channel,
        reason=_SUPPRESSING[state],
        at=asked.at if at is None else at,
        source=asked.read.map.source,
    )


def _wishes(asked: _Asked, states: set[State], unwanted: Iterable[str]) -> Iterator[Statement]:
    """Topics are wanted by whom nothing keeps from wanting them."""
    topics = {slug(name): states <= {"subscribed", "unknown"} for name in listed(asked.text(asked.contact.topics))}
    for topic, wanted in (topics | dict.fromkeys(unwanted, False)).items():
        yield verbs.subscribe(
            asked.now,
            asked.named,
            topic,
            wanted=wanted,
            channel=asked.contact.channel,
            at=asked.at,
            source=asked.read.map.source,
        )
