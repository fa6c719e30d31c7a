"""Nothing public changes unnoticed: the names and signatures that a release promises are those that are written down."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIX = """What is public has changed. If that is meant: is it wider, or does it break somebody (docs/explanation/stability.md)? Then run
    python tools/write_public_api.py
and commit tests/house/public_api.txt with the change; the changelog says what is new, deprecated or removed."""


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(ROOT / "tools" / "write_public_api.py"))


def test_what_is_public_is_what_is_written_down(tool):
    written, there = tool["FILE"].read_text().splitlines(), tool["lines"]()
    gone, new = sorted(set(written) - set(there)), sorted(set(there) - set(written))
    assert (gone, new) == ([], []), FIX


@pytest.mark.parametrize(
    "line",
    [
        "crmcore.Purpose.SERVICE",
        "crmcore.hooks.tables.Tables.new_ids(self, count: 'int') -> 'list[int]'",
        "crmcore.hooks.specs.crm_event_tracked(batch: 'Notices[EventTracked]') -> 'None'",
        "crmcore.hooks.module.Module.name: str",
    ],
)
def test_constants_fields_methods_and_hooks_are_public(tool, line):
    assert line in tool["lines"]()


def test_what_a_module_imports_is_not_its_own(tool):
    assert not any(line.startswith("crmcore.hooks.specs.Sequence") for line in tool["lines"]())


def test_what_is_written_down_is_the_same_on_every_machine(tool):
    signed = {"crmcore.hooks.channel.Channel", "crmcore.Purpose"}
    assert not any(" at 0x" in line for line in tool["lines"]())
    assert {f"class {one}" for one in signed} <= set(tool["lines"]())
