"""Templates that their carrier does not let go, and the runs that stand still for it: kept beside what else holds back.

A template's row says when its carrier last spoke of it; a run's, why it stands still.
"""

from __future__ import annotations

import attrs
from sqlalchemy import select

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

TEMPLATE, RUN = "template", "run"
_COLUMNS = ("scope", "key", "tokens", "rate", "burst", "updated_at", "blocked_until", "reason")
_THEN = """ON CONFLICT (workspace_id, scope, key) DO UPDATE SET
updated_at = excluded.updated_at, blocked_until = excluded.blocked_until, reason = excluded.reason"""


@attrs.frozen(order=True)
class Word:
    """What a carrier has said of a template of its own, and when: of two at one time the refusal counts."""

    at: int
    is_refusal: bool
    reason: str


@attrs.frozen
class Named:
    """A template as its carrier names it; `locale` is empty for all."""

    channel: str
    name: str
    locale: str

    @property
    def key(self) -> str:
        """How its row is found."""
        return f"{self.channel}/{self.locale}/{self.name}"


def words(scope: Scope) -> dict[Named, Word]:
    """Return the last word on each template that a carrier has spoken of."""
    return {_named(key): Word(at, until is not None, reason or "") for key, at, until, reason in _rows(scope, TEMPLATE)}


def say(scope: Scope, said: dict[Named, Word]) -> None:
    """Keep the last word on templates."""
    rows = [
        _row(TEMPLATE, one.key, word.at, word.reason, word.at if word.is_refusal else None)
        for one, word in said.items()
    ]
    bulk.insert(scope, schema.limit, _COLUMNS, rows, _THEN)


def of_runs(scope: Scope) -> dict[int, str]:
    """Return why runs stand still, of those that do so for a template."""
    return {int(key): reason or "" for key, _, _, reason in _rows(scope, RUN)}


def hold(scope: Scope, run_id: int, reason: str) -> None:
    """Note why a run stands still."""
    bulk.insert(scope, schema.limit, _COLUMNS, [_row(RUN, str(run_id), scope.now, reason, scope.now)], _THEN)


def let_go(scope: Scope, run_id: int) -> bool:
    """Forget why a run stands still; tell whether that was for a template."""
    is_held = run_id in of_runs(scope)
    bulk.delete(scope, schema.limit, ("scope", "key"), [(RUN, str(run_id))] if is_held else [])
    return is_held


def _row(kind: str, key: str, at: int, reason: str, until: int | None) -> tuple[object, ...]:
    return kind, key, 0, 0, 0, at, until, reason


def _rows(scope: Scope, kind: str) -> list[tuple[str, int, int | None, str | None]]:
    row = schema.limit.c
    query = select(row.key, row.updated_at, row.blocked_until, row.reason)
    found = scope.connection.execute(query.where(row.workspace_id == scope.workspace_id, row.scope == kind))
    return [(key, at, until, reason) for key, at, until, reason in found]


def _named(key: str) -> Named:
    channel, locale, name = key.split("/", 2)
    return Named(channel, name, locale)
