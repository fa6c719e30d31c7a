"""`crm plugin check` says of a plugin what is proved, what is not, and what is missing."""

from __future__ import annotations

import json
import os

import attrs
import pytest
from click.testing import CliRunner

from crmcore.cli import crm as command
from crmcore.errors import InvalidFile
from crmcore.loader import installed
from crmcore.vetting.candidate import candidates
from crmcore.vetting.inventory import Inventory, Registered, taken_stock
from crmcore.vetting.judging import judge
from crmcore.vetting.looking import looked_at
from crmcore.vetting.proving import environment_of, prove
from crmcore.vetting.verdict import of_suites, proved
from tests.scaffold.written import written


@pytest.fixture
def gate(tmp_path):
    return written(tmp_path, kind="gate")


def changed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def run(*words, code):
    result = CliRunner().invoke(command, list(map(str, words)))
    assert result.exit_code == code, result.output
    return result.output


def check(folder, *, code):
    [verdict] = json.loads(run("--json", "plugin", "check", folder, code=code))
    return verdict


def said_of(verdict, name):
    return [one["said"] for one in verdict["checks"] if one["name"] == name and one["outcome"] == "failed"]


def seen(folder, name):
    """What is wrong, seen without running any suite."""
    [candidate] = candidates(str(folder))
    stock = taken_stock(candidate.name, candidate.value, {}, environment_of(candidate))
    return [one.said for one in looked_at(candidate, stock) if one.name == name and one.outcome == "failed"]


def test_a_plugin_that_is_done_is_said_to_be(gate):
    verdict = check(gate, code=0)
    assert verdict["is_fine"]
    [one] = verdict["objects"]
    assert (one["object"], one["suites"], one["missing"]) == ("gate pigs", ["GateSuite"], [])
    assert one["passed"] == len(verdict["proofs"]) > 10
    assert {one["outcome"] for one in verdict["checks"]} == {"passed"}


