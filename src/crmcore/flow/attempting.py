"""Statements of which one may be impossible: the others are applied all the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from crmcore.errors import CRMError
from crmcore.flow.applying import Taken
from crmcore.model.wire import Statement
from crmcore.store.scope import Scope

Apply = Callable[[Scope, Sequence[Statement]], Taken]


@attrs.frozen(kw_only=True)
class Attempted:
    """What came of statements; `failed` says why those at some places in their order could not be applied."""

    taken: Taken
    failed: dict[int, str] = attrs.field(factory=dict)


def attempt(scope: Scope, statements: Sequence[Statement], apply: Apply) -> Attempted:
    """Apply statements together; where that fails, one by one."""
    try:
        with scope.connection.begin_nested():
            return Attempted(taken=apply(scope, statements))
    except CRMError:
        return _one_by_one(scope, statements, apply)


def _one_by_one(scope: Scope, statements: Sequence[Statement], apply: Apply) -> Attempted:
    taken, failed = Taken(), {}
    for place, one in enumerate(statements):
        try:
            with scope.connection.begin_nested():
                taken += apply(scope, [one])
        except CRMError as error:
            failed[place] = str(error)
    return Attempted(taken=taken, failed=failed)
