"""What was found of a plugin, as values, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import attrs

from crmcore.vetting.inventory import Inventory, Registered

Outcome = Literal["passed", "failed", "skipped", "expected", "not looked at"]
#: The suites that prove what a contract asks for; of coupon sources there is none.
SUITES: Mapping[str, str] = {
    "channel": "ChannelSuite",
    "provider": "ProviderSuite",
    "recommender": "RecommenderSuite",
    "rule": "RuleSuite",
    "step": "StepSuite",
    "gate": "GateSuite",
    "module": "ModuleSuite",
}
WEBHOOKS = "WebhookSuite"
#: Why what a plugin does with a notice is for tests of its own.
UNHEARD = "there is none of what a plugin does when it is told something"
TOLD_AGAIN = "ModuleSuite looks at its tables after notices, not at what else it does when it is told something"
UNLOADED = "it does not load"
NO_TESTS = "nothing is proved: no tests are installed with it; name its folder instead"


@attrs.frozen(kw_only=True)
class Check:
    """One thing looked at: `said` is what is wrong, or why it was skipped, expected to fail or not looked at."""

    name: str
    outcome: Outcome
    said: str = ""


@attrs.frozen(kw_only=True)
class Proof:
    """One check of a suite: by which class of the author's, about which objects, and what it promises."""

    suite: str
    by: str
    check: str
    promise: str
    objects: tuple[str, ...]
    outcome: Outcome
    said: str = ""


@attrs.frozen(kw_only=True)
class Proved:
    """What the suites found of an object; `suites` are those that were about it, `missing` those that should have been."""

    object: str
    suites: tuple[str, ...]
    missing: tuple[str, ...]
    passed: int
    failed: int
    expected: int
    skipped: int


@attrs.frozen(kw_only=True)
class Verdict:
    """All of it; `hooks` are the notices it listens to."""

    plugin: str
    version: str
    folder: Path | None
    checks: tuple[Check, ...]
    objects: tuple[Proved, ...]
    proofs: tuple[Proof, ...]
    hooks: tuple[str, ...]

    @property
    def is_fine(self) -> bool:
        """Whether nothing failed."""
        outcomes = [one.outcome for one in self.checks] + [one.outcome for one in self.proofs]
        return "failed" not in outcomes


def proved(objects: Sequence[Registered], proofs: Iterable[Proof]) -> list[Proved]:
    """Return what was found of each object."""
    about = list(proofs)
    seen = {by: set[str]() for by in {one.by for one in about}}
    for one in about:
        seen[one.by] |= set(one.objects)
    return [_of(one, [proof for proof in about if str(one) in seen[proof.by]]) for one in objects]


def _of(one: Registered, proofs: Sequence[Proof]) -> Proved:
    counts = Counter(proof.outcome for proof in proofs)
    suites = {proof.suite for proof in proofs}
    return Proved(
        object=str(one),
        suites=tuple(sorted(suites)),
        missing=tuple(name for name in wanted(one) if name not in suites),
        passed=counts["passed"],
        failed=counts["failed"],
        expected=counts["expected"],
        skipped=counts["skipped"],
    )


def wanted(one: Registered) -> tuple[str, ...]:
    """Return the suites that an object has to pass."""
    suite = (SUITES[one.kind],) if one.kind in SUITES else ()
    return (*suite, WEBHOOKS) if one.listens else suite


def of_suites(inventory: Inventory, found: Sequence[Proved], broken: Sequence[str], *, has_tests: bool) -> list[Check]:
    """Return whether each object has its suites, and what could not be run."""
    if inventory.faults:
        return [Check(name="suites", outcome="not looked at", said=UNLOADED)]
    if not has_tests:
        return [Check(name="suites", outcome="failed", said=NO_TESTS)]
    checks = [Check(name="suites", outcome="failed", said=one) for one in broken]
    lacking = _unknown if broken else _missing
    for one in found:
        checks += [lacking(one.object, suite) for suite in one.missing]
    return checks + [Check(name="suites", outcome="skipped", said=said) for said in _unproved(inventory)]


def _unproved(inventory: Inventory) -> Iterator[str]:
    """Yield what no suite is about, and why."""
    for one in inventory.objects:
        if one.kind not in SUITES:
            yield f"{one}: not proved by any suite: there is none for it"
    why = TOLD_AGAIN if any(one.kind == "module" for one in inventory.objects) else UNHEARD
    for hook in inventory.hooks:
        yield f"{hook}: not proved by any suite: {why}"


def _unknown(thing: str, suite: str) -> Check:
    said = f"{thing}: whether a test subclasses crmcore.testing's {suite} for it is not known: not all were run"
    return Check(name="suites", outcome="not looked at", said=said)


def _missing(thing: str, suite: str) -> Check:
    said = f"{thing}: no test subclasses crmcore.testing's {suite} for it, so nothing is proved"
    return Check(name="suites", outcome="failed", said=said)
