"""What the stand-ins share: a request as it came, and what each of them can be asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import attrs

from crmcore.hooks.provider import HttpResponse

BEARER = "bearer "
Refusal = Literal["temporary", "permanent"]


@attrs.frozen(kw_only=True)
class Request:
    """A request, whole; names of headers are in lower case, and `path` has no query."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)


class StandIn(Protocol):
    """One carrier's interface, without I/O."""

    def handles(self, path: str) -> bool:
        """Tell whether a path is one of its own."""

    def address(self, request: Request) -> str:
        """Return whom a request is for, empty where nobody can be read out of it; never raise."""

    def answer(self, request: Request) -> HttpResponse:
        """Take the request, or say why not."""

    def refusing(self) -> Mapping[Refusal, HttpResponse]:
        """Return how it refuses a message for now, and for ever."""

    def forget(self) -> None:
        """Forget what was taken."""


def said(status: int, body: Any, **headers: str) -> HttpResponse:
    """Return an answer in JSON; `retry_after="5"` is the header retry-after."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"content-type": "application/json; charset=utf-8"}
    return HttpResponse(status=status, headers=kind | named, body=json.dumps(body, ensure_ascii=False).encode())


def bearer(request: Request) -> str:
    """Return the token of the header Authorization; empty where there is none."""
    value = request.headers.get("authorization", "")
    return value[len(BEARER) :].strip() if value.lower().startswith(BEARER) else ""


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds; an empty one where it holds none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
