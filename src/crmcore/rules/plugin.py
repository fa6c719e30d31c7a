"""A condition that a plugin brings: its contract (`hooks.rule`) read as that of a leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from crmcore.errors import CRMError, InvalidCondition, UnknownPlugin
from crmcore.hooks.rule import Rule
from crmcore.model.condition import PluginRule
from crmcore.rules.leaf import LeafRule, among

Plugins = Mapping[str, Rule]
Answer = TypeVar("Answer")


def of(plugins: Plugins) -> LeafRule[PluginRule]:
    """Return the readings of the rules that plugins bring.

    Each raises UnknownPlugin for a rule that none brings, and InvalidCondition naming the rule where it raises.
    """

    def asked(leaf: PluginRule, ask: Callable[[Rule], Answer]) -> Answer:
        if leaf.rule not in plugins:
            raise UnknownPlugin(kind="rule", name=leaf.rule, known=", ".join(sorted(plugins)) or "none")
        with _blamed(leaf.rule):
            return ask(plugins[leaf.rule])

    return LeafRule(
        sql=lambda scope, leaf: among(asked(leaf, lambda rule: rule.sql(scope, leaf.params))),
        holds=lambda history, leaf, now: asked(leaf, lambda rule: rule.holds(history, leaf.params, now)),
        touches=lambda leaf: asked(leaf, lambda rule: rule.touches(leaf.params)),
        next_change=lambda history, leaf, now: asked(leaf, lambda rule: rule.next_change(history, leaf.params, now)),
    )


@contextmanager
def _blamed(rule: str) -> Iterator[None]:
    try:
        yield
    except CRMError:
        raise
    except Exception as error:
        raise InvalidCondition(place=f"rule {rule}", problem=f"it raised {error!r}") from error
