"""The documentation's suites pass as they stand, in a project of somebody else's; and each check is explained."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from crmcore.testing.channel_suite import ChannelSuite
from crmcore.testing.gate_suite import GateSuite
from crmcore.testing.plugin_suite import PluginSuite
from crmcore.testing.module_suite import ModuleSuite
from crmcore.testing.provider_suite import ProviderSuite
from crmcore.testing.recommender_suite import RecommenderSuite
from crmcore.testing.rule_suite import RuleSuite
from crmcore.testing.step_suite import StepSuite
from crmcore.testing.webhook_suite import WebhookSuite

DOCS = Path(__file__).parents[2] / "docs"
SUITES = [
    ProviderSuite,
    ChannelSuite,
    WebhookSuite,
    GateSuite,
    RuleSuite,
    StepSuite,
    RecommenderSuite,
    ModuleSuite,
    PluginSuite,
]


def test_the_suites_of_the_how_to_pass_as_they_stand(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "howto" / "plugin.md").read_text(), re.DOTALL)
    (tmp_path / "test_my_plugin.py").write_text("\n".join(blocks))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "test_my_plugin.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout
    assert re.search(r"8\d passed, 9 skipped", done.stdout), done.stdout


def test_the_tests_of_the_how_to_about_campaigns_pass_as_they_stand(tmp_path):
    page = (DOCS / "howto" / "test-a-campaign.md").read_text()
    conftest, *blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_campaigns.py").write_text("\n".join(blocks))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout
    assert f"{page.count('def test_')} passed" in done.stdout, done.stdout


@pytest.mark.parametrize("suite", SUITES)
def test_every_check_is_explained_in_the_reference_and_nothing_else_is(suite):
    page = (DOCS / "reference" / "suites.md").read_text()
    part = next(one for one in page.split("\n## ") if one.startswith(suite.__name__))
    checks = {name for name in dir(suite) if name.startswith("test_")}
    headings = [line for line in part.splitlines() if line.startswith("`test_")]
    explained = {name for line in headings for name in re.findall(r"test_\w+", line)}
    assert explained == checks
