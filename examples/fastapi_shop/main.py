"""The application: `uvicorn fastapi_shop.main:app`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from crmcore.errors import InputError, NotFound
from fastapi_shop import api, web
from fastapi_shop.orders import Refused, Unknown
from fastapi_shop.shop import opened

#: Which answer an error becomes: the first that fits.
ANSWERS = ((Unknown, 404), (NotFound, 404), (Refused, 409), (InputError, 422))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the shop open as long as the server runs."""
    async with opened(os.environ.get("SHOP_DATABASE", "shop.db")) as app.state.shop:
        yield


async def refuse(_request: Request, error: Exception) -> JSONResponse:
    """Answer with the reason; by now the transaction has been rolled back."""
    status = next(status for kind, status in ANSWERS if isinstance(error, kind))
    return JSONResponse({"refused": str(error)}, status)


app = FastAPI(title="A shop", lifespan=lifespan)
app.include_router(api.router)
app.include_router(web.router)
for kind, _ in ANSWERS:
    app.add_exception_handler(kind, refuse)
