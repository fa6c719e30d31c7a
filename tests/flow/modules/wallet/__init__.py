"""A module for tests: coins of customers, in two revisions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, PrimaryKeyConstraint, Table, Text, select

from crmcore.hooks.marker import hookimpl
from crmcore.hooks.module import Schema, TimelineEntry

metadata = MetaData()
coin = Table(
    "crm_wallet_coin",
    metadata,
    Column("workspace_id", BigInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text),
    PrimaryKeyConstraint("workspace_id", "id"),
    Index("ix_wallet_coin_customer_id", "workspace_id", "customer_id"),
)
SCHEMA = Schema(metadata=metadata, migrations="tests.flow.modules.wallet.revisions", head="wallet_0002")


class Wallet:
    """What a plugin brings: it is the module as well."""

    name = "wallet"
    contract = 1

    def __init__(self, *, schema=SCHEMA, jobs=(), commands=(), routes=()):
        self.schema, self.jobs, self.commands, self.routes = schema, jobs, commands, routes
        self.told = []

    @hookimpl
    def crm_register_modules(self, setup):
        return [self]

    @hookimpl
    def crm_event_tracked(self, batch):
        self.told += batch.entries

    def timeline(self, tables, customer_id):
        return [TimelineEntry(at=one.at, kind="coin_given", title=one.note or "") for one in coins(tables, customer_id)]

    def export(self, tables, customer_id):
        return {"coins": [one.note for one in coins(tables, customer_id)]}

    def erase(self, tables, customer_id):
        return tables.run(tables.delete(coin).where(coin.c.customer_id == customer_id)).rowcount


def coins(tables, customer_id):
    found = tables.table(coin).c
    return list(tables.run(select(found.at, found.note).where(found.customer_id == customer_id).order_by(found.id)))


def give(tables, customer_id, at, note=None):
    [new_id] = tables.new_ids(1)
    tables.insert(coin, [{"id": new_id, "customer_id": customer_id, "at": at, "note": note}])
