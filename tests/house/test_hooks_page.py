"""The page about hooks says what the code says: signature, words, group, version, and which of our plugins uses each."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from crmcore.hooks import specs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "hooks.md").read_text()
SECTIONS = {section.partition("(")[0]: section for section in PAGE.split("## `")[1:]}
HOOKS = {name: hook for name, hook in vars(specs).items() if name.startswith("crm_")}
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").is_file())


def groups() -> dict[str, str]:
    found, group = {}, ""
    for line in inspect.getsource(specs).splitlines():
        if heading := re.match(r"# -- (\w+) -", line):
            group = heading[1]
        if hook := re.match(r"def (crm_\w+)", line):
            found[hook[1]] = group
    return found


def users(hook: str) -> set[str]:
    """Return the plugins of which a source implements a hook."""
    mark = re.compile(rf"@implements\({hook}\)")
    return {
        name
        for name in PLUGINS
        if any(mark.search(path.read_text()) for path in (ROOT / "plugins" / name / "src").rglob("*.py"))
    }


def test_the_page_has_a_section_for_each_hook_in_the_order_of_the_groups():
    assert list(SECTIONS) == list(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_section_says_what_the_spec_says(name):
    words = inspect.getdoc(HOOKS[name]) or ""
    version = re.search(r"versionadded:: (\S+)", words)
    assert version is not None
    assert words.split("\n\n")[0] in SECTIONS[name]
    assert f"Group: {groups()[name]}." in SECTIONS[name]
    assert f"New in version {version[1]}." in SECTIONS[name]


@pytest.mark.parametrize("name", HOOKS)
def test_a_section_says_when_its_hook_is_called(name):
    is_register = name.startswith("crm_register_")
    assert ("Called once, at assembly." if is_register else "Told by `work`, after the commit.") in SECTIONS[name]


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_is_used_by_the_plugins_that_its_section_names(name):
    [line] = re.findall(r"Used by ([^.]+)\.", SECTIONS[name])
    named = set(re.findall(r"`(\w+)`", line))
    assert named
    assert named == users(name)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_takes_one_argument(name):
    assert len(inspect.signature(HOOKS[name]).parameters) == 1
