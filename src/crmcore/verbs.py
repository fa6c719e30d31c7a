"""The writing verbs, shared by a CRM and by what writes inside a host's transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import Concatenate, ParamSpec

from crmcore.model import verbs
from crmcore.model.wire import Statement

Said = ParamSpec("Said")


def _verb(build: Callable[Concatenate[int, Said], Statement]) -> Callable[Concatenate[Verbs, Said], None]:
    """Return the method that says what `build` makes of its arguments."""

    @wraps(build)
    def verb(self: Verbs, *arguments: Said.args, **named: Said.kwargs) -> None:
        self._say([build(self.now(), *arguments, **named)])

    _, *rest = signature(build).parameters.values()
    said: Callable[Concatenate[Verbs, Said], None] = verb  # type: ignore[assignment]  # wraps() speaks of build's arguments
    said.__signature__ = signature(build).replace(  # type: ignore[attr-defined]  # functions may carry one
        parameters=[Parameter("self", Parameter.POSITIONAL_ONLY), *rest], return_annotation=None
    )
    return said


class Verbs(ABC):
    """identify, group, track, merge, unmerge, consent, subscribe, suppress, offer, send: each says one thing."""

    @abstractmethod
    def now(self) -> int:
        """Return the time in microseconds UTC."""

    @abstractmethod
    def _say(self, statements: Sequence[Statement]) -> None:
        """Take checked statements."""

    identify = _verb(verbs.identify)
    group = _verb(verbs.group)
    track = _verb(verbs.event)
    merge = _verb(verbs.merge)
    unmerge = _verb(verbs.unmerge)
    consent = _verb(verbs.consent)
    subscribe = _verb(verbs.subscribe)
    suppress = _verb(verbs.suppress)
    offer = _verb(verbs.offer)
    send = _verb(verbs.send)