def test_a_module_is_proved_by_the_suite_of_its_plugin(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k 'revisions_lead_there and sqlite'")
    verdict = check(written(tmp_path, kind="module"), code=0)
    [one] = verdict["objects"]
    assert (one["object"], one["suites"], one["missing"], one["passed"]) == ("module pigs", ["ModuleSuite"], [], 1)
    [unproved] = [one["said"] for one in verdict["checks"] if one["outcome"] == "skipped"]
    assert unproved.startswith("crm_customer_merged: not proved by any suite: ModuleSuite looks at its tables")


def test_a_broken_promise_is_told_in_words_for_a_person(gate):
    changed(gate / "src/crm_pigs/gate.py", 'reads = frozenset({"presence"})', "reads = frozenset[str]()")
    said = run("plugin", "check", gate, code=1)
    assert "failed: TestPigs.test_it_reads_what_it_has_declared (gate pigs)" in said
    assert "It promises: The core shows it nothing else." in said
    assert "The contract says:" in said
    assert "It is not done." in said


def test_skips_and_expected_failures_are_told_with_their_reasons(gate):
    tests = gate / "tests/test_suites.py"
    changed(tests, "(GateSuite):\n", "(GateSuite):\n    singly = False\n")
    changed(tests, "from typing import Any\n", "from typing import Any\n\nimport pytest\n")
    expected = '    @pytest.mark.xfail(reason="it is slow on old machines", strict=True)\n    def test_it_answers_in_time(self):\n        """In time."""\n        assert False\n'
    tests.write_text(tests.read_text() + f"\n{expected}")
    outcomes = {one["check"]: (one["outcome"], one["said"]) for one in check(gate, code=0)["proofs"]}
    assert outcomes["test_it_answers_in_time"] == ("expected", "it is slow on old machines")
    assert outcomes["test_neighbours_and_order_do_not_matter"][0] == "skipped"
    assert "depend on the batch" in outcomes["test_neighbours_and_order_do_not_matter"][1]


def test_what_no_suite_is_about_is_named(gate):
    (gate / "tests/test_suites.py").unlink()
    verdict = check(gate, code=1)
    assert verdict["objects"][0]["missing"] == ["GateSuite"]
    [said] = said_of(verdict, "suites")
    assert said.startswith("gate pigs: no test subclasses")


def test_the_notices_it_listens_to_are_named_as_not_proved():
    objects = (Registered(kind="coupon_source", name="codes"),)
    heard = Inventory(objects=objects, hooks=("crm_customer_changed", "crm_event_tracked"))
    found = of_suites(heard, proved(objects, []), [], has_tests=True)
    assert {one.outcome for one in found} == {"skipped"}
    assert [one.said.partition(": ")[0] for one in found] == ["coupon_source codes", *heard.hooks]
    assert all(": not proved by any suite: there is none" in one.said for one in found)


def test_who_takes_webhooks_needs_their_suite_too(tmp_path):
    folder = written(tmp_path, kind="provider", channel="email", address_kind="email")
    (folder / "tests/test_carrier.py").unlink()
    [one] = check(folder, code=1)["objects"]
    assert (one["object"], one["missing"]) == ("provider email/pigs", ["ProviderSuite", "WebhookSuite"])


def test_tests_that_cannot_be_collected_are_named(gate):
    changed(gate / "tests/test_suites.py", "from crm_pigs.gate import Pigs", "from crm_pigs.gate import Piggies")
    assert any("cannot import name 'Piggies'" in one for one in said_of(check(gate, code=1), "suites"))


@pytest.mark.parametrize(
    ("path", "old", "new", "name", "said"),
    [
        ("src/crm_pigs/gate.py", "contract = 1", "contract = 9", "loads", "speaks version 9"),
        (
            "src/crm_pigs/__init__.py",
            "def gates(setup: Setup)",
            "def crm_register_gate(setup: Setup)",
            "loads",
            "crm_register_gates",
        ),
        ("src/crm_pigs/__init__.py", "__version__ = ", "raise SystemExit(3)\n__version__ = ", "loads", "ended with 3"),
        ("src/crm_pigs/__init__.py", '"0.1.0"', '"0.2.0"', "versions", "0.2.0, the distribution's version 0.1.0"),
        ("pyproject.toml", 'dependencies = ["crmcore', 'dependencies = ["attrs', "versions", "crmcore is not among"),
        ("pyproject.toml", 'name = "crm-pigs"', 'name = "pork"', "names", "makes one look for crm-pigs"),
        ("README.md", "```python", "```text", "README shows code", "no block of Python"),
    ],
)
def test_what_is_wrong_without_running_anything_is_named(gate, path, old, new, name, said):
    if said == "crm_register_gates":
        changed(gate / path, "@implements(crm_register_gates)\n", "")
    changed(gate / path, old, new)
    found = seen(gate, name)
    assert any(said in one for one in found), found


def test_what_only_loading_shows_is_not_looked_at_where_it_does_not_load(gate):
    changed(gate / "src/crm_pigs/gate.py", "contract = 1", "contract = 9")
    unlooked = {"versions": "it does not load", "registers": "it does not load", "suites": "it does not load"}
    said = {one["name"]: one["said"] for one in check(gate, code=1)["checks"] if one["outcome"] == "not looked at"}
    assert said == unlooked


def test_types_that_nobody_reads_are_named(gate):
    (gate / "src/crm_pigs/py.typed").unlink()
    assert "py.typed" in seen(gate, "py.typed")[0]


def test_a_quality_file_that_cannot_be_read_is_named(gate):
    (gate / "quality.toml").write_text("grade = ")
    assert seen(gate, "quality.toml")


def test_a_folder_that_is_no_plugin_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert "project.entry-points.crmcore" in str(
        CliRunner().invoke(command, ["plugin", "check", str(tmp_path)]).exception
    )


@pytest.mark.parametrize(
    "points", ["entry-points = 'x'", "[project.entry-points]\ncrmcore = 'x'", "[project.entry-points.crmcore]\nx = 5"]
)
def test_entry_points_of_another_form_are_refused(tmp_path, points):
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'x'\n{points}\n")
    with pytest.raises(InvalidFile, match="it names no entry point"):
        candidates(str(tmp_path))


@pytest.mark.parametrize(
    ("does", "fault"),
    [
        ("import sys; print('{}'); sys.exit(0)", ("the process that loaded it ended with 0: {}",)),
        ("import os; os._exit(0)", ("the process that loaded it ended with 0: nothing was said",)),
        ("import atexit; atexit.register(print, 'goodbye')", ()),
    ],
)
def test_what_a_plugin_prints_or_does_when_it_is_loaded_is_taken_for_no_answer(gate, does, fault):
    changed(gate / "src/crm_pigs/__init__.py", "__version__ = ", f"{does}\n__version__ = ")
    [candidate] = candidates(str(gate))
    assert taken_stock(candidate.name, candidate.value, {}, environment_of(candidate)).faults == fault


def test_suites_that_end_as_if_all_were_well_prove_nothing(gate):
    ending = "    def test_last(self) -> None:\n        __import__('os')._exit(0)\n\n    def gate(self)"
    changed(gate / "tests/test_suites.py", "    def gate(self)", ending)
    [candidate] = candidates(str(gate))
    [said] = prove(candidate, gate, 60.0, lambda _done, _total: None).broken
    assert said.startswith("pytest ended when ")


def test_a_plugin_that_hangs_when_it_is_loaded_is_a_fault(gate):
    changed(gate / "src/crm_pigs/__init__.py", "__version__ = ", "import time\n\ntime.sleep(60)\n__version__ = ")
    [candidate] = candidates(str(gate))
    found = taken_stock(candidate.name, candidate.value, {}, environment_of(candidate), patience=4.0)
    assert found.faults == ("it was not loaded after 4 s",)


def test_suites_that_do_not_end_are_stopped(gate):
    changed(
        gate / "tests/test_suites.py",
        "    def gate(self)",
        "    def test_for_ever(self) -> None:\n        while True:\n            pass\n\n    def gate(self)",
    )
    [candidate] = candidates(str(gate))
    found = prove(candidate, gate, 6.0, lambda _done, _total: None)
    assert found.broken
    assert "not ended after 6 s" in found.broken[-1]
    assert found.broken[-1].endswith("tests/test_suites.py::TestPigs::test_for_ever was running")


def test_of_what_a_crash_kept_from_being_run_nothing_is_said_to_be_missing(gate):
    ends = "    def gate(self) -> Gate:\n        import os\n\n        os._exit(7)\n\n    def unused(self)"
    changed(gate / "tests/test_suites.py", "    def gate(self)", ends)
    verdict = check(gate, code=1)
    [crash] = said_of(verdict, "suites")
    assert crash.startswith("pytest ended with 7: ")
    assert "tests/test_suites.py::TestPigs::test_" in crash
    assert crash.endswith(" was running")
    [unknown] = [one["said"] for one in verdict["checks"] if one["outcome"] == "not looked at"]
    assert unknown.startswith("gate pigs: whether a test subclasses crmcore.testing's GateSuite for it is not known")


def test_how_far_it_is_is_told(gate):
    told = []
    [candidate] = candidates(str(gate))
    prove(candidate, gate, 60.0, lambda done, total: told.append((done, total)))
    assert told == sorted(told)


def test_of_what_is_installed_without_its_tests_nothing_is_proved(gate, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(gate / "src"), os.environ.get("PYTHONPATH", ""))))
    [candidate] = candidates(str(gate))
    verdict = judge(attrs.evolve(candidate, folder=None), {}, 60.0, lambda _done, _total: None)
    assert [one.object for one in verdict.objects] == ["gate pigs"]
    assert [one.said for one in verdict.checks if one.outcome == "failed"] == [
        "nothing is proved: no tests are installed with it; name its folder instead"
    ]
    assert not verdict.is_fine


