"""Which buckets a message passes: of all limits that are set and declared the tightest."""

import pytest

from crmcore.errors import InvalidValue
from crmcore.flow.nesting import destination, nest, unfounded
from crmcore.flow.plan import Plan
from crmcore.hooks.provider import Carriage, LimitHint
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.identity import Identity
from crmcore.model.limiting import Limit
from crmcore.model.limits import Limits
from crmcore.model.time import SECOND
from crmcore.registry import Registry
from crmcore.testing.fakes import Notes, Recorder

SENDER, CHANNEL = ("sender", "note/recorder"), ("channel", "note")


def limit(count):
    return Limit(count=count, per=SECOND)


def carrier(name="recorder", *hints):
    made = Recorder()
    made.name = name
    made.carriage = Carriage(limits=tuple(LimitHint(scope=scope, count=count, per=1) for scope, count in hints))
    return made


def nested(limits=None, *carriers):
    of_mine, *_ = carriers or [carrier()]
    campaign = Campaign(name="c", purpose="service", audience=everyone(), channel="note", template="t")
    plan = Plan(campaign=campaign, channel=Notes(), provider=of_mine, public_url="")
    return nest(plan, limits or Limits(), {f"{one.channel}/{one.name}": one for one in carriers or [of_mine]})


@pytest.mark.parametrize(
    ("value", "there"),
    [
        ("ann@Example.COM", "example.com"),
        ('"a@b"@example.com', "example.com"),
        ("ann@", ""),
        ("+60123456789", ""),
        ("", ""),
        ("https://Push.example.net/p/1 BKEY AUTH", "push.example.net"),
        ("https://push.example.net:8443/p/a@b.example", "push.example.net"),
        ("http://push.example.net", "push.example.net"),
    ],
)
def test_the_destination_of_an_address_is_the_host_of_a_url_or_what_follows_its_last_at(value, there):
    assert destination(Identity("email", value)) == there


def test_without_limits_nothing_is_limited():
    assert not nested().is_limited


@pytest.mark.parametrize(
    ("limits", "hints", "key", "found"),
    [
        (Limits(workspace=limit(5)), [], ("workspace", ""), 5),
        (Limits(channel={"note": limit(5)}), [("channel", 3)], CHANNEL, 3),
        (Limits(channel={"other": limit(5)}), [], CHANNEL, None),
        (Limits(sender={"note/recorder": limit(5)}), [("sender", 9)], SENDER, 5),
        (Limits(destination={"*": limit(5)}), [], ("destination", "note:x.example"), 5),
        (Limits(destination={"*": limit(5), "x.example": limit(9)}), [], ("destination", "note:x.example"), 9),
        (Limits(destination={"x.example": limit(9)}), [("destination", 4)], ("destination", "note:x.example"), 4),
        (Limits(destination={"x.example": limit(9)}), [], ("destination", "note:y.example"), None),
        (Limits(recipient=limit(2)), [("recipient", 1)], ("recipient", "whoever"), 1),
    ],
)
def test_the_tightest_limit_on_a_bucket_holds(limits, hints, key, found):
    held = nested(limits, carrier("recorder", *hints)).limit(key)
    assert (None if held is None else held.size) == found


def test_what_any_carrier_declares_of_the_whole_channel_holds_for_all_of_its_carriers():
    around = nested(None, carrier("recorder"), carrier("other", ("channel", 3), ("destination", 2), ("sender", 1)))
    held = [around.limit(key) for key in (CHANNEL, ("destination", "note:x.example"), SENDER)]
    assert [one and one.size for one in held] == [3, 2, None]


def test_a_limit_that_makes_no_sense_names_its_carrier():
    with pytest.raises(InvalidValue, match="a limit on the sender declared by note/recorder"):
        nested(None, carrier("recorder", ("sender", 0)))


def test_limits_on_what_there_is_not_are_found():
    registry = Registry(channels={"note": Notes()}, providers={"note/recorder": Recorder()})
    some = {"note": limit(1), "emial": limit(1)}
    limits = Limits(channel=some, sender={"note/recorder": limit(1), "note/recordr": limit(1)})
    assert [one.problem for one in unfounded(limits, registry)] == [
        "limits.channel.emial: there is no such channel",
        "limits.sender.note/recordr: there is no such sender; did you mean note/recorder?",
    ]
