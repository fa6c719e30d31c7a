"""All that is held about a customer, as what JSON can hold: the core's tables, and each module's share."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from crmcore.errors import ModuleFailed, UnknownCustomer
from crmcore.flow.blaming import RAISED
from crmcore.flow.privacy.lacking import refuse_lacking
from crmcore.hooks.module import Module
from crmcore.model.identity import Identity
from crmcore.model.time import iso
from crmcore.store import holdings, persons
from crmcore.store.persons import Person
from crmcore.store.scope import Scope
from crmcore.store.tables import ScopedTables

#: JSON numbers are exact up to here in every reader; ids are larger, and so are text.
EXACT = 2**53
#: Columns that hold JSON, and those that hold times beside all whose names end with _at.
_JSON = frozenset({"body", "context", "detail", "fields", "new", "old", "payload", "proof", "properties", "truths"})
_TIMES = frozenset({"at", "since", "until", "lease_until"})


def share(
    scope: Scope, named: Sequence[Identity], modules: Mapping[str, Module], without: Collection[str] = ()
) -> tuple[Person, dict[str, Any]]:
    """Return who that is and everything held about them; raise UnknownCustomer, ModuleFailed, ModulesAbsent."""
    refuse_lacking(scope, modules, without, "export")
    person = persons.find(scope, named)
    if person is None:
        raise UnknownCustomer(kind=named[0].kind, value=named[0].value)
    found = holdings.traces(scope, person, named)
    tables = {table.name.removeprefix("crm_"): holdings.rows(scope, table, found) for table in holdings.HELD}
    return person, {
        "customer": str(person.id),
        "identities": [{"kind": one.kind, "value": one.value} for one in person.names],
        "exported_at": iso(scope.now),
        "core": {name: [_plain(row) for row in rows] for name, rows in sorted(tables.items()) if rows},
        "modules": {name: _of_module(scope, module, person) for name, module in sorted(modules.items())},
    }


def _of_module(scope: Scope, module: Module, person: Person) -> dict[str, Any]:
    """Return what a module holds under each id; nothing is said of ids that it knows nothing of."""
    tables = ScopedTables(scope)
    try:
        shares = {str(one): module.export(tables, one) for one in person.customers}
    except RAISED as error:
        raise ModuleFailed(module=module.name, what="export", problem=type(error).__name__) from error
    return {one: dict(said) for one, said in shares.items() if said}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    match value:
        case bytes() | memoryview():
            return bytes(value).hex()
        case str() if name in _JSON:
            return _of_json(value)
        case bool():
            return value
        case int() if name.endswith("_at") or name in _TIMES:
            return iso(value)
        case int() if abs(value) > EXACT:
            return str(value)
    return value


def _of_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
