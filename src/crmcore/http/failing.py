"""How a request may fail: before anything of it has left, after that, or never to be sent at all."""

from __future__ import annotations


class Unsound(Exception):
    """No request can be made of what a provider built; the text says what is wrong, and shows nothing of it."""


class Unsent(Exception):
    """Nothing of the request has left: a connection was closed, or a stream refused."""


class Unreachable(Unsent):
    """Nothing of the request has left, since there is no connection to be had."""


class Unanswered(Exception):
    """The request has left, at least in part, and no whole answer came."""


class Silent(Unanswered):
    """The request has left, and there was no whole answer in time."""


#: What a carrier that is down looks like, or one that has fallen silent.
Down = (Unreachable, Silent)
