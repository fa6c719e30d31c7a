"""A shop's site beside its CRM: pages, the plugin's two files, who wants pushes, and what browsers report."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

import crm_push
from crm_push.vapid import new_keys
from crmcore import CRM
from crmcore.loader import installed
from crmcore.webhooks import app

PAGE = "<!doctype html><title>A shop</title>"
#: Who visits, and is signed in.
ADA = "ada"


class Site:
    """The shop. Its CRM is on the system's clock, as the browser is."""

    def __init__(self, folder: Path, ca_file: str) -> None:
        self._folder, self._ca_file = folder, ca_file
        self._reports: asyncio.Queue[None] = asyncio.Queue()
        self._visits: asyncio.Queue[str] = asyncio.Queue()
        self.keys = new_keys()
        (folder / "vapid").write_text(self.keys.private)

    def begin(self, origin: str) -> None:
        """Open the CRM: only now it is known where browsers are to report to."""
        self.origin = origin
        self.crm = CRM(
            str(self._folder / "crm.db"),
            plugins={"push": crm_push},
            blocked=installed(),
            channels={
                "push": {
                    "webpush": {
                        "private_key": f"file:{self._folder / 'vapid'}",
                        "subject": "mailto:push@shop.example",
                        "report_url": f"{origin}/crm/push/webpush",
                    }
                }
            },
            http={"ca_file": self._ca_file, "allow_private": True},
        )
        self._webhooks = app(self.crm)

    def application(self) -> Starlette:
        """Return the application to serve."""
        return Starlette(
            routes=[
                Mount("/crm", self._receive),
                Route("/subscriptions", self._subscribe, methods=["POST"]),
                Route("/{script:str}.js", _script),
                Route("/{page:path}", self._page),
            ]
        )

    async def reported(self) -> None:
        """Wait until the CRM has taken the next report."""
        await self._reports.get()

    async def visit(self) -> str:
        """Wait for somebody to open the next page; return its path."""
        return await self._visits.get()

    async def _receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._webhooks(scope, receive, send)
        self._reports.put_nowait(None)

    async def _subscribe(self, request: Request) -> Response:
        address = crm_push.subscription((await request.body()).decode())
        await run_in_threadpool(self.crm.identify, {"key": ADA, address.kind: address.value})
        return Response(status_code=204)

    async def _page(self, request: Request) -> Response:
        self._visits.put_nowait(request.url.path)
        return HTMLResponse(PAGE)


async def _script(request: Request) -> Response:
    return Response(crm_push.browser_file(f"{request.path_params['script']}.js"), media_type="text/javascript")
