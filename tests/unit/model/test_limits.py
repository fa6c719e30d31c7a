"""Limits come from every place of the settings; a mistake is named with its key, its place and the fix."""

import pytest

from crmcore.errors import SettingsError
from crmcore.model.limiting import Limit
from crmcore.model.limits import Limits
from crmcore.model.time import DAY, MINUTE, SECOND
from crmcore.settings import settings

TOML = """
[limits]
workspace = { count = 1000, per = 1 }
recipient = { count = 1, per = "6s" }
[limits.channel]
email = { count = 100, per = 0.5, burst = 20 }
[limits.sender]
"email/smtp" = { count = 50, per = 1 }
[limits.destination]
"Gmail.com" = { count = 20, per = 1 }
"*" = { count = 5, per = "1d" }
"""


def test_each_scope_has_its_limits(tmp_path):
    (tmp_path / "crm.toml").write_text(TOML)
    assert settings({}, file=tmp_path / "crm.toml", environment={}).limits == Limits(
        workspace=Limit(count=1000, per=SECOND, burst=1000),
        recipient=Limit(count=1, per=6 * SECOND, burst=1),
        channel={"email": Limit(count=100, per=SECOND // 2, burst=20)},
        sender={"email/smtp": Limit(count=50, per=SECOND, burst=50)},
        destination={"gmail.com": Limit(count=20, per=SECOND, burst=20), "*": Limit(count=5, per=DAY, burst=5)},
    )


def test_without_limits_there_are_none():
    assert settings({}, environment={}).limits == Limits()


@pytest.mark.parametrize(("per", "time"), [("60", MINUTE), ("1m", MINUTE)])
def test_a_limit_comes_from_the_environment_too_and_is_laid_over_that_of_the_file(tmp_path, per, time):
    (tmp_path / "crm.toml").write_text("[limits]\nworkspace = { count = 7, per = 1, burst = 3 }")
    made = settings({}, file=tmp_path / "crm.toml", environment={"CRM_LIMITS__WORKSPACE__PER": per})
    assert made.limits.workspace == Limit(count=7, per=time, burst=3)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"sendr": {}}, r"'limits\.sendr' from keyword argument.*did you mean sender"),
        ({"everything": {}}, r"'limits\.everything'.*known are channel, destination, recipient, sender, workspace"),
        ({"workspace": {"count": 1, "per": 1, "brust": 2}}, r"'limits\.workspace\.brust'.*did you mean burst"),
        ({"workspace": {"count": 1}}, r"'limits\.workspace'.*a count and a time, as in \{ count = 10, per = 1 \}"),
        ({"workspace": 5}, r"'limits\.workspace'.*a count and a time"),
        ({"channel": {"count": 1, "per": 1}}, r"'limits\.channel'.*each has its name"),
        ({"channel": 5}, r"'limits\.channel'.*each has its name"),
        ({"channel": {"email": 5}}, r"'limits\.channel\.email'.*a count and a time"),
        ({"sender": {"email/smtp": {"count": 0, "per": 1}}}, r"'limits\.sender\.email/smtp'.*0 is no whole number"),
        ({"workspace": {"count": 1.5, "per": 1}}, r"1\.5 is no whole number above 0"),
        ({"workspace": {"count": True, "per": 1}}, "True is no whole number above 0"),
        ({"workspace": {"count": 1, "per": 1, "burst": 0}}, "0 is no whole number above 0"),
        ({"workspace": {"count": 1, "per": 0}}, "per begins above 0"),
        ({"workspace": {"count": 1, "per": float("nan")}}, "'nan' is no duration"),
        ({"workspace": {"count": 1, "per": "soon"}}, "'soon' is no duration"),
        ({"workspace": {"count": 1, "per": True}}, "'True' is no duration"),
        ({"workspace": {"count": 10**9, "per": 1}}, "a million a second"),
        (5, "'limits' from keyword argument.*no table"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_fix(limits, said):
    with pytest.raises(SettingsError, match=said):
        settings({"limits": limits}, environment={})
