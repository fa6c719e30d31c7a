"""The shop as pages: the shelf, and what the CRM knows of a customer."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from sqlalchemy import select

from crmcore import Money
from crmcore.model.time import moment
from fastapi_shop.orders import NEWSLETTER
from fastapi_shop.shop import OpenShop
from fastapi_shop.tables import CURRENCY, Product

router = APIRouter(default_response_class=HTMLResponse)
pages = Jinja2Templates(Path(__file__).parent / "pages")


def _money(minor: int, currency: str = CURRENCY) -> str:
    return str(Money(minor, currency))


def _date(at: int) -> str:
    return f"{moment(at):%d %b %Y, %H:%M}"


pages.env.filters |= {"money": _money, "date": _date}


@router.get("/")
async def shelf(request: Request, shop: OpenShop) -> HTMLResponse:
    """Show what can be bought."""
    async with shop.reading.begin() as session:
        products = (await session.scalars(select(Product).order_by(Product.title))).all()
    return pages.TemplateResponse(request, "shelf.html", {"products": products, "newsletter": NEWSLETTER})


@router.get("/customers/{customer_id}")
async def customer(request: Request, customer_id: int, shop: OpenShop) -> HTMLResponse:
    """Show what the CRM knows of a customer."""
    known = await shop.crm.customer(str(customer_id))
    timeline = await shop.crm.timeline(str(customer_id))
    return pages.TemplateResponse(request, "customer.html", {"customer": known, "timeline": timeline})
