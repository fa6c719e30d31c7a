"""Each plugin is as good as its quality.toml says, and each rule is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crmcore.testing.quality import quality
from crmcore.testing.quality_rules import RULES

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_is_as_good_as_it_says(folder):
    assert quality(folder).problems == ()


def test_every_rule_is_explained_under_its_grade():
    page = (ROOT / "docs" / "reference" / "quality.md").read_text()
    parts = {part.split("\n")[0].lower(): part for part in page.split("\n## ")[1:]}
    explained = {grade: re.findall(r"^`(\w+)`$", part, re.MULTILINE) for grade, part in parts.items()}
    assert explained == {grade: [one.name for one in RULES if one.grade == grade] for grade in explained}
