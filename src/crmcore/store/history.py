"""What was ever said of a customer, from the logs: attributes, tags, wishes, memberships, consents, links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from crmcore.model.identity import Identity
from crmcore.model.linking import UNMERGED
from crmcore.model.values import Value, from_json
from crmcore.store import bulk, flags, links, schema
from crmcore.store.flags import MEMBER, OFF, ON, TAG, WISH
from crmcore.store.scope import Scope

_KINDS = {TAG: "tag", WISH: "wish", MEMBER: "membership"}
_CONSENT, _LINK = "consent", "link"


@attrs.frozen(kw_only=True)
class Written:
    """One thing that was said of a customer.

    Attributes: `at`, when it holds from; `received_at`, when it came in (both in microseconds UTC). `kind` and `name`: an
    attribute by name; a tag by name; a wish by topic; a membership by account; a consent by purpose; and of links (named,
    merged, unmerged) the kind of the identity at the other end. `detail`: the channel of a wish or consent, the role of a
    membership, the identity at the other end. `new` and `old`: what it says, and what the statement before it said, by the
    time of the statements; None where nothing was said. `source` by name, `import_id`; `identity`, what it came in under;
    `note`: basis and version of a consent, the reason of a merge, "refused".
    """

    at: int
    received_at: int
    kind: str
    name: str
    detail: str
    old: Value
    new: Value
    source: str | None
    import_id: int | None
    identity: Identity | None
    note: str


def of(scope: Scope, customer_id: int, name: str | None, limit: int) -> list[Written]:
    """Return what was said of a customer, or what of that was of one name, the latest first."""
    parts = [
        _attributes(scope, customer_id, name),
        _consents(scope, customer_id, name),
        _links(scope, customer_id, name, ours="low", theirs="high"),
        _links(scope, customer_id, name, ours="high", theirs="low"),
    ]
    whole = union_all(*parts).subquery()
    said = whole.c
    latest = (said.at.desc(), said.name, said.rank.desc(), said.id.desc())
    rows = scope.connection.execute(select(whole).order_by(*latest).limit(limit)).all()
    return _read(scope, rows)


def _row(row: Any, **columns: ColumnElement[Any]) -> Select[Any]:
    """Return a select of the columns that all logs are read as, those of the log itself where none is given."""
    empty = {"other_id": cast(null(), BigInteger), "note": literal(""), "old": cast(null(), Text)}
    given = {"id": row.id, "at": row.at, "received_at": row.received_at, "import_id": row.import_id} | empty | columns
    return select(*(given[column].label(column) for column in sorted(given)))


def _before(new: ColumnElement[str], rank: ColumnElement[str], row: Any, *key: Column[Any]) -> ColumnElement[str]:
    """Return what the statement before said of the same thing."""
    return func.lag(new).over(partition_by=key, order_by=(row.at, rank, row.id))


def _withdrawn_last(new: ColumnElement[str]) -> ColumnElement[str]:
    """Of statements of one time the withdrawal wins."""
    return case((new == OFF, literal("1")), else_=literal("0"))


def _attributes(scope: Scope, customer_id: int, name: str | None) -> Select[Any]:
    row = schema.attribute_log.c
    is_withdrawal = or_(*(and_(row.name > f"{kind}:", row.name < f"{kind};") for kind in (WISH, MEMBER)))
    rank = case((is_withdrawal, _withdrawn_last(row.new)), else_=row.new)
    said = _row(
        row,
        name=row.name,
        old=_before(row.new, rank, row, row.name),
        new=row.new,
        rank=rank,
        source_id=row.source_id,
        origin_id=row.origin_id,
    ).where(row.workspace_id == scope.workspace_id, row.customer_id == customer_id)
    return said if name is None else said.where(_is_named(row.name, name))


def _is_named(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Tell rows of the log by the attribute, the tag, the topic of a wish or the account of a membership."""
    begun = [flags.named(kind, name) for kind in (WISH, MEMBER)]
    further = [and_(column >= f"{one}:", column < f"{one};") for one in begun]
    return or_(column == name, column == flags.named(TAG, name), *further)


def _consents(scope: Scope, customer_id: int, name: str | None) -> Select[Any]:
    row = schema.consent.c
    new = case((row.granted, literal(ON)), else_=literal(OFF))
    rank = _withdrawn_last(new)
    said = _row(
        row,
        name=literal(f"{_CONSENT}:") + row.purpose + ":" + row.channel,
        old=_before(new, rank, row, row.purpose, row.channel),
        new=new,
        rank=rank,
        source_id=row.source_id,
        origin_id=row.origin_id,
        note=row.basis + case((row.text_version == "", ""), else_=" " + row.text_version),
    ).where(row.workspace_id == scope.workspace_id, row.customer_id == customer_id)
    return said if name is None else said.where(row.purpose == name)


def _links(scope: Scope, customer_id: int, name: str | None, *, ours: str, theirs: str) -> Select[Any]:
    """A link between two origins of the customer is told once, from its lower end."""
    row, identity = schema.link.c, schema.identity.c
    mine = select(identity.origin_id).where(
        identity.workspace_id == scope.workspace_id, identity.customer_id == customer_id
    )
    said = _row(
        row,
        name=literal(f"{_LINK}:") + row.kind,
        new=case((or_(row.refused, row.kind == UNMERGED), literal(OFF)), else_=literal(ON)),
        rank=row.kind,
        source_id=cast(null(), BigInteger),
        origin_id=row[ours],
        other_id=row[theirs],
        note=case((row.refused, literal("refused ") + row.reason), else_=row.reason),
    ).where(row.workspace_id == scope.workspace_id, row[ours].in_(mine))
    if ours == "high":
        said = said.where(row.low.not_in(mine))
    if name is None:
        return said
    named = select(identity.origin_id).where(
        identity.workspace_id == scope.workspace_id, identity.origin_id == row[theirs], identity.kind == name
    )
    return said.where(named.exists())


def _read(scope: Scope, rows: Sequence[Any]) -> list[Written]:
    origins = {one.origin_id for one in rows} | {one.other_id for one in rows if one.other_id is not None}
    identities = links.names_of(scope, origins)
    columns = ("id", "name")
    ids = sorted({one.source_id for one in rows if one.source_id is not None})
    sources = {one: name for one, name in bulk.select_in(scope, schema.source, columns, {}, "id", ids)}
    return [
        Written(
            at=one.at,
            received_at=one.received_at,
            **_placed(one.name, identities.get(one.other_id)),
            old=None if one.old is None else from_json(one.old),
            new=from_json(one.new),
            source=sources.get(one.source_id),
            import_id=one.import_id,
            identity=identities.get(one.origin_id),
            note=one.note.strip(),
        )
        for one in rows
    ]


def _placed(name: str, other: Identity | None) -> dict[str, str]:
    """Return kind, name and detail of a row."""
    kind, parts = flags.parts(name)
    if not parts:
        return {"kind": "attribute", "name": kind, "detail": ""}
    if kind == _LINK:
        end = {"name": "", "detail": ""} if other is None else {"name": other.kind, "detail": other.value}
        return {"kind": parts[0], **end}
    return {"kind": _KINDS.get(kind, kind), "name": parts[0], "detail": "".join(parts[1:])}
