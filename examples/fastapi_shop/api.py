"""The shop as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from crmcore.model.time import iso
from fastapi_shop.orders import place, register
from fastapi_shop.shop import OpenShop
from fastapi_shop.tables import Product

router = APIRouter()


class Registration(BaseModel):
    """Who registers."""

    name: Annotated[str, Field(min_length=1)]
    email: str
    city: str = ""
    newsletter: bool = False


class Basket(BaseModel):
    """Who buys how many of what."""

    customer: int
    items: Annotated[dict[str, Annotated[int, Field(ge=1, le=1000)]], Field(min_length=1)]


@router.get("/health")
async def health() -> dict[str, str]:
    """Tell that the shop is open."""
    return {"status": "open"}


@router.post("/customers", status_code=201)
async def add_customer(given: Registration, shop: OpenShop) -> dict[str, int]:
    """Register a customer."""
    async with shop.writing.begin() as session:
        customer = await register(session, shop.crm.using(session), **given.model_dump())
    return {"id": customer.id}


@router.get("/products")
async def products(shop: OpenShop) -> list[dict[str, Any]]:
    """Return what is on the shelf."""
    async with shop.reading.begin() as session:
        shelf = await session.scalars(select(Product).order_by(Product.title))
        return [{"sku": one.sku, "title": one.title, "price": one.price, "stock": one.stock} for one in shelf]


@router.post("/orders", status_code=201)
async def add_order(basket: Basket, shop: OpenShop) -> dict[str, int]:
    """Place an order, all of it or nothing."""
    async with shop.writing.begin() as session:
        order = await place(session, shop.crm.using(session), basket.customer, basket.items)
    return {"id": order.id, "total": order.total}


@router.get("/customers/{customer_id}/known")
async def known(customer_id: int, shop: OpenShop) -> dict[str, Any]:
    """Return what the CRM knows of a customer, exact to the last commit."""
    customer = await shop.crm.customer(str(customer_id))
    timeline = await shop.crm.timeline(str(customer_id))
    return {
        "attributes": dict(customer.attributes),
        "consents": {one.purpose: one.granted for one in customer.consents},
        "sums": {one.name: {"count": one.count, "amount": one.amount} for one in customer.sums},
        "timeline": [{"at": iso(one.at), "name": one.name, "item": one.item, "order": one.ref} for one in timeline],
    }
