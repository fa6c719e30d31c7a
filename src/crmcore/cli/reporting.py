"""A campaign's report, for a person."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from crmcore.cli.output import table
from crmcore.model.lift import Lift, SampleRatio
from crmcore.model.money import exponent
from crmcore.model.report import Report
from crmcore.model.time import DAY


def report_tables(found: Report) -> None:
    """Print a report."""
    rows: list[tuple[str, object]] = [("eligible", found.eligible), ("sent", found.sent)]
    rows += [(name, count) for name, count in (("waiting", found.waiting), ("in doubt", found.in_doubt)) if count]
    rows += [(f"skipped: {reason}", count) for reason, count in found.skipped.items()]
    rows += [(f"failed: {reason}", count) for reason, count in found.failed.items()]
    rows += [
        (f"opened{_of(found.opened, found.sent)}", found.opened),
        (f"clicked{_of(found.clicked, found.sent)}", found.clicked),
    ]
    rows.append(("unsubscribed", found.unsubscribed))
    table(f"Campaign {found.campaign} ({found.state})", ("what", "customers"), rows)
    if found.goal is not None:
        _arms(found, found.goal.event)
    if found.sample_ratio is not None and found.sample_ratio.alarm:
        click.echo(_alarm(found.sample_ratio))


def _arms(found: Report, event: str) -> None:
    days = f"{found.horizon / DAY:g} days"
    arms = [
        (name, arm.customers, arm.complete, arm.converted, f"{arm.mean:.1%}")
        for name, arm in (("treated", found.treated), ("held out", found.held_out))
    ]
    table(f"Goal: {event} within {days}", ("arm", "customers", f"{days} over", "converted", "share"), arms)
    if found.lift is not None:
        click.echo(_lift("Lift", found.lift, lambda share: f"{share:+.2%}"))
    for currency, lift in found.revenue.items():
        title = f"Lift of revenue per customer ({_money(lift.held_out, currency)} held out)"
        click.echo(_lift(title, lift, partial(_money, currency=currency, sign="+")))


def _lift(title: str, lift: Lift, written: Callable[[float], str]) -> str:
    if lift.low is None or lift.high is None:
        return f"{title}: {written(lift.difference)}, without an interval: {lift.silence}."
    interval = f"{written(lift.low)} to {written(lift.high)}"
    return f"{title}: {written(lift.difference)} ({lift.confidence * 100:g} % interval {interval}, {lift.method})"


def _money(minor: float, currency: str, sign: str = "") -> str:
    places = exponent(currency)
    return f"{minor / 10**places:{sign},.{places}f} {currency}"


def _alarm(ratio: SampleRatio) -> str:
    sizes = f"{ratio.treated_customers:,} treated and {ratio.held_out_customers:,} held out"
    return (
        f"Warning: {sizes} are not the arms that were planned, {ratio.share:.1%} of them held out "
        f"(p = {ratio.probability:.1g}). They are not alike: believe no lift before the reason is found."
    )


def _of(part: int, whole: int) -> str:
    return f" ({part / whole:.1%} of sent)" if whole else ""
