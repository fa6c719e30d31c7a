"""Make the tables and fill the shelf: `python -m fastapi_shop.prepare`. Run again, it leaves what is there."""

from __future__ import annotations

import os

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from crmcore import CRM, Money, migrations
from crmcore.writer import Writer
from fastapi_shop.tables import CURRENCY, Product, Table

#: Key, title, price in cents, how many there are.
SHELF = (
    ("tea-green", "Green tea, 100 g", 790, 200),
    ("tea-black", "Black tea, 100 g", 690, 200),
    ("pot-small", "A pot for one", 2450, 12),
    ("cup-rare", "A cup there are three of", 5900, 3),
)


def prepare(path: str) -> None:
    """Bring crmcore's tables and the shop's into one file, and put products on the shelf."""
    engine = create_engine(f"sqlite:///{path}")
    migrations.upgrade(engine)
    Table.metadata.create_all(engine)
    with CRM(engine) as crm, Session(engine) as session, session.begin():
        if session.scalars(select(Product)).first() is None:
            fill(session, crm.using(session))
    engine.dispose()


def fill(session: Session, crm: Writer) -> None:
    """Put the products on the shelf, and tell the CRM what can be recommended."""
    for sku, title, price, stock in SHELF:
        session.add(Product(sku=sku, title=title, price=price, stock=stock))
        crm.offer(sku, title=title, price=Money(price, CURRENCY), stock=stock)


if __name__ == "__main__":
    prepare(os.environ.get("SHOP_DATABASE", "shop.db"))