def test_a_plugin_that_is_not_installed_is_named():
    error = CliRunner().invoke(command, ["plugin", "check", "crm_nope"]).exception
    assert "There is no plugin 'crm_nope'" in str(error)


@pytest.mark.skipif(not installed(), reason="no plugin is installed here")
def test_a_plugin_that_is_installed_is_found_by_its_name():
    [found] = candidates(installed()[0])
    assert (found.name, found.package) == (installed()[0], installed()[0])


def test_a_package_with_two_underscores_is_called_as_its_distribution(tmp_path):
    assert seen(written(tmp_path, name="crm_pigs__abroad", kind="gate"), "names") == []


#: A suite of many checks takes its time; what it is said to be about is the same for one.
SHORT = """short = {name: None for name in dir(ModuleSuite) if name.startswith("test_") and name != "test_commands_have_help_and_answer_in_json"}
Short = type("Short", (ModuleSuite,), short)


class TestPigs(Short):"""


def test_a_module_is_proved_by_its_suite(tmp_path):
    folder = written(tmp_path, kind="module")
    changed(folder / "tests" / "test_suites.py", "class TestPigs(ModuleSuite):", SHORT)
    [one] = check(folder, code=0)["objects"]
    assert (one["object"], one["suites"], one["passed"]) == ("module pigs", ["ModuleSuite"], 1)
