"""Modules that hold something of customers and are not here to say what."""

from __future__ import annotations

from collections.abc import Collection

from crmcore.errors import ModulesAbsent
from crmcore.migrations import modules as revisions
from crmcore.store.scope import Scope


def refuse_lacking(scope: Scope, loaded: Collection[str], without: Collection[str], what: str) -> None:
    """Raise ModulesAbsent where a module has tables in this database, is not loaded, and is not left out on purpose."""
    connection = scope.connection
    unasked = [one for one in revisions.distributions(connection) if one not in loaded and one not in without]
    if lacking := [one for one in unasked if revisions.current(connection, one) is not None]:
        raise ModulesAbsent(modules=", ".join(lacking), what=what)
