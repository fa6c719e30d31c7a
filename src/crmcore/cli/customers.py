"""`crm customer`: one customer, and what happened."""

from __future__ import annotations

import attrs
import click

from crmcore.cli.output import Context, pass_context, show, table, when
from crmcore.model.identity import Who
from crmcore.model.money import Money
from crmcore.store.customers import CustomerView
from crmcore.store.events import TimelineLine


@attrs.frozen(kw_only=True)
class Known:
    """A customer with the latest events."""

    customer: CustomerView
    timeline: list[TimelineLine]


@click.command()
@click.argument("key", required=False)
@click.option("--email", help="Look the customer up by e-mail address instead of the key.")
@click.option("--limit", default=20, show_default=True, help="How many events to show.")
@pass_context
def customer(context: Context, key: str | None, email: str | None, limit: int) -> None:
    """Show a customer: attributes, consents, sums, the latest events and what modules know.

    \b
    crm customer 17850
    crm customer --email ada@example.com --limit 100
    """
    who: Who = {"email": email} if email else (key or "")
    if not key and not email:
        raise click.UsageError("name a customer: KEY, or --email ADDRESS")
    with context.crm() as crm:
        show(context, Known(customer=crm.customer(who), timeline=crm.timeline(who, limit)), _human)


def _human(known: Known) -> None:
    found = known.customer
    rows: list[tuple[str, object]] = [
        (one.kind, f"{one.value} (removed)" if one in found.removed else one.value) for one in found.identities
    ]
    rows += [(name, value) for name, value in found.attributes.items()]
    rows += [("tags", ", ".join(found.tags))] if found.tags else []
    rows += [(f"suppressed on {channel}", reason) for channel, reason in found.suppressed]
    rows += [(f"consent {one.purpose} on {one.channel}", "yes" if one.granted else "no") for one in found.consents]
    rows += [(f"topic {one.topic} on {one.channel}", "yes" if one.wanted else "no") for one in found.subscriptions]
    table(f"Customer {found.key or found.id}", ("what", "value"), [(name, str(value)) for name, value in rows])
    sums = [
        (one.name, one.count, _money(one.amount, one.currency), when(one.first_at), when(one.last_at))
        for one in found.sums
    ]
    table("Sums", ("event", "count", "amount", "first", "last"), sums)
    lines = [
        (
            when(one.at),
            one.name,
            one.item or "",
            "" if one.amount is None else _money(one.amount, one.currency or ""),
            one.ref or one.title,
        )
        for one in known.timeline
    ]
    table("Latest events", ("when (UTC)", "event", "item", "amount", "ref"), lines)


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency)) if currency else ""
