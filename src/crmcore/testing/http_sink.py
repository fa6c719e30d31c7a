"""An HTTP/1.1 server on loopback that takes what is posted, remembers it, and fails where it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from threading import Lock
from typing import Literal, Protocol

import attrs

from crmcore.testing.loopback import Cut, Drop, HungUp, Loopback, Silence, Slow, Wire

__all__ = ["STAGES", "Answer", "Cut", "Drop", "HttpSink", "Post", "Posts", "Script", "Silence", "Slow", "Stage"]

#: The steps of an exchange: at `request` the head has come, at `body` all of it, at `taken` it is kept and nothing is said.
Stage = Literal["connect", "request", "body", "taken"]
STAGES: tuple[Stage, ...] = ("connect", "request", "body", "taken")
KEY = "idempotency-key"
_REFUSAL = 400


@attrs.frozen
class Post:
    """One request taken; `key` is its Idempotency-Key."""

    path: str
    key: str
    body: bytes


@attrs.frozen(kw_only=True)
class Answer:
    """What to answer instead of 200; from 400 on the request is not taken."""

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b"{}"

    def to_bytes(self) -> bytes:
        """Return it as it goes over the wire."""
        head = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", f"Content-Length: {len(self.body)}"]
        lines = [*head, *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


class Posts(Protocol):
    """Where requests go: a list, or a Log that outlives the process."""

    def append(self, post: Post, /) -> None:
        """Keep one more."""


Doing = Answer | Drop | Slow | Cut | Silence
#: What to do at a stage, given the key known so far; Cut counts the bytes of the body at `request`, of the answer at `taken`.
Script = Callable[[Stage, str], Doing | None]


def _usual(_stage: Stage, _key: str) -> None:
    return None


class HttpSink(Loopback):
    """The server; use it as a context manager. `posts` are those taken; `also` keeps them a second time."""

    def __init__(self, script: Script = _usual, also: Posts | None = None) -> None:
        super().__init__(self._converse_on)
        self.posts: list[Post] = []
        self._script, self._also, self._lock = script, also, Lock()

    def _converse_on(self, wire: Wire) -> None:
        if self._is_refused(wire, self._script("connect", "")):
            return
        while True:
            self._exchange(wire)

    def _exchange(self, wire: Wire) -> None:
        path, headers = _head(wire.until(b"\r\n\r\n"))
        key, length = headers.get(KEY, ""), int(headers.get("content-length", 0))
        said = self._script("request", key)
        if isinstance(said, Cut):
            wire.exactly(said.after)
            raise HungUp
        refused = self._is_refused(wire, said)
        body = wire.exactly(length)
        if refused or self._is_refused(wire, self._script("body", key)):
            return
        number = self._keep(Post(path, key, body))
        self._answer(wire, self._script("taken", key), number)

    def _is_refused(self, wire: Wire, said: Doing | None) -> bool:
        if isinstance(said, Drop):
            raise HungUp
        if isinstance(said, Silence):
            wire.stall(said)
        if isinstance(said, Slow):
            wire.wait(said.seconds)
        if isinstance(said, Answer):
            wire.say(said.to_bytes())
        return isinstance(said, Answer)

    def _answer(self, wire: Wire, said: Doing | None, number: int) -> None:
        if self._is_refused(wire, said):
            return
        whole = Answer(status=200, body=b'{"id": "h-%d"}' % number).to_bytes()
        if isinstance(said, Cut):
            wire.say(whole[: said.after])
            raise HungUp
        wire.say(whole)

    def _keep(self, post: Post) -> int:
        """Keep a request; return its number among all, which its id is made of."""
        if self._also is not None:
            self._also.append(post)
        with self._lock:
            self.posts.append(post)
            return len(self.posts)


def _head(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    named = (line.partition(":") for line in lines)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in named}
