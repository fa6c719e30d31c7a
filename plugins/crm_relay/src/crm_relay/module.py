"""The module: a table of what waits, a job that posts it, commands that show it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import click

from crm_relay import tables
from crm_relay.commands import relay
from crm_relay.posting import SECOND, post_of, send
from crm_relay.settings import RelaySettings
from crm_relay.tables import Kept
from crmcore.hooks.module import Job, Route, Schema, TimelineEntry
from crmcore.hooks.tables import InTables, Tables

EVERY = 5.0
DAY = 86_400 * SECOND
#: After so many seconds an address that fails is asked again, doubled with each failure, up to an hour.
_FIRST, _LONGEST = 10, 3600
#: How many requests one run of the job makes at most.
_MOST = 100
log = logging.getLogger("crmcore.relay")


SCHEMA = Schema(metadata=tables.metadata, migrations="crm_relay.migrations", head="crm_relay_0001")


class Relay:
    """Posts notices to one address, one request after the other, so that they arrive in order."""

    name = "relay"
    contract = 1
    schema: Schema | None = SCHEMA
    commands: Sequence[click.Command] = (relay,)
    routes: Sequence[Route] = ()

    def __init__(self, settings: RelaySettings) -> None:
        self.settings = settings
        self.jobs: Sequence[Job] = [Job(name="post", every=EVERY, run=self.post)]

    def post(self, write: InTables) -> int:
        """Post what waits until nothing does, or the address fails; return how many notices were taken, or given up."""
        done = write(lambda tabled: tables.give_up(tabled, tabled.now - self.settings.keep_days * DAY))
        if done:
            log.warning(
                "%s notices were given up: the address has not taken them for %s days", done, self.settings.keep_days
            )
        for _ in range(_MOST):
            taken = self._posted(write)
            done += taken
            if not taken:
                break
        return done

    def _posted(self, write: InTables) -> int:
        found = write(self._due)
        if found is None:
            return 0
        notices, failures, now, workspace_id = found
        problem = send(self.settings, post_of(notices, workspace_id, self.settings.key(), now))
        if problem:
            write(partial(self._failed, failures=failures + 1, problem=problem))
            return 0
        write(partial(_taken, ids=[one.id for one in notices]))
        return len(notices)

    def _due(self, tabled: Tables) -> tuple[list[Kept], int, int, int] | None:
        waiting = tables.waiting(tabled)
        if not waiting.count or waiting.due_at > tabled.now:
            return None
        return tables.first(tabled, self.settings.batch), waiting.failures, tabled.now, tabled.workspace_id

    def _failed(self, tabled: Tables, failures: int, problem: str) -> None:
        pause = min(_FIRST * 2 ** min(failures - 1, 20), _LONGEST)
        tables.answered(tabled, failures, tabled.now + pause * SECOND, problem)

    def timeline(self, _tables: Tables, _customer_id: int) -> Iterable[TimelineEntry]:
        """Return nothing: what others are told is no part of a customer's story."""
        return ()

    def export(self, tabled: Tables, customer_id: int) -> Mapping[str, Any]:
        """Return the notices about a customer that wait to be posted."""
        return {"waiting": tables.of_customer(tabled, customer_id)}

    def erase(self, tabled: Tables, customer_id: int) -> int:
        """Forget the notices about a customer; the one that says they were erased comes afterwards."""
        return tables.forget(tabled, [customer_id])


def _taken(tabled: Tables, ids: Sequence[int]) -> None:
    tables.remove(tabled, ids)
    tables.answered(tabled, 0, 0, "")
