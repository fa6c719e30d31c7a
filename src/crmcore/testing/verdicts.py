"""A pytest plugin for `crm plugin check`: of all tests it runs the checks of suites, and writes a line of JSON on each.

The file they go to is named by the environment, CRM_VERDICTS; without it, nothing happens.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

FILE = "CRM_VERDICTS"
#: The method of each suite that returns what it is about, and which contract that is of. A module's author returns the
#: plugin; the suite takes the module from it.
MAKERS = {
    "ChannelSuite": ("channel", "channel"),
    "GateSuite": ("gate", "gate"),
    "ModuleSuite": ("_module", "module"),
    "ProviderSuite": ("provider", "provider"),
    "RecommenderSuite": ("recommender", "recommender"),
    "RuleSuite": ("rule", "rule"),
    "StepSuite": ("step", "step"),
    "WebhookSuite": ("provider", "provider"),
}
HOME = "crmcore.testing."


def pytest_configure(config: pytest.Config) -> None:
    """Write lines where a file is named for them."""
    if path := os.environ.get(FILE):
        config.pluginmanager.register(Verdicts(Path(path)), "crm-verdicts")


def suite_of(cls: type[Any] | None) -> str:
    """Return the name of the suite that a class subclasses; nothing where it is none."""
    above = () if cls is None else cls.__mro__
    return next((one.__name__ for one in above if one.__name__ in MAKERS and one.__module__.startswith(HOME)), "")


class Verdicts:
    """Who says what became of each check."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: dict[type[Any], set[str]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say what could not be collected."""
        if report.failed:
            self._write(kind="broken", where=report.nodeid, said=_last_line(str(report.longrepr)))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what is no check of a suite; note what the suites are about."""
        checks = [one for one in items if suite_of(getattr(one, "cls", None))]
        config.hook.pytest_deselected(items=[one for one in items if one not in checks])
        items[:] = checks
        for cls in {one.cls for one in checks if isinstance(one, pytest.Function) and one.cls is not None}:
            self._watch(cls)
        self._write(kind="begun", checks=len(checks))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which check runs: where it never ends, or ends the process, nothing more is said."""
        self._write(kind="started", where=nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Say that it runs no more."""
        self._write(kind="ended", where=nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Write a line when it is known what became of a check."""
        report = yield
        if report.when == "call" or report.outcome != "passed":
            self._note(item, call, report)
        return report

    def _note(self, item: Any, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        outcome, said = _outcome(call, report)
        self._write(
            kind="check",
            suite=suite_of(item.cls),
            by=item.cls.__name__,
            check=item.name,
            promise=(item.function.__doc__ or "").strip().partition("\n")[0],
            objects=sorted(self._made.get(item.cls, ())),
            outcome=outcome,
            said=said,
        )

    def _watch(self, cls: type[Any]) -> None:
        name, kind = MAKERS[suite_of(cls)]
        noted = self._made.setdefault(cls, set())
        setattr(cls, name, _noting(getattr(cls, name), kind, noted))

    def _write(self, **line: object) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _noting(make: Callable[..., Any], kind: str, noted: set[str]) -> Callable[..., Any]:
    @functools.wraps(make)
    def making(*given: Any, **named: Any) -> Any:
        made = make(*given, **named)
        name = getattr(made, "name", "")
        noted.add(f"{kind} {made.channel}/{name}" if kind == "provider" else f"{kind} {name}")
        return made

    return making


def _outcome(call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[str, str]:
    reason = getattr(report, "wasxfail", None)
    if report.outcome == "skipped" and reason is not None:
        return "expected", reason.removeprefix("reason: ")
    if report.outcome == "skipped":
        skipped = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return "skipped", skipped.removeprefix("Skipped: ")
    if report.outcome == "passed":
        return "passed", ""
    if call.excinfo is None:
        return "failed", str(report.longrepr)
    error = call.excinfo.value
    is_said = isinstance(error, AssertionError | pytest.fail.Exception)
    return "failed", str(error) if is_said else f"{type(error).__name__}: {error}"


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E").strip() for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if ": " in line), lines[-1] if lines else "")
