"""A plugin that brings a rule."""

from __future__ import annotations

from sqlalchemy import select

from crmcore.hooks.marker import hookimpl
from crmcore.hooks.rule import Touches
from crmcore.store import schema


class Named:
    """A plugin's rule: customers of these keys."""

    name, contract = "named", 1

    def sql(self, scope, params):
        return select(schema.customer.c.id).where(
            schema.customer.c.workspace_id == scope.workspace_id, schema.customer.c.key.in_(params["keys"])
        )

    def holds(self, history, params, now):
        return history.attributes.get("key_too") in params["keys"]

    def touches(self, params):
        return Touches(attributes=frozenset({"key_too"}))

    def next_change(self, history, params, now):
        return None


class Rules:
    """The plugin."""

    @hookimpl
    def crm_register_rules(self, setup):
        return [Named()]
