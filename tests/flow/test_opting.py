"""Double opt-in: a consent counts once whoever has the address has confirmed it, and the proof holds both steps."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crmcore import CRM
from crmcore.errors import InvalidName, InvalidToken, InvalidValue, SettingsError
from crmcore.flow import links
from crmcore.flow.links import Link
from crmcore.flow.policies import policy
from crmcore.loader import installed
from crmcore.model import opting
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.purpose import NO_CONSENT_NEEDED, Purpose
from crmcore.model.values import from_json, to_json
from crmcore.testing.strategies import texts

SPRING = {"audience": everyone(), "channel": "note", "template": "hello"}


@pytest.fixture
def strict(new_database, recorder, clock):
    """A CRM whose newsletter goes to those alone who confirmed that they want it."""
    with CRM(
        new_database("crm.db"),
        clock=clock,
        plugins={"recorder": recorder},
        blocked=installed(),
        policy={"double_opt_in": ["newsletter"]},
    ) as crm:
        crm.identify("42", {"email": "ada@example.com"})
        crm.save_template("hello", "note", {"text": "hello"})
        yield crm


def became(crm, purpose="newsletter"):
    """Launch a campaign, and return what became of Ada's message."""
    name = f"c{len(crm.campaigns())}"
    crm.launch(Campaign(name=name, purpose=purpose, **SPRING))
    crm.work()
    [one] = crm.deliveries(name)
    return one.reason or one.state


def request(crm, **changes):
    return crm.request_consent("42", "newsletter", **{"address": {"email": "ada@example.com"}} | changes)


def test_asking_gives_no_consent_and_is_logged(strict):
    request(strict)
    assert strict.customer("42").consents == ()
    assert [one.name for one in strict.timeline("42")] == ["consent_requested"]
    assert became(strict) == "no_consent"


def test_a_confirmed_consent_counts(strict):
    confirmed = strict.confirm_consent(request(strict))
    assert (confirmed.purpose, confirmed.is_new, confirmed.address.value) == ("newsletter", True, "ada@example.com")
    assert became(strict) == "accepted"


def test_a_consent_that_was_not_confirmed_does_not_count_where_the_policy_asks_for_more(strict):
    strict.consent("42", "newsletter")
    strict.consent("42", "retention")
    assert (became(strict), became(strict, "retention")) == ("no_consent", "accepted")


def test_what_was_confirmed_still_counts_when_a_box_is_ticked_again(strict, clock):
    strict.confirm_consent(request(strict))
    clock.turn("1d")
    strict.consent("42", "newsletter")
    assert became(strict) == "accepted"


def test_a_withdrawal_ends_it_and_a_ticked_box_does_not_bring_it_back(strict, clock):
    strict.confirm_consent(request(strict))
    for granted in (False, True):
        clock.turn("1d")
        strict.consent("42", "newsletter", granted=granted)
        assert became(strict) == "unsubscribed"


def test_what_is_for_another_channel_or_purpose_does_not_count(strict):
    strict.confirm_consent(request(strict, channel="fax"))
    strict.confirm_consent(strict.request_consent("42", "survey"))
    assert became(strict) == "no_consent"


def test_a_withdrawal_of_one_of_two_customers_holds_when_they_become_one(strict, clock):
    strict.confirm_consent(request(strict))
    strict.consent({"anonymous": "x"}, "newsletter", granted=False)
    clock.turn("1d")
    strict.merge({"anonymous": "x"}, "42")
    clock.turn("1d")
    strict.consent("42", "newsletter")
    assert became(strict) == "unsubscribed"


def test_the_proof_holds_both_steps(strict, clock):
    token = request(strict, text_version="2026-02", proof={"form": "footer"}, channel="note")
    clock.turn("1h")
    strict.confirm_consent(token, proof={"ip": "192.0.2.1"})
    with strict._opened.engine.connect() as connection:
        columns = "purpose, channel, basis, text_version, proof, at"
        [row] = connection.execute(text(f"SELECT {columns} FROM crm_consent")).all()
    assert tuple(row[:4]) == ("newsletter", "note", "double_opt_in", "2026-02")
    proof = json.loads(row.proof)
    assert proof["request"]["proof"] == {"form": "footer"}
    assert proof["request"]["address"] == ["email", "ada@example.com"]
    assert proof["confirmation"] == {"at": row.at, "proof": {"ip": "192.0.2.1"}}
    assert row.at - proof["request"]["at"] == 3600 * 10**6


