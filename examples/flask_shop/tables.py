"""What the shop sells, and to whom it sold it."""

from __future__ import annotations

from sqlalchemy import ForeignKey, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class OutOfStock(Exception):
    """There is less left than somebody wants."""


class Table(DeclarativeBase):
    """A table of the shop."""


class Product(Table):
    """Something to buy; `price` in cents."""

    __tablename__ = "product"

    key: Mapped[str] = mapped_column(primary_key=True)
    price: Mapped[int]
    stock: Mapped[int]

    def take(self, session: Session, quantity: int) -> None:
        """Take some out of the stock; raise OutOfStock."""
        enough = update(Product).where(Product.key == self.key, Product.stock >= quantity)
        if not session.execute(enough.values(stock=Product.stock - quantity)).rowcount:
            raise OutOfStock


class Order(Table):
    """What a customer bought."""

    __tablename__ = "shop_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    product_key: Mapped[str] = mapped_column(ForeignKey(Product.key))
    quantity: Mapped[int]
    product: Mapped[Product] = relationship()

    def __str__(self) -> str:
        return f"order-{self.id}"
