"""A condition that a plugin brings: its contract (`hooks.rule`) read as that of a leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from crmcore.errors import CRMError, InvalidCondition, UnknownPlugin
from crmcore.hooks.rule import Rule, Touches
from crmcore.model.condition import PluginRule
from crmcore.model.values import INT64
from crmcore.rules.leaf import LeafRule, among

Plugins = Mapping[str, Rule]
Answer = TypeVar("Answer")


def of(plugins: Plugins) -> LeafRule[PluginRule]:
    """Return the readings of the rules that plugins bring.

    Each raises UnknownPlugin for a rule that none brings, and InvalidCondition naming the rule where it raises or answers
    what is none of the contract's.
    """

    def asked(leaf: PluginRule, ask: Callable[[Rule], Answer]) -> Answer:
        if leaf.rule not in plugins:
            raise UnknownPlugin(kind="rule", name=leaf.rule, known=", ".join(sorted(plugins)) or "none")
        with _blamed(leaf.rule):
            return ask(plugins[leaf.rule])

    return LeafRule(
        sql=lambda scope, leaf: among(asked(leaf, lambda rule: rule.sql(scope, leaf.params))),
        holds=lambda history, leaf, now: asked(leaf, lambda rule: rule.holds(history, leaf.params, now)),
        touches=lambda leaf: _touches(leaf.rule, asked(leaf, lambda rule: rule.touches(leaf.params))),
        next_change=lambda history, leaf, now: _later(
            leaf.rule, asked(leaf, lambda rule: rule.next_change(history, leaf.params, now)), now
        ),
    )


def _touches(rule: str, said: object) -> Touches:
    if not isinstance(said, Touches):
        raise _no_answer(rule, f"its touches are {said!r}, which are no Touches")
    return said


def _later(rule: str, said: object, now: int) -> int | None:
    """A time that is no time, or that has come, would stop whoever waits for it."""
    if said is None or (type(said) is int and now < said < INT64):
        return said
    raise _no_answer(rule, f"its next change after {now} is {said!r}; it is a later time in microseconds, or None")


def _no_answer(rule: str, problem: str) -> InvalidCondition:
    return InvalidCondition(place=f"rule {rule}", problem=problem)


@contextmanager
def _blamed(rule: str) -> Iterator[None]:
    try:
        yield
    except CRMError:
        raise
    except Exception as error:
        raise _no_answer(rule, f"it raised {error!r}") from error
