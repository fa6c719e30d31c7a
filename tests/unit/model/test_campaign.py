"""What a campaign may say of its messages."""

from __future__ import annotations

import pytest

from crmcore.errors import InvalidCampaign, InvalidName, InvalidTime
from crmcore.model.campaign import Campaign
from crmcore.model.time import DAY, HOUR
from crmcore.store.plans import campaign_of, data_of


def made(**said):
    return Campaign(name="c", purpose="newsletter", audience="all", channel="note", template="t", **said)


def test_messages_live_three_days_or_as_long_as_is_said():
    assert (made().lifetime, made(expires="36h").lifetime) == (3 * DAY, 36 * HOUR)


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ({"priority": 1001}, InvalidCampaign, "from -1000 to 1000"),
        ({"priority": -1001}, InvalidCampaign, "from -1000 to 1000"),
        ({"expires": "0d"}, InvalidCampaign, "never sent"),
        ({"expires": "soon"}, InvalidTime, "expires.*no duration"),
        ({"tags": ["Big Promo"]}, InvalidName, "'Big Promo' is no valid tag name"),
    ],
)
def test_what_makes_no_sense_is_refused(said, error, words):
    with pytest.raises(error, match=words):
        made(**said)


def test_one_tag_may_stand_alone():
    assert made(tags="promo") == made(tags=["promo"])


def test_plain_data_give_back_the_campaign():
    whole = made(priority=-3, must_send=True, tags=["promo", "summer"], expires="12h")
    assert campaign_of(data_of(whole)) == whole
