"""What sources declare: as plain data for JSON and TOML, and kept with the source."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs
from sqlalchemy import select

from crmcore.errors import InputError, InvalidTrackingPlan
from crmcore.model.tracking import EventPlan, FieldPlan, Fields, Source
from crmcore.model.values import to_plain
from crmcore.store import bulk, schema
from crmcore.store.plain_nodes import strict_converter
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids

if TYPE_CHECKING:
    from cattrs import Converter

Plain = dict[str, Any]
WHOLE = "the plan"


@attrs.frozen(kw_only=True)
class Declaration:
    """What a source declares, since when (microseconds UTC); each change is a new version."""

    source: Source
    version: int
    declared_at: int


# -- in the store ------------------------------------------------------------------------------------------------------


def declare(scope: Scope, source: Source) -> Declaration:
    """Keep what a source declares in place of what it declared before; the same again changes nothing."""
    source_id = source_ids(scope, [source.name])[source.name]
    known = _held(scope, source.name)
    if known is not None and known.source == source:
        return known
    made = Declaration(source=source, version=1 if known is None else known.version + 1, declared_at=scope.now)
    bulk.update(scope, schema.source, ("declared",), ("id",), [(_dumps(made), source_id)])
    return made


def declared(scope: Scope, names: Iterable[str]) -> dict[str, Declaration]:
    """Return the declarations of those of the sources that have made one."""
    rows = bulk.select_in(scope, schema.source, ("name", "declared"), {}, "name", sorted(names))
    return {name: one for name, text in rows if (one := _loads(text)) is not None}


def all_declared(scope: Scope) -> list[Declaration]:
    """Return every declaration, by the name of its source."""
    row = schema.source.c
    query = select(row.declared).where(row.workspace_id == scope.workspace_id).order_by(row.name)
    return [one for text in scope.connection.execute(query).scalars() if (one := _loads(text)) is not None]


def _held(scope: Scope, name: str) -> Declaration | None:
    """Return what is declared, and hold it until the transaction ends."""
    row = schema.source.c
    query = select(row.declared).where(row.workspace_id == scope.workspace_id, row.name == name)
    return _loads(scope.connection.execute(query.with_for_update()).scalar_one())


def _dumps(one: Declaration) -> str:
    kept = {"version": one.version, "declared_at": one.declared_at, "plan": data_of(one.source)}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=256)
def _loads(text: str) -> Declaration | None:
    """The text is read anew in each transaction, so that it is always the latest; what it says is worked out once."""
    kept = json.loads(text)
    if not kept:
        return None
    return Declaration(source=source_of(kept["plan"]), version=kept["version"], declared_at=kept["declared_at"])


# -- as plain data -----------------------------------------------------------------------------------------------------


def data_of(source: Source) -> Plain:
    """Return a source as plain data that JSON and TOML can hold; `source_of` gives the source back."""
    plain: Plain = {"name": source.name, "undeclared": source.undeclared}
    if source.events is not None:
        plain["events"] = {name: _event_data(plan) for name, plan in source.events.items()}
    if source.attributes is not None:
        plain["attributes"] = _fields_data(source.attributes)
    return plain


def _event_data(plan: EventPlan) -> Plain:
    whole: Plain = {"needs": list(plan.needs), "fields": _fields_data(plan.fields)}
    return {key: value for key, value in whole.items() if value}


def _fields_data(fields: Fields) -> Plain:
    return {name: _field_data(plan) for name, plan in fields.items()}


def _field_data(plan: FieldPlan) -> Plain | str:
    if plan == FieldPlan(plan.type):
        return plan.type
    whole = {"type": plan.type, "required": plan.required, "allowed": to_plain(plan.allowed, "allowed")}
    return {key: value for key, value in whole.items() if value}


def source_of(plain: Mapping[str, Any]) -> Source:
    """Return the source of plain data; raise InvalidTrackingPlan naming the place and the fix."""
    from cattrs import BaseValidationError, transform_error

    if not isinstance(plain, Mapping):
        raise InvalidTrackingPlan(source="", place=WHOLE, problem=f"{plain!r} is no table")
    try:
        return _converter().structure(plain, Source)
    except BaseValidationError as error:
        for inner in error.exceptions:
            if isinstance(inner, InvalidTrackingPlan):
                raise inner from None
        problem, _, place = transform_error(error, WHOLE, _told)[0].rpartition(" @ ")
        dotted = place.replace("['", ".").replace("']", "").removeprefix(f"{WHOLE}.")
        raise InvalidTrackingPlan(source=plain.get("name", ""), place=dotted, problem=problem) from error


@lru_cache(maxsize=1)
def _converter() -> Converter:
    from cattrs.gen import make_dict_structure_fn

    converter = strict_converter().copy()
    # What a list may hold is looked at by the values themselves.
    converter.register_structure_hook_func(
        lambda kind: getattr(kind, "__origin__", None) is tuple, lambda plain, _: plain
    )
    of_table = make_dict_structure_fn(FieldPlan, converter)

    def field_plan(plain: Any, kind: type[FieldPlan]) -> FieldPlan:
        return FieldPlan(plain) if isinstance(plain, str) else of_table(plain, kind)

    converter.register_structure_hook(FieldPlan, field_plan)
    return converter


def _told(error: BaseException, kind: type | None) -> str:
    """Say what the converter found wrong in words of ours."""
    from cattrs import ForbiddenExtraKeysError

    if isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl)]
        word = min(error.extra_fields)
        near = difflib.get_close_matches(word, known, 1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return f"{word!r} does not belong here; {meant}"
    if isinstance(error, KeyError):
        return "it is missing"
    is_said = isinstance(error, InputError) or kind in (str, bool)
    return str(error).rstrip(".") if is_said else "it is no table"
