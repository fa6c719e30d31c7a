"""The part of a CRM that people ask for their data, and to be forgotten: exports, erasure, retention, the audit log."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from crmcore.facet import Facet
from crmcore.model.identity import Who, identities

if TYPE_CHECKING:
    from crmcore.flow.privacy.erasing import Erased
    from crmcore.flow.privacy.retaining import Aged
    from crmcore.model.audit import AuditEntry, AuditVerdict
    from crmcore.registry import Registry
    from crmcore.settings import Settings


class Privacy(Facet):
    """What is held about one customer, and for how long."""

    registry: Registry
    settings: Settings

    @abstractmethod
    def _tell(self) -> int:
        """Tell plugins what they have not been told."""

    def export(self, customer: Who, *, without: Collection[str] = ()) -> dict[str, Any]:
        """Return all that is held about a customer, as what JSON can hold: in the core's tables, and by each module.

        Those merged into it are part of it. Raise UnknownCustomer; ModuleFailed where a module does not give its share;
        ModulesAbsent where one that is not loaded has tables here, unless it is named in `without`.
        """
        from crmcore.flow.privacy import sharing
        from crmcore.store import audit

        self._fold()
        with self._opened.reading() as scope:
            person, share = sharing.share(scope, identities(customer), self.registry.modules, without)
        subject = audit.about_customer(person.id)
        self._opened.write(partial(audit.note, action="customer exported", subject=subject))
        return {"workspace": self._opened.workspace.name, **share}

    def erase(self, customer: Who, *, compact: bool = False, without: Collection[str] = ()) -> Erased:
        """Erase a customer from every table and every module, with all that was merged into it; return a receipt.

        What runs of campaigns counted stays, as nobody's; addresses that must never be written to stay as salted hashes.
        What comes in afterwards under the same key is of a new customer. Erasing whom nobody knows does no harm: the
        receipt counts 0 customers. With `compact` the database is written anew, so that not a byte is left in its files.
        Raise ModuleFailed where a module cannot, ModulesAbsent where one that is not loaded has tables here and is not named
        in `without`; nothing is erased then.
        """
        from crmcore.flow.privacy import erasing
        from crmcore.store.compacting import compact as compacted

        self._fold()
        named, modules = identities(customer), self.registry.modules
        receipt = self._opened.write(partial(erasing.erase, named=named, modules=modules, without=without))
        if not compact:
            return receipt
        self._tell()
        return attrs.evolve(receipt, compaction=compacted(self._opened.engine))

    def audit(self, limit: int = 100) -> list[AuditEntry]:
        """Return the latest rows of the audit log, the last one first."""
        from crmcore.store import audit

        with self._opened.reading() as scope:
            return audit.latest(scope, limit)

    def verify_audit(self) -> AuditVerdict:
        """Look at the whole audit log: whether each row, and each seal, is as it was written."""
        from crmcore.store import audit

        with self._opened.reading() as scope:
            return audit.verified(scope)

    def aged(self) -> list[Aged]:
        """Return what has been kept for long enough by the settings (`[retention]`), and would be deleted now."""
        from crmcore.flow.privacy import retaining

        with self._opened.reading() as scope:
            return retaining.aged(scope, self.settings.retention)

    def retention_warnings(self) -> list[str]:
        """Return, in words, which names and patterns of `[retention.events]` fit no event in the log, as misspelt ones do."""
        from crmcore.flow.privacy import retaining

        with self._opened.reading() as scope:
            return retaining.unfounded(scope, self.settings.retention)

    def delete_aged(self) -> list[Aged]:
        """Delete all that has been kept for long enough, which `work` does bit by bit; return what it was."""
        from crmcore.flow.privacy import retaining

        self._fold()
        return retaining.delete_all(self._opened.write, self._opened.reading, self.settings.retention)
