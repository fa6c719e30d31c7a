"""CRM: the one object a host holds. Each method is a few lines that open a transaction and hand on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import attrs
from sqlalchemy import Connection, Engine

from crmcore.consenting import Consenting
from crmcore.enrolling import Enrolling
from crmcore.errors import MergeConflict, NoConnection
from crmcore.exporting import Exporting
from crmcore.extending import Extending
from crmcore.flow import applying, folding
from crmcore.flow.applying import Taken
from crmcore.flow.privacy import auditing
from crmcore.flow.progress import Progress, Stop, Wait, leave, never, quiet
from crmcore.flow.screening import warn
from crmcore.importing import Importing
from crmcore.issuing import Issuing
from crmcore.knowing import Knowing
from crmcore.ledger import Ledger
from crmcore.model import verbs
from crmcore.model.event import Event
from crmcore.model.identity import Who
from crmcore.model.time import microseconds
from crmcore.model.values import checked_list
from crmcore.opening import Opened, opened
from crmcore.privacy import Privacy
from crmcore.receiving import Receiving
from crmcore.reviewing import Reviewing
from crmcore.settings import Settings, operating_user, settings
from crmcore.simulating import Simulating
from crmcore.store import customers, identities, workspaces
from crmcore.store.host import adopt
from crmcore.tracking import Tracking
from crmcore.verbs import Verbs
from crmcore.writer import Writer

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy.orm import Session

    from crmcore.campaigning import Campaigning, Stats, Worked
    from crmcore.flow.launch import Launched
    from crmcore.flow.unsubscribing import Unsubscription
    from crmcore.hooks.provider import Feedback
    from crmcore.model.campaign import Campaign
    from crmcore.model.clauses import Clause
    from crmcore.model.condition import Condition
    from crmcore.model.report import Report
    from crmcore.model.template import Template
    from crmcore.model.time import Clock
    from crmcore.model.wire import Statement
    from crmcore.registry import Registry
    from crmcore.segment import Segment
    from crmcore.store.accounts import AccountView
    from crmcore.store.customers import CustomerView
    from crmcore.store.scope import Scope
    from crmcore.store.segments import Definition

BATCH = 1000

__all__ = ["CRM", "adopt"]


class CRM(
    Verbs,
    Consenting,
    Enrolling,
    Importing,
    Exporting,
    Extending,
    Issuing,
    Knowing,
    Ledger,
    Privacy,
    Receiving,
    Reviewing,
    Simulating,
    Tracking,
):
    """A CRM beside a host's own tables; safe to share between threads.

    `database` is a SQLAlchemy Engine of the host, a URL, or the path of a SQLite file; left out, the settings name it.
    Settings may be given by keyword, by CRM_* variables and by crm.toml, in this order. `clock` and `plugins` (by name)
    are for tests and for hosts that register plugins of their own.
    """

    def __init__(
        self,
        database: Engine | str | None = None,
        *,
        workspace: str | None = None,
        clock: Clock | None = None,
        plugins: Mapping[str, Any] | None = None,
        config: Path | str | None = None,
        **given: Any,
    ) -> None:
        url = database if isinstance(database, str) else None
        self.settings: Settings = settings({"database": url, "workspace": workspace, **given}, file=config)
        engine = self.settings.database if database is None else database
        opening = opened(engine, self.settings.workspace, clock)
        # What only some hosts use is imported when it is first used: importing crmcore stays quick.
        from crmcore import loader
        from crmcore.flow import addressing, policies
        from crmcore.flow.journeys.entering import Entering
        from crmcore.flow.upkeep.settling import Upkeep
        from crmcore.hooks.setup import Setup

        setup = Setup(clock=opening.clock, settings=self.settings.tables)
        blocked = frozenset(self.settings.blocked)
        self.registry: Registry = loader.load(setup, plugins=plugins, blocked=blocked, admit=self._admission(opening))
        rules = policies.check(self.settings, self.registry)
        self._opened: Opened = attrs.evolve(
            opening,
            listened=frozenset(self.registry.listeners),
            address_kinds=self.registry.address_kinds,
            each_address=self.registry.each_address,
            checks=addressing.checks(self.registry),
            actor=self.settings.actor or operating_user(),
            upkeep=Upkeep(self.registry.rules),
            entering=Entering(self.registry.rules, rules.holdout, rules.zone),
        )
        self._opened.join(self.registry.hearing)

    def close(self) -> None:
        """Give back what is held; the host's engine stays open."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        return self._opened.clock.now()

    # -- ways in ------------------------------------------------------------------------------------------------------

    def identify_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `identify` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.identify, rows)

    def group_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `group` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.group, rows)

    def track_many(self, rows: Iterable[Event | Mapping[str, Any]]) -> Taken:
        """Say `track` for each row of arguments (or Event), a thousand a transaction; count the new and the repeated."""
        return self._say_many(verbs.event, rows)

    def merge_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `merge` for each row of arguments, a thousand a transaction; `refused` names those that contradict."""
        return self._say_many(verbs.merge, rows)

    def unmerge_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `unmerge` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.unmerge, rows)

    def consent_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `consent` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.consent, rows)

    def subscribe_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `subscribe` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.subscribe, rows)

    def suppress_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `suppress` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.suppress, rows)

    def offer_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `offer` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.offer, rows)

    def send_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `send` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.send, rows)

    def using(self, connection: Connection | Session) -> Writer:
        """Return the verbs inside a host's transaction; `adopt` makes a Connection of a DBAPI one. Raise NoConnection."""
        joined = connection if isinstance(connection, Connection) else _of_session(connection)
        return Writer(self._opened.clock, self._opened.checked, lambda now: self._opened.scope(joined, now))

    def _say(self, statements: Sequence[Statement]) -> None:
        for one, other in self._take(statements, auditing.note_said).refused:
            raise MergeConflict(one=f"{one.kind} {one.value!r}", other=f"{other.kind} {other.value!r}")

    def _say_many(self, build: Callable[..., Statement], rows: Iterable[Any]) -> Taken:
        taken, left = Taken(), iter(rows)
        while batch := list(islice(left, BATCH)):
            now = self.now()
            statements = [row if isinstance(row, Event) else build(now, **row) for row in batch]
            taken += self._take(statements)
        return taken

    def _take(self, statements: Sequence[Statement], then: Callable[..., None] = auditing.nothing) -> Taken:
        def take(scope: Scope) -> Taken:
            taken = applying.apply(scope, self._opened.checked(statements))
            then(scope, statements)
            return taken

        taken = self._opened.write(take)
        warn(taken.quarantined)
        return taken

    # -- reading ------------------------------------------------------------------------------------------------------

    def customer(self, who: Who, at: datetime | int | None = None) -> CustomerView:
        """Return all that is known of a customer, or was at a time; raise UnknownCustomer.

        At a time (microseconds UTC, or a datetime) it is what the statements dated up to then say, and no others.
        """
        from crmcore.store import past

        self._fold()
        with self._opened.reading() as scope:
            customer_id, origin_id = identities.owner(scope, who)
            if at is None:
                return customers.view(scope, customer_id)
            return past.view(scope, origin_id, microseconds(at, "at"))

    def account(self, key: str, at: datetime | int | None = None) -> AccountView:
        """Return an account, with its members of all times or those at a time; raise UnknownAccount."""
        from crmcore.store import accounts

        self._fold()
        with self._opened.reading() as scope:
            return accounts.view(scope, key, None if at is None else microseconds(at, "at"))

    def define_segment(self, name: str, clause: Clause | Condition | Mapping[str, Any] | str) -> Segment:
        """Define a segment by a condition in words, written in Python, or as plain data.

        Raise InvalidCondition, UnknownRule for a rule that no plugin brings, SegmentTaken where a list that was uploaded
        has the name; nothing is stored then.
        """
        from crmcore.segment import condition_of

        condition = condition_of(clause)
        return self._segment(self._opened.write(lambda scope: self._opened.upkeep.define(scope, name, condition)))

    def upload_segment(self, name: str, customers: Iterable[Who]) -> Segment:
        """Let these, given as a list, be the customers of a segment, and no others. Conditions ask `in_segment`.

        Raise UnknownCustomer where any is not there, and change nothing; its field `places` says which, from 0. Raise
        SegmentTaken where a segment with a condition has the name.
        """
        from crmcore.store import identities

        wanted = list(checked_list(customers, "upload_segment.customers"))
        self._fold()

        def upload(scope: Scope) -> Definition:
            return self._opened.upkeep.upload(scope, name, identities.owners(scope, wanted))

        return self._segment(self._opened.write(upload))

    def delete_segment(self, name: str) -> None:
        """Delete a segment: all who are in it leave it, and the name can be used anew. What was told of it stays.

        Raise UnknownSegment, and SegmentInUse where another segment or a campaign that is not finished asks for it.
        """
        self._fold()
        self._opened.write(lambda scope: self._opened.upkeep.delete(scope, name))

    def rebuild(self, progress: Progress = quiet) -> None:
        """Make again what is kept of customers beside the log: their sums, their standing, who is in which segment."""
        from crmcore.flow import rebuilding

        self._fold()
        rebuilding.rebuild(self._opened.write, self._opened.reading, progress)
        self._catch_up()

    def segment(self, name: str) -> Segment:
        """Return a segment; raise UnknownSegment."""
        from crmcore.store import segments

        with self._opened.reading() as scope:
            return self._segment(segments.load(scope, name))

    def _segment(self, definition: Definition) -> Segment:
        from crmcore.segment import Segment

        return Segment(self._opened, self._catch_up, self.registry, definition)

    def segments(self) -> list[str]:
        """Return the names of the segments."""
        from crmcore.store import segments

        with self._opened.reading() as scope:
            return segments.names(scope)

    @cached_property
    def _campaigning(self) -> Campaigning:
        from crmcore.campaigning import Campaigning

        return Campaigning(self._opened, self.registry, self.settings)

    # -- sending ------------------------------------------------------------------------------------------------------

    def save_template(self, name: str, channel: str, parts: Mapping[str, str], locale: str = "") -> Template:
        """Keep a template (a new version where its parts differ); raise InvalidTemplate, UnknownPlugin."""
        return self._campaigning.save_template(name, channel, parts, locale)

    def templates(self) -> list[Template]:
        """Return the latest version of each template, by name, channel and locale."""
        return self._campaigning.templates()

    def launch(self, campaign: Campaign | Mapping[str, Any], *, seed: int = 0, progress: Progress = quiet) -> Launched:
        """Begin a campaign (a value, or plain data) once its message could be made for everybody it is for.

        `seed` fixes who is held out. Raise UndefinedField, InvalidCampaign, UnknownPlugin, UnknownTemplate,
        UnknownSegment; nothing is stored then.
        """
        self._fold()
        return self._campaigning.launch(campaign, seed, progress)

    def work(
        self, *, progress: Progress = quiet, limit: int | None = None, stop: Stop = never, wait: Wait = leave
    ) -> Worked:
        """Do what is due: fold what hosts have committed, send what is planned. Interrupted, it goes on where it was.

        `stop` is asked between windows: once it says yes nothing more is claimed, what is under way is finished, and what
        was claimed is given back. `wait` is asked where nothing may go now and something may later, for a limit or since it is
        due then, with that time (microseconds UTC): it returns then and says True, or at once and says False, as without it.
        """
        return self._campaigning.work(self._catch_up(), progress, limit, stop, wait)

    def report(self, campaign: str, *, days: int | None = None) -> Report:
        """Return what came of a campaign's latest run; raise UnknownCampaign.

        Outcomes count for as many `days` (1 to 365) from a customer's message on, or for the time the goal names; raise
        InvalidCampaign for another number.
        """
        self._fold()
        return self._campaigning.report(campaign, days)

    def pin(self, at: int | None) -> None:
        """Let the time of this workspace stand still at `at` (microseconds UTC) whenever it is opened, or go on (None)."""
        self._opened.write(lambda scope: workspaces.pin(scope.connection, scope.workspace_id, at))

    def campaigns(self) -> list[str]:
        """Return the names of the campaigns."""
        return self._campaigning.names()

    def feedback(self, feedback: Iterable[Feedback], provider: str = "host") -> int:
        """Take what a provider, a link or a pixel says of deliveries; return how much of it was new."""
        return self._campaigning.feedback(feedback, provider)

    def check_unsubscribe(self, token: str) -> Unsubscription:
        """Return what an unsubscribe link would do, for the page a GET shows; raise InvalidToken."""
        return self._campaigning.check_unsubscribe(token)

    def unsubscribe(self, token: str) -> Unsubscription:
        """Do what an unsubscribe link says, for the POST of RFC 8058; raise InvalidToken."""
        return self._campaigning.unsubscribe(token)

    def stats(self) -> Stats:
        """Return what waits."""
        return self._campaigning.stats()

    def _tell(self) -> int:
        return self._campaigning.tell()

    def _fold(self) -> Taken:
        return folding.fold(self._opened.write, self._opened.reading)

    def _catch_up(self) -> Taken:
        """Fold, then look at whom time alone, or a new definition, has moved into segments or out of them."""
        from crmcore.flow.upkeep.filling import catch_up

        folded = self._fold()
        catch_up(self._opened.write, self._opened.reading, self._opened.upkeep)
        return folded


def _of_session(session: Session) -> Connection:
    from sqlalchemy.orm import Session

    if not isinstance(session, Session):
        raise NoConnection(kind=type(session).__name__)
    return session.connection()
