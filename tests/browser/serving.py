"""Applications on loopback, at ports the system chooses."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from aiohttp import web

HOST = "127.0.0.1"


@asynccontextmanager
async def served(app: web.Application, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve an application of aiohttp, over TLS where that is set up; return its origin."""
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, ssl_context=tls).start()
    yield f"{'https' if tls else 'http'}://{HOST}:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def served_asgi(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application as a host does; return its origin."""
    listener = socket.create_server((HOST, 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://{HOST}:{listener.getsockname()[1]}"
    server.should_exit = server.force_exit = True
    await serving
