"""A small shop on Flask and SQLAlchemy, with crmcore inside."""

from __future__ import annotations

import os

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy import create_engine, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session, sessionmaker
from tables import Order, OutOfStock, Product, Table

from crmcore import CRM, Money
from crmcore.errors import InvalidIdentity, UnknownCustomer

engine = create_engine(f"sqlite:///{os.environ.get('SHOP_DATABASE', 'shop.db')}", connect_args={"timeout": 20})
sessions = sessionmaker(engine)
crm = CRM(engine)
engine.dispose()  # a server may fork from here on: whoever serves opens connections of its own
app = Flask(__name__)


@app.cli.command("stock")
def stock() -> None:
    """Make the shop's tables, and put something on the shelves."""
    Table.metadata.create_all(engine)
    with sessions.begin() as session:
        session.merge(Product(key="tea", price=450, stock=1000))
        session.merge(Product(key="cup", price=1200, stock=3))


@app.get("/")
def products() -> ResponseReturnValue:
    """Show what there is to buy."""
    with sessions() as session:
        return {one.key: {"price": one.price, "stock": one.stock} for one in session.scalars(select(Product))}


@app.post("/orders")
def place() -> ResponseReturnValue:
    """Place an order: {"email": ..., "product": ..., "quantity": ...}."""
    match request.get_json(force=True):
        case {"email": str(email), "product": str(product), "quantity": int(quantity)} if quantity > 0:
            return write(email, product, quantity)
    return {"refused": "an order names an email, a product and a quantity"}, 400


def write(email: str, product_key: str, quantity: int) -> ResponseReturnValue:
    """Write an order and tell the CRM of it; what is refused leaves no trace anywhere."""
    try:
        with sessions.begin() as session:
            product = session.get_one(Product, product_key)
            order = Order(email=email, product=product, quantity=quantity)
            session.add(order)
            session.flush()
            tell(session, order)
            product.take(session, quantity)
            return {"ref": str(order)}, 201
    except InvalidIdentity as error:
        return {"refused": str(error)}, 400
    except NoResultFound:
        return {"refused": f"there is no product {product_key}"}, 400
    except OutOfStock:
        return {"refused": f"there is not enough {product_key} left"}, 409


def tell(session: Session, order: Order) -> None:
    """Tell the CRM of an order, in the transaction that writes it."""
    customer, paid = {"email": order.email}, Money(order.quantity * order.product.price, "EUR")
    said = crm.using(session)
    said.track("order_placed", customer, ref=str(order), amount=paid)
    said.track("item_ordered", customer, ref=str(order), item=order.product.key, quantity=order.quantity, amount=paid)


@app.get("/customers/<email>")
def customer(email: str) -> ResponseReturnValue:
    """Show what the CRM knows of a customer: how often something happened, and for how many cents."""
    try:
        found = crm.customer({"email": email})
    except UnknownCustomer as error:
        return {"refused": str(error)}, 404
    return {one.name: {"count": one.count, "amount": one.amount} for one in found.sums}
