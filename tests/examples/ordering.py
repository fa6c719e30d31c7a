"""What every example shop has to do, over HTTP, started as its README says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.examples.running import free_port, serving

EXAMPLES = Path(__file__).parents[2] / "examples"
README_ADDRESS = "127.0.0.1:8000"
#: The programs of this very environment come first.
ENVIRONMENT = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def blocks(example: str) -> list[list[list[str]]]:
    """Return the commands that a README tells to type, block by block, but for installing."""
    found = re.findall(r"```sh\n(.*?)```", (EXAMPLES / example / "README.md").read_text(), re.DOTALL)
    return [
        [shlex.split(line) for line in one.splitlines() if not line.startswith(("pip ", "python3 -m venv"))]
        for one in found
    ]


@contextmanager
def opened(example: str, folder: Path, server: list[str] | None = None) -> Iterator[httpx.Client]:
    """Run a copy of an example as its README says, or with another server; give a client of it."""
    shop = shutil.copytree(EXAMPLES / example, folder / example, ignore=shutil.ignore_patterns("*.db*", "__pycache__"))
    *preparing, last = blocks(example)[0]
    for command in preparing:
        subprocess.run(command, cwd=shop, env=os.environ | ENVIRONMENT, check=True, capture_output=True, timeout=60)
    address = f"127.0.0.1:{free_port()}"
    command = [part.replace(README_ADDRESS, address) for part in server or last]
    assert address in command
    with (
        serving(command, shop, f"http://{address}/", ENVIRONMENT),
        httpx.Client(base_url=f"http://{address}", timeout=30) as client,
    ):
        yield client


def order(client: httpx.Client, email: str, product: str = "tea", quantity: int = 1) -> int:
    """Place an order; return the status."""
    return client.post("/orders", json={"email": email, "product": product, "quantity": quantity}).status_code


def known(client: httpx.Client, email: str) -> dict[str, dict[str, int]]:
    """Return what the CRM knows of a customer."""
    return client.get(f"/customers/{email}").json()


def many_at_once(client: httpx.Client, count: int = 40) -> list[int]:
    """Place orders of one customer at the same time; return their statuses."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: order(client, "crowd@example.com"), range(count)))
