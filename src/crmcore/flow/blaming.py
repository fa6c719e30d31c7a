"""What errors say: those of a condition name the segment that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crmcore.errors import CRMError, InvalidCondition, MixedCurrencies, Overflow, UnknownPlugin, UnknownRule

#: What a plugin may raise: whoever ends its own process ends nobody else's.
RAISED = (Exception, SystemExit)


@contextmanager
def blamed(segment: str) -> Iterator[None]:
    """Let what is raised name a segment: MixedCurrencies, Overflow and InvalidCondition; UnknownRule for UnknownPlugin."""
    try:
        yield
    except UnknownPlugin as error:
        raise UnknownRule(**{**error.fields, "segment": segment}) from error
    except (InvalidCondition, MixedCurrencies, Overflow) as error:
        place = f"segment {segment!r}, {error.fields['place']}"
        raise type(error)(**{**error.fields, "place": place}) from error


def why(error: BaseException) -> str:
    """Return what an error tells whoever waits: of those that are not ours only the kind, they may say anything."""
    return str(error) if isinstance(error, CRMError) else type(error).__name__
