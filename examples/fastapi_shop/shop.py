"""What the shop holds while it is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import attrs
from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from crmcore.aio import AsyncCRM
from fastapi_shop.database import engine_on, for_reading


@attrs.frozen(kw_only=True)
class Shop:
    """The shop's two ways to its database, and the CRM on the same file.

    A request that writes opens its transaction itself, `async with shop.writing.begin() as session`, and answers after
    it: a dependency that commits when the request is over would do so after the customer was told it had worked.
    """

    writing: async_sessionmaker[AsyncSession]
    reading: async_sessionmaker[AsyncSession]
    crm: AsyncCRM


@asynccontextmanager
async def opened(path: str) -> AsyncIterator[Shop]:
    """Open the shop on a file that `prepare` has made."""
    engine = engine_on(path)
    try:
        async with await AsyncCRM.open(path) as crm:
            yield Shop(
                writing=async_sessionmaker(engine, expire_on_commit=False),
                reading=async_sessionmaker(for_reading(engine), expire_on_commit=False),
                crm=crm,
            )
    finally:
        await engine.dispose()


def _shop(request: Request) -> Shop:
    shop: Shop = request.app.state.shop
    return shop


#: How an endpoint asks for it.
OpenShop = Annotated[Shop, Depends(_shop)]
