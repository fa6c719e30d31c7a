"""Lifts in words, for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import click

from crmcore.model.lift import Lift, SampleRatio
from crmcore.model.money import exponent


def lifts_said(title: str, lift: Lift | None, revenue: Mapping[str, Lift], other: str) -> None:
    """Print a lift and those of revenue; `other` is what it is compared with."""
    if lift is not None:
        click.echo(_lift(title, lift, lambda share: f"{share:+.2%}"))
    for currency, one in revenue.items():
        named = f"{title} of revenue per customer ({money(one.held_out, currency)} {other})"
        click.echo(_lift(named, one, partial(money, currency=currency, sign="+")))


def _lift(title: str, lift: Lift, written: Callable[[float], str]) -> str:
    if lift.low is None or lift.high is None:
        return f"{title}: {written(lift.difference)}, without an interval: {lift.silence}."
    interval = f"{written(lift.low)} to {written(lift.high)}"
    return f"{title}: {written(lift.difference)} ({lift.confidence * 100:g} % interval {interval}, {lift.method})"


def money(minor: float, currency: str, sign: str = "") -> str:
    """Return an amount of minor units as a person reads it."""
    places = exponent(currency)
    return f"{minor / 10**places:{sign},.{places}f} {currency}"


def alarm_said(ratio: SampleRatio) -> str:
    """Return that arms are not as planned."""
    sizes = f"{ratio.treated_customers:,} treated and {ratio.held_out_customers:,} held out"
    return (
        f"Warning: {sizes} are not the arms that were planned, {ratio.share:.1%} of them held out "
        f"(p = {ratio.probability:.1g}). They are not alike: believe no lift before the reason is found."
    )