def consents(crm):
    with crm._opened.engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM crm_consent")).scalar_one()


def test_confirming_again_changes_nothing_even_after_a_withdrawal(strict, clock):
    token = request(strict)
    strict.confirm_consent(token)
    clock.turn("30d")
    strict.consent("42", "newsletter", granted=False)
    assert not strict.confirm_consent(token).is_new
    assert consents(strict) == 2
    assert became(strict) == "unsubscribed"


def test_of_eight_who_confirm_at_once_one_does(strict):
    token = request(strict)
    with ThreadPoolExecutor(8) as pool:
        confirmed = list(pool.map(lambda _: strict.confirm_consent(token).is_new, range(8)))
    assert sorted(confirmed) == [False] * 7 + [True]
    assert consents(strict) == 1


def test_a_token_expires(strict, clock):
    token = request(strict, expires="2d")
    clock.turn("2d")
    with pytest.raises(InvalidToken, match="until 2026-03-03"):
        strict.confirm_consent(token)
    assert consents(strict) == 0


def test_a_token_of_another_workspace_is_refused(strict, new_database, clock):
    with CRM(new_database("crm.db"), workspace="other", clock=clock) as other, pytest.raises(InvalidToken):
        other.confirm_consent(request(strict))


def test_a_forged_token_is_refused(strict):
    token = request(strict)
    forged = ("B" if token[0] == "A" else "A") + token[1:]
    for wrong in (forged, token[:-4], "", "no token"):
        with pytest.raises(InvalidToken):
            strict.confirm_consent(wrong)


def test_a_link_of_one_kind_does_not_do_what_the_other_does(strict):
    with pytest.raises(InvalidToken, match="something else"):
        strict.unsubscribe(request(strict))
    opened = strict._opened.workspace
    unsubscribe = links.token(Link(kind="unsubscribe", workspace_id=opened.id, row_id=1), opened.secret)
    with pytest.raises(InvalidToken, match="something else"):
        strict.confirm_consent(unsubscribe)


def test_a_token_whose_request_is_gone_is_refused(strict):
    opened = strict._opened.workspace
    with pytest.raises(InvalidToken, match="not known"):
        strict.confirm_consent(links.token(Link(kind="confirm", workspace_id=opened.id, row_id=1), opened.secret))


def test_a_token_holds_no_address(strict):
    token = request(strict)
    assert b"ada" not in base64.urlsafe_b64decode(token + "==")


def test_whoever_asks_may_be_new(strict):
    strict.confirm_consent(strict.request_consent({"email": "new@example.com"}, "newsletter"))
    assert [one.purpose for one in strict.customer({"email": "new@example.com"}).consents] == ["newsletter"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"expires": "0d"}, InvalidValue),
        ({"address": {"email": "a@b.co", "phone": "1"}}, InvalidValue),
        ({"purpose": "spam"}, InvalidName),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(changes, error):
    with pytest.raises(error):
        opting.request(1, **{"who": "42", "purpose": "newsletter"} | changes)


@given(
    proof=st.dictionaries(
        texts(5).filter(lambda key: not key.startswith("$")), texts(5) | st.integers(0, 9), max_size=3
    ),
    address=st.none() | st.just({"email": "a@b.co"}),
    purpose=st.sampled_from(Purpose),
)
def test_a_request_comes_back_from_the_log_as_it_was(proof, address, purpose):
    made = opting.request(5, "42", purpose, address=address, proof=proof, channel="note", text_version="v1")
    again = opting.asked(5, from_json(to_json(made.properties, "test")))
    assert again.properties == made.properties
    assert again.consent.purpose is purpose


def test_the_policy_names_purposes_that_need_a_consent():
    assert policy({"double_opt_in": ["survey", "newsletter"]}).double_opt_in == {Purpose.SURVEY, Purpose.NEWSLETTER}


@pytest.mark.parametrize("wrong", ["newsletter", ["spam"], [1], *([one.value] for one in NO_CONSENT_NEEDED)])
def test_anything_else_in_it_is_refused(wrong):
    with pytest.raises(SettingsError, match="double_opt_in"):
        policy({"double_opt_in": wrong})
