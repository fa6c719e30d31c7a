"""A report compares those a message was meant for with those held out: alike, for as long as is asked, and with an alarm."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.cli.reporting import report_tables
from crmcore.errors import InvalidCampaign
from crmcore.hooks.provider import Permanent
from crmcore.model.campaign import Goal
from crmcore.model.time import DAY
from crmcore.store import bulk, schema
from tests.flow.test_campaign import made, people

GOAL = Goal(event="order_placed", within="7d")


def sent(crm: CRM, count: int, **changes) -> CRM:
    people(crm, count)
    crm.launch(made(holdout=0.5, goal=GOAL, **changes))
    crm.work()
    return crm


def order(crm: CRM, customers, amount=500, currency="EUR", name="order_placed") -> None:
    crm.track_many(
        {"name": name, "customer": str(n), "amount": amount, "currency": currency, "at": crm.now() + 1}
        for n in customers
    )


def held_out(crm: CRM) -> list[int]:
    return [int(one.key) for one in crm.deliveries("hello", None, 1000) if one.held_out]


@pytest.mark.parametrize(("days", "converted"), [(None, 20), (1, 0), (3, 20), (30, 40), (365, 40)])
def test_outcomes_count_for_as_many_days_as_are_asked_for(crm, clock, days, converted):
    sent(crm, 40)
    clock.turn("2d")
    order(crm, range(20))
    clock.turn("18d")
    order(crm, range(20, 40))
    report = crm.report("hello", days=days)
    assert report.treated.converted + report.held_out.converted == converted
    assert report.horizon == report.lift.horizon == (days or 7) * DAY


@pytest.mark.parametrize("days", [0, -1, 366])
def test_a_horizon_is_a_day_to_a_year(crm, days):
    sent(crm, 1)
    with pytest.raises(InvalidCampaign, match="goes from 1 to 365"):
        crm.report("hello", days=days)


def test_it_says_of_how_many_the_horizon_is_over(crm, clock):
    sent(crm, 20)
    clock.turn("6d")
    report = crm.report("hello")
    assert (report.treated.complete, report.held_out.complete) == (0, 0)
    clock.turn("1d")
    report = crm.report("hello")
    assert (report.treated.complete, report.held_out.complete) == (
        report.treated.customers,
        report.held_out.customers,
    )


def test_revenue_is_compared_over_all_customers_and_in_each_currency_alone(crm):
    without = held_out(sent(crm, 40))
    order(crm, range(40), amount=300)
    order(crm, without[:1], amount=700)
    order(crm, without[:2], amount=900, currency="JPY")
    report = crm.report("hello")
    assert set(report.revenue) == {"EUR", "JPY"}
    assert report.revenue["EUR"].treated == 300
    assert report.revenue["EUR"].held_out == pytest.approx(300 + 700 / len(without))
    assert report.revenue["JPY"].difference == pytest.approx(-1800 / len(without))
    assert report.revenue["JPY"].treated_customers == report.treated.customers


def test_an_amount_after_the_horizon_or_of_another_event_is_no_revenue(crm, clock):
    sent(crm, 40)
    order(crm, [0], name="cart_abandoned")
    clock.turn("8d")
    order(crm, range(40))
    assert crm.report("hello").revenue == {}


def test_a_goal_names_the_event_that_is_its_revenue(crm):
    people(crm, 40)
    crm.launch(made(holdout=0.5, goal=Goal(event="page_viewed", revenue="subscription_started")))
    crm.work()
    order(crm, range(40))
    order(crm, range(40), amount=900, name="subscription_started")
    report = crm.report("hello")
    assert (report.treated.converted, report.revenue["EUR"].treated) == (0, 900)


def test_whoever_passed_the_gates_counts_as_treated_whatever_came_of_the_message(crm, recorder):
    recorder.answer = lambda one: Permanent(delivery_id=one.delivery_id, fault="content")
    sent(crm, 40)
    order(crm, range(40))
    report = crm.report("hello")
    assert report.sent == 0
    assert report.treated.converted == report.treated.customers == 40 - report.held_out.customers > 0


def test_without_a_goal_nothing_is_compared(crm):
    people(crm, 20)
    crm.launch(made(holdout=0.5))
    crm.work()
    order(crm, range(20))
    report = crm.report("hello")
    assert (report.lift, report.revenue) == (None, {})


def test_arms_as_planned_raise_no_alarm(crm):
    report = sent(crm, 100).report("hello")
    assert report.sample_ratio.share == 0.5
    assert report.sample_ratio.alarm is False


def test_arms_that_lost_customers_raise_an_alarm(crm, capsys):
    sent(crm, 100)
    lost = [(one.id,) for one in crm.deliveries("hello", None, 1000) if one.held_out][:35]
    crm._opened.write(lambda scope: bulk.delete(scope, schema.delivery, ("id",), lost))
    report = crm.report("hello")
    assert report.sample_ratio.alarm is True
    report_tables(report)
    assert "believe no lift" in capsys.readouterr().out


def test_the_arms_are_not_judged_while_messages_wait(crm):
    people(crm, 100)
    crm.launch(made(holdout=0.5, goal=GOAL))
    assert crm.report("hello").sample_ratio is None


def test_a_message_for_all_has_no_arms_to_be_judged(crm):
    report = sent(crm, 100, purpose="service").report("hello")
    assert (report.sample_ratio, report.held_out.customers) == (None, 0)


def test_the_command_prints_lifts_with_intervals_or_the_reason_why_there_is_none(crm, capsys):
    sent(crm, 120)
    order(crm, range(0, 120, 2), amount=12_34)
    order(crm, [1], amount=9, currency="JPY")
    report_tables(crm.report("hello"))
    said = capsys.readouterr().out
    assert "% interval" in said.partition("Lift: ")[2].partition("\n")[0]
    assert "JPY, without an interval: 1 of both arms together" in said
    assert "7 days over" in said
