"""Registering and ordering: each changes the shop's tables and tells the CRM, in one transaction of the caller's."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crmcore.aio import AsyncWriter
from fastapi_shop.tables import CURRENCY, Customer, Order, OrderLine, Product

#: The words beside the tick box, kept with the consent they were given for.
NEWSLETTER = "Yes, write to me once a month. I can change my mind at any time."


class Refused(Exception):
    """The shop does not do it; the message says why."""


class Unknown(Refused):
    """What was asked for does not exist."""


async def register(
    session: AsyncSession, crm: AsyncWriter, *, name: str, email: str, city: str, newsletter: bool
) -> Customer:
    """Add a customer; raise Refused where the address is taken."""
    customer = Customer(name=name, email=email, city=city)
    session.add(customer)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Refused(f"{email} is registered already") from error
    await crm.identify(str(customer.id), {"name": name, "email": email, "city": city})
    if newsletter:
        proof = {"form": "register", "words": NEWSLETTER}
        await crm.consent(str(customer.id), "newsletter", channel="email", text_version="2026-01", proof=proof)
    return customer


async def place(session: AsyncSession, crm: AsyncWriter, customer_id: int, items: Mapping[str, int]) -> Order:
    """Sell so many of each product; raise Refused where one of them is not there, and then nothing is sold at all.

    The stock is taken and the CRM is told line by line. A refusal at the third leaves nothing of the first two behind,
    neither here nor there: the caller's transaction ends with the error, and all of it goes back together.
    """
    if await session.get(Customer, customer_id) is None:
        raise Unknown(f"there is no customer {customer_id}")
    order = Order(customer_id=customer_id, total=0)
    session.add(order)
    await session.flush()
    key, ref = str(customer_id), str(order.id)
    for sku, quantity in items.items():
        price = await _take(session, sku, quantity)
        order.total += price * quantity
        session.add(OrderLine(order_id=order.id, sku=sku, quantity=quantity, price=price))
        amount = price * quantity
        await crm.track("item_ordered", key, item=sku, quantity=quantity, amount=amount, currency=CURRENCY, ref=ref)
    await crm.track("order_placed", key, amount=order.total, currency=CURRENCY, ref=ref)
    return order


async def _take(session: AsyncSession, sku: str, quantity: int) -> int:
    """Take from the stock; return the price of one."""
    enough = update(Product).where(Product.sku == sku, Product.stock >= quantity)
    taken = enough.values(stock=Product.stock - quantity).returning(Product.price)
    price = (await session.execute(taken)).scalar_one_or_none()
    if price is not None:
        return price
    product = await session.get(Product, sku)
    if product is None:
        raise Unknown(f"there is no product {sku}")
    raise Refused(f"of {product.title} there are {product.stock} left, not {quantity}")
