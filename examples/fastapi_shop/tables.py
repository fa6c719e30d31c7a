"""The shop's own tables; crmcore's stand beside them in the same file, named crm_*."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

#: The shop sells in one currency; its prices are cents.
CURRENCY = "EUR"


class Table(DeclarativeBase):
    """What the shop's tables have in common."""


class Customer(Table):
    """Who has registered; the CRM knows each by this id."""

    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    city: Mapped[str]


class Product(Table):
    """What there is on the shelf, and how much of it is left."""

    __tablename__ = "product"
    __table_args__ = (CheckConstraint("stock >= 0"),)

    sku: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    price: Mapped[int]
    stock: Mapped[int]


class Order(Table):
    """What was bought at once."""

    __tablename__ = "placed_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    total: Mapped[int]
    placed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OrderLine(Table):
    """One product of an order, at the price of that day."""

    __tablename__ = "order_line"

    order_id: Mapped[int] = mapped_column(ForeignKey("placed_order.id"), primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("product.sku"), primary_key=True)
    quantity: Mapped[int]
    price: Mapped[int]
