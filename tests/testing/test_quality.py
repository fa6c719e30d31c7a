"""A plugin's quality is what its folder shows, not what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmcore.testing.quality import quality

PROJECT = """[project]
name = "crm-pigeon"
[project.entry-points.crmcore]
crm_pigeon = "crm_pigeon"
"""
SOURCE = '''"""Pigeons."""
from crmcore.hooks.specs import crm_register_gates

@implements(crm_register_gates)
def gates(setup):
    return [setup.section("pigeons")]
'''
FILES = {
    "pyproject.toml": PROJECT,
    "README.md": "```toml\n[pigeons]\n```\n```python\n```\n",
    "src/crm_pigeon/__init__.py": SOURCE,
    "src/crm_pigeon/py.typed": "",
    "tests/test_pigeon.py": "class TestGate(GateSuite):\n    pass\n",
    "tests/bench.py": "",
    "quality.toml": """grade = "platinum"
docs = "README.md"
faults = "tests/test_pigeon.py"
benchmark = "tests/bench.py"
[exempt]
counterpart = "nobody else keeps pigeons"
""",
}


@pytest.fixture
def judged(tmp_path):
    def written(**changed):
        for name, text in (FILES | changed).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        return quality(tmp_path)

    return written


def test_a_plugin_that_keeps_all_is_platinum(judged):
    found = judged()
    assert (found.plugin, found.grade, found.problems) == ("crm-pigeon", "platinum", ())


BROKEN = [
    ("entry_point", "none", {"pyproject.toml": "[project]\nname = 'x'\n"}),
    ("readme", "none", {"README.md": "[pigeons]"}),
    ("suites", "none", {"tests/test_pigeon.py": "from x import GateSuite\n"}),
    ("typed", "none", {"src/crm_pigeon/py.typed": None}),
    ("clock", "bronze", {"src/crm_pigeon/more.py": "import time\ntime.sleep(1)\n"}),
    ("errors", "bronze", {"src/crm_pigeon/more.py": "try:\n    x()\nexcept Exception:\n    pass\n"}),
    ("settings", "bronze", {"README.md": "```python\n```"}),
    ("reasons", "bronze", {"src/crm_pigeon/more.py": "x = 1  # noqa: E501\n"}),
    ("docs", "silver", {"quality.toml": FILES["quality.toml"].replace("README.md", "nowhere.md")}),
    ("faults", "silver", {"quality.toml": FILES["quality.toml"].replace("faults", "#")}),
    ("size", "silver", {"src/crm_pigeon/more.py": "x = 1\n" * 401}),
    ("benchmark", "gold", {"quality.toml": FILES["quality.toml"].replace("benchmark", "#")}),
    ("counterpart", "gold", {"quality.toml": FILES["quality.toml"].replace("counterpart", "# ")}),
]


@pytest.mark.parametrize(("rule", "grade", "changed"), BROKEN, ids=[rule for rule, *_ in BROKEN])
def test_a_rule_that_is_broken_is_named_and_keeps_the_grade_down(judged, rule, grade, changed):
    found = judged(**changed)
    assert [one.rule for one in found.rules if one.status == "broken"] == [rule]
    assert found.grade == grade
    assert any(one.startswith(f"{rule}: ") for one in found.problems)


def test_what_is_to_be_done_keeps_the_grade_down_and_is_no_problem(judged):
    said = 'grade = "silver"\nfaults = "tests/bench.py"\n[todo]\ndocs = "next week"\nbenchmark = "later"\ncounterpart = "later"\n'
    found = judged(**{"quality.toml": said})
    assert (found.grade, found.problems) == ("silver", ())


def test_the_example_of_the_reference_is_right_as_it_stands(judged):
    page = (Path(__file__).parents[2] / "docs/reference/quality.md").read_text()
    found = judged(**{"quality.toml": page.split("```toml\n")[1].partition("```")[0]})
    assert (found.claimed, found.grade, found.problems) == ("silver", "silver", ())


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("speed = 'x'\n", "speed is no rule"),
        ("[exempt]\ndcos = 'x'\n", "exempt.dcos is no rule"),
        ("[todo]\ndocs = ' '\n", "todo.docs says no reason"),
        ("grade = 'gold'\n", 'says grade = "gold"'),
    ],
)
def test_what_makes_no_sense_in_quality_toml_is_a_problem(judged, said, problem):
    assert any(problem in one for one in judged(**{"quality.toml": said}).problems)


def test_a_reason_beside_a_silenced_check_is_enough(judged):
    found = judged(**{"src/crm_pigeon/more.py": "x = 1  # noqa: E501 - a table row stays whole\n"})
    assert found.problems == ()
