"""From a path or a name to a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmcore.vetting.candidate import Candidate
from crmcore.vetting.inventory import Inventory, taken_stock
from crmcore.vetting.looking import looked_at
from crmcore.vetting.proving import Progress, Proofs, environment_of, prove
from crmcore.vetting.verdict import Verdict, of_suites, proved


def judge(candidate: Candidate, settings: Mapping[str, Any], limit: float, progress: Progress) -> Verdict:
    """Return what is found of a plugin; `limit` is how many seconds its suites may take."""
    stock = taken_stock(candidate.name, candidate.value, settings, environment_of(candidate))
    found = _proofs(candidate, stock, limit, progress)
    objects = proved(stock.objects, found.proofs)
    has_tests = candidate.folder is not None
    checks = [*looked_at(candidate, stock), *of_suites(stock, objects, found.broken, has_tests=has_tests)]
    return Verdict(
        plugin=candidate.name,
        version=stock.version or candidate.version,
        folder=candidate.folder,
        checks=tuple(checks),
        objects=tuple(objects),
        proofs=found.proofs,
        hooks=stock.hooks,
    )


def _proofs(candidate: Candidate, stock: Inventory, limit: float, progress: Progress) -> Proofs:
    """What does not load has nothing that a suite could be about."""
    if candidate.folder is None or stock.faults:
        return Proofs()
    return prove(candidate, candidate.folder, limit, progress)
