"""What all suites have in common: what an author says, failures that are known, and checks of what not everybody claims.

A suite is a class. Subclass it and write what it asks for: the method named like the contract (`gate`, `step`, `rule`,
`channel`, `provider`, `recommender`) returns a new one of yours, the others say what it is tried with. A check is a method
`test_...`; `expected_failures` names those that are known to fail.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import pytest

from crmcore.errors import CRMError
from crmcore.hooks.contracts import CONTRACTS
from crmcore.model.names import checked_name
from crmcore.testing.laws import NAMED, ask

Claimed = TypeVar("Claimed")


class Suite:
    """A contract's checks, of which a subclass says what they are about."""

    #: Checks that are known to fail, each with the reason. Such a check has to fail, and is red once it passes. Of a check
    #: that is run for several cases all have to fail, or the one that is named: "test_x[case]".
    expected_failures: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **given: Any) -> None:
        """Refuse expected failures of checks that there are not, and those without a reason."""
        super().__init_subclass__(**given)
        for check, reason in cls.expected_failures.items():
            if _check(check) not in _checks(cls):
                raise TypeError(f"{cls.__name__}.expected_failures names {check!r}, and there is no such check.")
            if not isinstance(reason, str) or not reason.strip():
                raise TypeError(f"{cls.__name__}.expected_failures[{check!r}] gives no reason; say why it fails.")

    @pytest.fixture(autouse=True)
    def _as_declared(self, request: pytest.FixtureRequest) -> None:
        """Fail at once where the author has not said all; expect a failure where one is declared."""
        missing = unsaid(type(self))
        if missing:
            lines = "".join(f"\n    {line}" for line in missing)
            pytest.fail(
                f"{type(self).__name__} does not say all that its suite asks for. Write in it:{lines}", pytrace=False
            )
        for name in {_check(request.node.name), request.node.name} & set(self.expected_failures):
            request.applymarker(pytest.mark.xfail(reason=self.expected_failures[name], strict=True))

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _cases_exist(cls, request: pytest.FixtureRequest) -> None:
        """Fail where a case is expected to fail that there is not; which there are is known once all are collected."""
        named = {one for one in cls.expected_failures if "[" in one}
        unknown = sorted(named - {one.name for one in request.node.collect()}) if named else []
        if unknown:
            pytest.fail(f"{cls.__name__}.expected_failures names {unknown[0]!r}, no such case.", pytrace=False)


def unsaid(suite: type[Suite]) -> list[str]:
    """Return the lines that a subclass still has to write."""
    methods = [
        f"def {name}{str(inspect.signature(one)).replace(chr(39), '')}: ..."
        for name, one in inspect.getmembers(suite, inspect.isfunction)
        if getattr(one, "__isabstractmethod__", False)
    ]
    named = {name: kind for one in reversed(suite.__mro__) for name, kind in inspect.get_annotations(one).items()}
    values = [f"{name}: {kind} = ..." for name, kind in named.items() if not hasattr(suite, name)]
    return methods + values


def needs(claimed: Claimed | None, capability: str) -> Claimed:
    """Return what a plugin claims; skip the check where it claims nothing, and say what that is."""
    if not claimed:
        pytest.skip(f"not claimed: {capability}")
    return claimed


def is_name(name: str) -> bool:
    """Tell whether something has the form of a name."""
    try:
        return bool(checked_name(name, "plugin", "suite"))
    except CRMError:
        return False


def ask_named(one: Any, contract: str) -> None:
    """Raise LawBroken unless a plugin's object has a name, and speaks the contract's version."""
    ask(is_name(one.name), NAMED, f"{one.name!r} is no name.")
    version = CONTRACTS[contract]
    ask(one.contract == version, NAMED, f"It speaks version {one.contract}, the contract is {version}.")


def _check(name: str) -> str:
    return name.partition("[")[0]


def _checks(suite: type[Suite]) -> frozenset[str]:
    return frozenset(name for name in dir(suite) if name.startswith("test_"))
