"""A customer is erased: from every table and from every module, in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs

from crmcore.errors import ModuleFailed
from crmcore.flow import folding
from crmcore.flow.blaming import RAISED
from crmcore.flow.privacy.lacking import refuse_lacking
from crmcore.hooks.module import Module
from crmcore.hooks.notices import CustomerErased
from crmcore.model import audit as log
from crmcore.model.identity import Identity
from crmcore.store import audit, claims, erasing, holdings, notices, persons
from crmcore.store.compacting import Compaction
from crmcore.store.engine import may_pass
from crmcore.store.persons import Person
from crmcore.store.scope import Scope
from crmcore.store.tables import ScopedTables


@attrs.frozen(kw_only=True)
class Erased:
    """The receipt of an erasure: nothing of it says who that was.

    Attributes: `id` (its row in the audit log says it too, where there is one: of nothing there is none); `at` (microseconds UTC); `customers` (how many there were, those
    merged into one another counted each; 0 where nobody was known by that name); `tables` (rows concerned, by table);
    `modules` (rows deleted, by module); `compaction` (what became of it, where it was asked for).
    """

    id: int
    at: int
    customers: int
    tables: Mapping[str, int]
    modules: Mapping[str, int]
    compaction: Compaction | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody was known by that name, and nothing was held of it."""
        return not self.customers and not self.tables


def erase(
    scope: Scope, named: Sequence[Identity], modules: Mapping[str, Module], without: Collection[str] = ()
) -> Erased:
    """Erase whoever is called so; raise ModuleFailed or ModulesAbsent, and nothing is erased then."""
    refuse_lacking(scope, modules, without, "erase")
    folding.fold_visible(scope)
    scope.settle()
    person = persons.find_and_claim(scope, named)
    if person is not None:
        claims.hold_contacts(scope, person.near)
    emptied_by = {name: _by_module(scope, module, person) for name, module in sorted(modules.items())}
    tables, emptied = erasing.erase(scope, holdings.traces(scope, person, named))
    receipt = Erased(
        id=scope.new_id(),
        at=scope.now,
        customers=0 if person is None else len(person.customers),
        tables=tables,
        modules=emptied_by,
    )
    if emptied or not receipt.is_empty:
        _tell(scope, receipt, person, emptied)
    return receipt


def _by_module(scope: Scope, module: Module, person: Person | None) -> int:
    if person is None:
        return 0
    tables = ScopedTables(scope)
    try:
        return sum(module.erase(tables, one) for one in person.customers)
    except RAISED as error:
        if may_pass(error):
            raise
        raise ModuleFailed(module=module.name, what="erase", problem=type(error).__name__) from error


def _tell(scope: Scope, receipt: Erased, person: Person | None, emptied: Sequence[int]) -> None:
    said = {"customers": receipt.customers, "tables": receipt.tables, "modules": receipt.modules}
    audit.note(scope, log.ERASED, f"erasure {receipt.id}", {**said, "emptied": list(emptied)})
    customers = () if person is None else person.customers
    notices.post(scope, [CustomerErased(customer_id=one, at=scope.now) for one in customers])
