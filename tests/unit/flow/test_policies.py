"""The table [policy]: what may stand in it, and that each mistake is named with its key, its place and the fix."""

from __future__ import annotations

import tomllib

import pytest

from crmcore.errors import SettingsError
from crmcore.flow.policies import policy
from crmcore.model.policy import Cap, Period, Policy, QuietHours, Weekdays, narrowed, needs_exclusive
from crmcore.model.purpose import MessageClass
from crmcore.model.time import DAY, HOUR, MINUTE
from crmcore.settings import settings

WHOLE = """
zone = "Europe/London"
unknown_zone = "skip"
holdout = 0.05

[[quiet]]
channels = ["email", "push"]
from = "21:00"
to = "08:30"
then = "sms"

[[weekdays]]
days = ["mon", "sat"]
then = "drop"

[[caps]]
count = 3
per = "7d"
reserved = 1

[[caps]]
count = 1
per = "day"
channels = "all"
tag = "promo"
then = "hold"
"""


def test_a_policy_is_read_whole():
    assert policy(tomllib.loads(WHOLE)) == Policy(
        zone="Europe/London",
        unknown_zone="skip",
        holdout=0.05,
        quiet=(
            QuietHours(begin=21 * HOUR, end=8 * HOUR + 30 * MINUTE, then="sms", channels=frozenset({"email", "push"})),
        ),
        weekdays=(Weekdays(days=frozenset({0, 5}), then="drop"),),
        caps=(
            Cap(count=3, per=7 * DAY, reserved=1),
            Cap(count=1, per=Period.DAY, tag="promo", then="hold"),
        ),
    )


def test_no_table_is_no_policy():
    assert policy({}) == Policy()


def test_a_policy_may_come_from_the_environment():
    made = settings({}, environment={"CRM_POLICY__ZONE": "Asia/Jakarta", "CRM_POLICY__HOLDOUT": "0.1"})
    assert policy(made.tables["policy"]) == Policy(zone="Asia/Jakarta", holdout=0.1)


QUIET = {"from": "21:00", "to": "08:00"}
CAP = {"count": 1, "per": "7d"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"zoen": "UTC"}, r"'zoen' from \[policy\].*did you mean zone"),
        ({"zone": "London"}, r"'zone' from \[policy\].*no IANA time zone.*Europe/London"),
        ({"zone": 5}, "no IANA time zone"),
        ({"unknown_zone": "hold"}, "none of workspace, skip, ignore"),
        ({"holdout": 1}, "no share; it goes from 0 to below 1"),
        ({"holdout": "much"}, "no share"),
        ({"holdout": True}, "no share"),
        ({"holdout": float("nan")}, "no share"),
        ({"quiet": QUIET}, r"'quiet' from \[policy\].*\[\[policy.quiet\]\]"),
        ({"quiet": [5]}, "no table"),
        ({"quiet": [QUIET, {"from": "21:00"}]}, r"'to' from \[\[policy.quiet\]\] 2.*needed"),
        ({"quiet": [{**QUIET, "to": "8:00"}]}, r"'to' from \[\[policy.quiet\]\] 1.*no time of day.*08:00"),
        ({"quiet": [{**QUIET, "to": 8}]}, "no time of day"),
        ({"quiet": [{**QUIET, "to": "24:00"}]}, "no time of day"),
        ({"quiet": [{**QUIET, "to": "21:00"}]}, "'to'.*the time of `from`"),
        ({"quiet": [{**QUIET, "then": "Drop!"}]}, "'then'.*no valid channel name"),
        ({"quiet": [{**QUIET, "then": ["drop"]}]}, "'then'.*no name of a channel"),
        ({"quiet": [{**QUIET, "channels": "email"}]}, r"'channels'.*no list of channels.*\['email'\]"),
        ({"quiet": [{**QUIET, "channels": []}]}, "no list of channels"),
        ({"quiet": [{**QUIET, "channels": [5]}]}, "no name of a channel"),
        ({"weekdays": [{}]}, r"'days' from \[\[policy.weekdays\]\] 1.*needed"),
        ({"weekdays": [{"days": []}]}, "no list of weekdays; write some of mon, tue"),
        ({"weekdays": [{"days": ["monday"]}]}, "no list of weekdays"),
        ({"weekdays": [{"days": [["mon"]]}]}, "no list of weekdays"),
        ({"caps": [{"count": 1}]}, r"'per' from \[\[policy.caps\]\] 1.*needed"),
        ({"caps": [{**CAP, "count": 0}]}, "no whole number of at least 1"),
        ({"caps": [{**CAP, "count": 1.5}]}, "no whole number"),
        ({"caps": [{**CAP, "count": True}]}, "no whole number"),
        ({"caps": [{**CAP, "per": "fortnight"}]}, "'per'.*no duration"),
        ({"caps": [{**CAP, "per": "0d"}]}, "'per'.*no time; write day, week or month"),
        ({"caps": [{**CAP, "per": 7}]}, "'per'.*no time"),
        ({"caps": [{**CAP, "per": ["day"]}]}, "'per'.*no time"),
        ({"caps": [{**CAP, "tag": "No Tag"}]}, "'tag'.*no valid tag name"),
        ({"caps": [{**CAP, "reserved": 1}]}, "'reserved'.*1 of 1 leave nothing for other campaigns"),
        ({"caps": [{**CAP, "then": "drop"}]}, "'then'.*none of skip, hold"),
        (5, r"'policy' from \[policy\].*no table"),
    ],
)
def test_a_mistake_is_named_with_its_key_its_place_and_the_fix(table, said):
    with pytest.raises(SettingsError, match=said):
        policy(table)


def test_a_campaign_has_to_pass_what_is_about_its_channel_and_tags():
    whole = policy(tomllib.loads(WHOLE))
    one = narrowed(whole, channel="sms", tags=["news"], message_class=MessageClass.MARKETING)
    assert (one.quiet, one.weekdays, one.caps) == ((), whole.weekdays, whole.caps[:1])
    other = narrowed(whole, channel="email", tags=["promo"], message_class=MessageClass.MARKETING)
    assert other == whole


def test_a_transactional_campaign_has_nothing_to_pass():
    whole = policy(tomllib.loads(WHOLE))
    one = narrowed(whole, channel="email", tags=["promo"], message_class=MessageClass.TRANSACTIONAL)
    assert one == Policy(zone="Europe/London")


def test_customers_are_locked_against_one_another_where_a_cap_counts():
    assert needs_exclusive(Policy(caps=(Cap(count=1, per=DAY),)))
    assert not needs_exclusive(Policy(quiet=(QuietHours(begin=0, end=1),)))
