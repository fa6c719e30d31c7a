"""The page about the send policy is the list of reasons, and of all settings, that the code has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from crmcore.flow import policies
from crmcore.model.delivery import Reason

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "policy.md").read_text()
[EXAMPLE] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_reasons_stand_there_in_the_order_of_the_gates():
    reasons = PAGE.partition("\n## The purposes")[0]
    assert re.findall(r"^\| `(\w+)` \|", reasons, re.MULTILINE) == [reason.value for reason in Reason]


def test_the_example_is_valid_and_has_every_setting():
    table = tomllib.loads(EXAMPLE)["policy"]
    assert policies.policy(table).caps
    [quiet], [weekdays], [cap] = table["quiet"], table["weekdays"], table["caps"]
    assert set(table) == set(policies._POLICY)
    assert set(quiet) == set(policies._QUIET)
    assert set(weekdays) | {"channels"} == set(policies._WEEKDAYS)
    assert set(cap) == set(policies._CAP)
