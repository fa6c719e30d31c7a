"""A dry run: what an import would do, line by line and field by field, without writing anything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from crmcore.flow.importing import marks
from crmcore.flow.importing.facts import Fact, Subject, Telling, facts, subject
from crmcore.flow.importing.mapping import ColumnMap
from crmcore.flow.importing.reader import Reader, reader
from crmcore.flow.importing.reading import count_lines, layout_of, table
from crmcore.flow.importing.running import Good, batches, screened, sort
from crmcore.flow.progress import Progress
from crmcore.model.event import Event
from crmcore.model.identity import KEY, Identity
from crmcore.model.values import from_json
from crmcore.store import accounts, identities, imports, states
from crmcore.store.scope import Read, Scope
from crmcore.store.scratch import Scratch
from crmcore.store.sources import known_source

NEW, CHANGED, UNCHANGED = "new", "changed", "unchanged"


@attrs.frozen(kw_only=True)
class Change:
    """One field that would change; `old` is None where there is nothing yet."""

    field: str
    old: Any
    new: Any


@attrs.frozen(kw_only=True)
class LineChange:
    """What one line would do: `verdict` new, changed or refused (`reason`); `who` is the customer or account it names."""

    number: int
    verdict: str
    who: str = ""
    changes: tuple[Change, ...] = ()
    reason: str = ""


@attrs.frozen(kw_only=True)
class Preview:
    """What an import would do: lines by verdict, and the first of those that do something or do not fit."""

    read: int
    new: int
    changed: int
    unchanged: int
    dropped: dict[str, int]
    refused: dict[str, int]
    lines: tuple[LineChange, ...]


def preview(reading: Read, path: Path, made: ColumnMap, limit: int, progress: Progress) -> Preview:
    """Return what an import of a file would do; raise InvalidFile."""
    counts: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    shown: list[LineChange] = []
    with (
        table(path, layout_of(path, made.encoding, made.delimiter), made.sheet or None) as marked,
        Scratch() as equal,
        Scratch() as notes,
    ):
        total, file = count_lines(path), marks.unmark(marked).table
        read = reader(made, file.header, path)
        for batch in batches(file.rows):
            with reading() as scope:
                sorted_ = sort(read, batch, equal, scope.now)
                known = _known(scope, read, sorted_.good)
                done = screened(scope, sorted_, known)
                verdicts = list(_verdicts(scope, done.good, known, notes))
            bad = [LineChange(number=one.number, verdict="refused", reason=one.reason) for one in done.bad]
            counts += Counter(read=len(batch)) + Counter(one.verdict for one in verdicts)
            dropped += done.dropped
            refused += Counter(one.reason for one in done.bad)
            telling = [one for one in (*verdicts, *bad) if one.verdict != UNCHANGED]
            shown += sorted(telling, key=lambda one: one.number)[: max(0, limit - len(shown))]
            progress(counts["read"], max(total - 1, counts["read"]))
    return Preview(
        read=counts["read"],
        new=counts[NEW],
        changed=counts[CHANGED],
        unchanged=counts[UNCHANGED],
        dropped=dict(dropped),
        refused=dict(refused),
        lines=tuple(shown),
    )


def _known(scope: Scope, read: Reader, good: Sequence[Good]) -> set[bytes]:
    source_id = known_source(scope, read.map.source)
    return (
        set() if source_id is None else imports.known_fingerprints(scope, source_id, [one.fingerprint for one in good])
    )


def _verdicts(scope: Scope, good: Sequence[Good], known: set[bytes], notes: Scratch) -> Iterator[LineChange]:
    standing = _Standing(scope, [one for one in good if one.fingerprint not in known], notes)
    for one in good:
        if one.fingerprint in known:
            yield LineChange(number=one.row.number, verdict=UNCHANGED)
        else:
            yield _verdict(one, standing)
    standing.keep()


def _verdict(one: Good, standing: _Standing) -> LineChange:
    first = next(each for each in one.line.statements if isinstance(each, Event | Telling))
    said = [fact for statement in one.line.statements for fact in facts(statement)]
    if isinstance(first, Event):
        who = first.customer[0]
        for fact in said:
            standing.settle(fact)
        return LineChange(number=one.row.number, verdict=NEW, who=f"{who.kind} {who.value}")
    told = subject(first)
    is_new = not standing.is_known(told)
    standing.see(told)
    changes = tuple(change for fact in said if (change := standing.settle(fact)) is not None)
    verdict = NEW if is_new else CHANGED if changes else UNCHANGED
    return LineChange(number=one.row.number, verdict=verdict, who=_called(told), changes=changes)


def _called(who: Subject) -> str:
    kind, name, value = who
    return f"{name or kind} {value}"


class _Standing:
    """How everybody a batch names stands: as stored, and as earlier lines of the file would have it (`notes`)."""

    def __init__(self, scope: Scope, good: Sequence[Good], notes: Scratch) -> None:
        self._notes = notes
        statements = [one for each in good for one in each.line.statements if isinstance(one, Event | Telling)]
        groups = [one.customer for one in statements if one.customer]
        said = [fact for one in statements for fact in facts(one)]
        about = {subject(one) for one in statements if isinstance(one, Telling)}
        self._who = self._tokens(scope, groups, about | {fact.subject for fact in said})
        self._stored = self._read_stored(scope, set(self._who.values()))
        self._noted = notes.read({f"f{self._who[one.subject]} {one.field}" for one in said})
        self._seen = notes.read({f"s{token}" for token in self._who.values()})

    def is_known(self, who: Subject) -> bool:
        """Tell whether there is such a customer or account, or would be after the lines before."""
        token = self._who[who]
        return token in self._stored or f"s{token}" in self._seen

    def see(self, who: Subject) -> None:
        """Let there be such a customer or account."""
        self._seen[f"s{self._who[who]}"] = 1

    def settle(self, fact: Fact) -> Change | None:
        """Let a fact be; return what it changes."""
        token = self._who[fact.subject]
        self.see(fact.subject)
        place = f"f{token} {fact.field}"
        old = self._old(place, token, fact.field)
        if old is not None and states.rank(fact.field, old) >= states.rank(fact.field, (fact.value, fact.at)):
            return None
        self._noted[place] = json.dumps([fact.value, fact.at])
        if old is not None and old[0] == fact.value:
            return None
        return Change(field=fact.field, old=None if old is None else from_json(old[0]), new=from_json(fact.value))

    def keep(self) -> None:
        """Note what this batch has said, for the batches that follow."""
        self._notes.write(self._noted | self._seen)

    def _old(self, place: str, token: str, field: str) -> states.Standing | None:
        if place in self._noted:
            value, at = json.loads(self._noted[place])
            return value, at
        return self._stored.get(token, {}).get(field)

    def _tokens(
        self, scope: Scope, groups: Sequence[tuple[Identity, ...]], subjects: set[Subject]
    ) -> dict[Subject, str]:
        """Return what stands for each subject: a stored customer or account, else one that the file would make."""
        names = {("customer", name.kind, name.value): name for group in groups for name in group}
        owners = identities.find(scope, names.values())
        tokens = {key: f"c{owners[name][0]}" for key, name in names.items() if name in owners}
        noted = self._notes.read({f"i{kind} {value}" for _, kind, value in names})
        tokens |= {
            key: noted[place] for key in names if (place := f"i{key[1]} {key[2]}") in noted and key not in tokens
        }
        keyed = self._keyed(scope, set(tokens.values()))
        for group in groups:
            keys = [("customer", name.kind, name.value) for name in group]
            has_new_key = any(kind == KEY and (one, kind, value) not in tokens for one, kind, value in keys)
            known = (tokens[key] for key in keys if key in tokens and not (has_new_key and tokens[key] in keyed))
            token = next(known, f"n{keys[0][1]} {keys[0][2]}")
            tokens |= {key: token for key in keys if key not in tokens}
            keyed |= {token} if any(kind == KEY for _, kind, _ in keys) else set()
        self._notes.write(dict.fromkeys((f"k{token}" for token in keyed), 1))
        self._notes.write({f"i{kind} {value}": tokens["customer", kind, value] for _, kind, value in names})
        found = accounts.find(scope, {key for kind, _, key in subjects if kind == "account"})
        made = {one: f"b{one[2]}" for one in subjects if one[0] == "account"}
        return tokens | made | {("account", "", key): f"a{one}" for key, one in found.items()}

    def _keyed(self, scope: Scope, tokens: set[str]) -> set[str]:
        """Return those customers who have a key: two of them are never one, whatever address they share."""
        stored = identities.with_key(scope, [int(one[1:]) for one in tokens if one[0] == "c"])
        noted = self._notes.read({f"k{one}" for one in tokens})
        return {f"c{one}" for one in stored} | {one[1:] for one in noted}

    def _read_stored(self, scope: Scope, tokens: set[str]) -> dict[str, states.Fields]:
        customers = [int(one[1:]) for one in tokens if one[0] == "c"]
        companies = [int(one[1:]) for one in tokens if one[0] == "a"]
        stored = {f"c{one}": fields for one, fields in states.of_customers(scope, customers).items()}
        return stored | {f"a{one}": fields for one, fields in states.of_accounts(scope, companies).items()}
