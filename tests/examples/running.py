"""Starting a server as its README says: on a free loopback port, waited for with a bound, stopped by its own process id."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

READY_WITHIN = 60.0
STOPPED_WITHIN = 20.0


def free_url() -> str:
    """Return a loopback address nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{found.getsockname()[1]}"


@contextmanager
def serving(command: list[str], cwd: Path, url: str, environment: Mapping[str, str]) -> Iterator[httpx.Client]:
    """Run a server until the block ends; give a client that speaks to it once it answers."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        try:
            with httpx.Client(base_url=url, timeout=30) as client:
                if not _answers(process, client):
                    output.seek(0)
                    raise AssertionError(f"{' '.join(command)} does not answer at {url}:\n{output.read()}")
                yield client
        finally:
            _stop(process)


def _answers(process: subprocess.Popen[str], client: httpx.Client) -> bool:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        try:
            client.get("/")
        except httpx.TransportError:
            if _has_ended(process, 0.05):
                return False
        else:
            return True
    return False


def _has_ended(process: subprocess.Popen[str], within: float) -> bool:
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    if not _has_ended(process, STOPPED_WITHIN):
        process.kill()
        process.wait()
        raise AssertionError(f"process {process.pid} did not stop when it was told to")
