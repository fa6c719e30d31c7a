"""AsyncCRM: a CRM whose methods are awaited. Written by `python tools/write_aio.py`, which reads CRM: never edited."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ParamSpec

from crmcore.app import CRM
from crmcore.flow.progress import leave, never, quiet
from crmcore.threads import Threads
from crmcore.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta
    from decimal import Decimal
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Concatenate, Self

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

    from crmcore.campaigning import Stats, Worked
    from crmcore.extending import Returned
    from crmcore.flow.applying import Taken
    from crmcore.flow.explanation import Explanation
    from crmcore.flow.exporting.running import Exported, ExportKind
    from crmcore.flow.importing.guessing import Guess
    from crmcore.flow.importing.mapping import ColumnMap, Kind
    from crmcore.flow.importing.previewing import Preview
    from crmcore.flow.importing.running import Imported
    from crmcore.flow.importing.undoing import Undone
    from crmcore.flow.journeys.explained import Explained
    from crmcore.flow.journeys.revising import Revised
    from crmcore.flow.launch import Launched
    from crmcore.flow.membership import MembershipChange, SizeAt
    from crmcore.flow.opting import Confirmation
    from crmcore.flow.privacy.erasing import Erased
    from crmcore.flow.privacy.retaining import Aged
    from crmcore.flow.progress import Progress, Stop, Wait
    from crmcore.flow.replaying import Replayed
    from crmcore.flow.segments import Member, Overlap
    from crmcore.flow.simulating.outcome import Backtested, Simulated
    from crmcore.flow.unsubscribing import Unsubscription
    from crmcore.hooks.provider import Feedback, HttpResponse, RawRequest
    from crmcore.hooks.tables import Tables
    from crmcore.ledger import Outcome
    from crmcore.model.audit import AuditEntry, AuditVerdict
    from crmcore.model.campaign import Campaign
    from crmcore.model.clauses import Clause
    from crmcore.model.comparing import Difference
    from crmcore.model.condition import Condition
    from crmcore.model.duplicates import Duplicates
    from crmcore.model.event import Event
    from crmcore.model.identity import Identity, Who
    from crmcore.model.money import Money
    from crmcore.model.outline import Outline
    from crmcore.model.purpose import Purpose
    from crmcore.model.report import Report
    from crmcore.model.seen import SeenSource
    from crmcore.model.template import Template
    from crmcore.model.time import Clock
    from crmcore.model.tracking import Source
    from crmcore.model.verbs import Time
    from crmcore.registry import Registry
    from crmcore.segment import Segment
    from crmcore.settings import Settings
    from crmcore.store.accounts import AccountView
    from crmcore.store.coupons import Pool
    from crmcore.store.customers import CustomerView
    from crmcore.store.declarations import Declaration
    from crmcore.store.deliveries import DeliveryView
    from crmcore.store.events import TimelineLine, Total
    from crmcore.store.history import Written
    from crmcore.store.imports import ImportView
    from crmcore.store.jobs import Failing
    from crmcore.store.links import Contradiction
    from crmcore.store.overview import LatestRun
    from crmcore.store.quarantine import Quarantined
    from crmcore.store.sums import DaySum
    from crmcore.store.webhooks import WebhookView

Said = ParamSpec("Said")

__all__ = ["AsyncCRM", "AsyncSegment", "AsyncVerbs", "AsyncWriter"]


class AsyncVerbs(ABC):
    """identify, group, track, merge, unmerge, consent, subscribe, suppress, offer, send: each says one thing."""

    @abstractmethod
    async def _say(
        self, verb: Callable[Concatenate[Verbs, Said], None], /, *arguments: Said.args, **named: Said.kwargs
    ) -> None:
        """Say it where this one writes."""

    async def identify(
        self,
        customer: Who,
        attributes: Mapping[str, Any] | None = None,
        *,
        tags: Iterable[str] = (),
        untags: Iterable[str] = (),
        removed: Identity | Mapping[str, str] | Sequence[Identity] = (),
        at: Time | None = None,
        source: str | None = None,
    ) -> None:
        """Say who a customer is; the attributes email and phone become identities as well.

        Nothing is sent any more to addresses that are `removed`, such as that of a device that has logged out, until they are
        named again.
        """
        await self._say(
            Verbs.identify, customer, attributes, tags=tags, untags=untags, removed=removed, at=at, source=source
        )

    async def group(
        self,
        account: str,
        *,
        name: str | None = None,
        parent: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        customer: Who | None = None,
        role: str = "",
        member: bool = True,
        at: Time | None = None,
        source: str | None = None,
    ) -> None:
        """Say what an account is, which account it is part of ("" for none), and who belongs to it in which role.

        With `member=False` the customer left it.
        """
        await self._say(
            Verbs.group,
            account,
            name=name,
            parent=parent,
            attributes=attributes,
            customer=customer,
            role=role,
            member=member,
            at=at,
            source=source,
        )

    async def track(
        self,
        name: str,
        customer: Who,
        *,
        at: datetime | int | None = None,
        item: str | None = None,
        quantity: float | Decimal | None = None,
        amount: int | Money | None = None,
        currency: str | None = None,
        ref: str | None = None,
        properties: Mapping[str, Any] | None = None,
        message_id: str | bytes | None = None,
        source: str | None = None,
        trace: str | None = None,
    ) -> None:
        """Say what a customer did; without `at` it happened `now` (microseconds UTC).

        `amount` in minor units of `currency`, or Money; `ref` names the order, cart or session; the same `message_id` again
        changes nothing.

        Raise InvalidName, InvalidIdentity, InvalidTime, FutureEvent, InvalidMoney, InvalidValue or Overflow.
        """
        await self._say(
            Verbs.track,
            name,
            customer,
            at=at,
            item=item,
            quantity=quantity,
            amount=amount,
            currency=currency,
            ref=ref,
            properties=properties,
            message_id=message_id,
            source=source,
            trace=trace,
        )

    async def merge(
        self, customer: Who, into: Who, *, force: bool = False, at: Time | None = None, reason: str = ""
    ) -> None:
        """Say that two customers are one; the key of `into` stays.

        Raise MergeConflict where both are known by a key, unless `force` is given: the statement is kept, and holds once
        what it contradicts is taken back.
        """
        await self._say(Verbs.merge, customer, into, force=force, at=at, reason=reason)

    async def unmerge(self, customer: Who, into: Who, *, at: Time | None = None, reason: str = "") -> None:
        """Say that two customers are not one: a merge of these two, or their being named together, is taken back.

        Each has its own history again, and what came in since goes to the one it named. They stay apart, even where they are
        named together again, until they are merged again.
        """
        await self._say(Verbs.unmerge, customer, into, at=at, reason=reason)

    async def consent(
        self,
        customer: Who,
        purpose: Purpose | str,
        *,
        granted: bool = True,
        channel: str = "*",
        basis: str = "consent",
        text_version: str = "",
        proof: Mapping[str, Any] | None = None,
        at: Time | None = None,
        source: str | None = None,
    ) -> None:
        """Say that a legal basis was given or withdrawn; `proof` holds what shows it (form, address, wording)."""
        await self._say(
            Verbs.consent,
            customer,
            purpose,
            granted=granted,
            channel=channel,
            basis=basis,
            text_version=text_version,
            proof=proof,
            at=at,
            source=source,
        )

    async def subscribe(
        self,
        customer: Who,
        topic: str,
        *,
        wanted: bool = True,
        channel: str = "*",
        at: Time | None = None,
        source: str | None = None,
    ) -> None:
        """Say that a topic is wanted, or not any more."""
        await self._say(Verbs.subscribe, customer, topic, wanted=wanted, channel=channel, at=at, source=source)

    async def suppress(
        self,
        customer: Who,
        *,
        address: Identity | Mapping[str, str] | None = None,
        channel: str = "*",
        reason: str = "manual",
        until: Time | None = None,
        at: Time | None = None,
        source: str | None = None,
    ) -> None:
        """Say that a customer, or one address, must never be contacted (or not before `until`)."""
        await self._say(
            Verbs.suppress, customer, address=address, channel=channel, reason=reason, until=until, at=at, source=source
        )

    async def offer(
        self,
        item: str,
        *,
        title: str = "",
        category: str = "",
        price: Money | None = None,
        stock: int | None = None,
        margin: int | None = None,
        available_from: Time | None = None,
        available_until: Time | None = None,
        attributes: Mapping[str, Any] | None = None,
        purpose: Purpose | str | None = None,
        at: Time | None = None,
    ) -> None:
        """Say what can be recommended; `margin` in minor units of the price's currency.

        With a `purpose` (such as "up_sell") it is only in messages that are sent for it.
        """
        await self._say(
            Verbs.offer,
            item,
            title=title,
            category=category,
            price=price,
            stock=stock,
            margin=margin,
            available_from=available_from,
            available_until=available_until,
            attributes=attributes,
            purpose=purpose,
            at=at,
        )

    async def send(
        self,
        template: str,
        *,
        to: Who,
        fields: Mapping[str, Any] | None = None,
        channel: str | None = None,
        purpose: Purpose | str = "transactional",
        key: str | None = None,
        expires: str = "3d",
    ) -> None:
        """Say that a customer is to get one message, whose reason is the customer's own order or request.

        The template sees `fields` as `message`. Without `channel` it goes by the only one that has the template, by e-mail
        where several have it; to the address that `to` names, else to the customer's first (of push: to each device). A `key` makes it one message,
        however often it is said: one of this template on this channel to this customer, for ever. `expires` is how long it may
        wait. Purposes that need a consent are refused: those are campaigns. A template that is not there raises
        UnknownTemplate; said inside a host's transaction, the statement waits in quarantine with that reason.
        """
        await self._say(
            Verbs.send, template, to=to, fields=fields, channel=channel, purpose=purpose, key=key, expires=expires
        )


class AsyncCRM(AsyncVerbs):
    """A CRM whose methods are awaited; each runs that of CRM in a worker thread, several at a time.

    It takes what CRM takes. Opening reads the database and makes a new one ready; where a running loop must not wait for
    that, there is `await AsyncCRM.open(...)`. Calls see the caller's context variables. What is handed in to be called
    or drawn from (`progress`, an iterator of rows) is called in the worker thread.

    A caller that is cancelled stops waiting, and that is all: a call that has begun goes on to its end, and each of its
    transactions commits or rolls back as a whole. `close` waits for such calls.
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
        self._crm = CRM(database, workspace=workspace, clock=clock, plugins=plugins, config=config, **given)
        self._threads = Threads()

    @classmethod
    async def open(
        cls,
        database: Engine | str | None = None,
        *,
        workspace: str | None = None,
        clock: Clock | None = None,
        plugins: Mapping[str, Any] | None = None,
        config: Path | str | None = None,
        **given: Any,
    ) -> Self:
        """Return a CRM that was opened in a worker thread."""
        return await asyncio.to_thread(
            cls, database, workspace=workspace, clock=clock, plugins=plugins, config=config, **given
        )

    @property
    def sync(self) -> CRM:
        """The CRM itself, for code that has a thread of its own."""
        return self._crm

    async def close(self) -> None:
        """Wait for the calls that still run, then give back what is held; the host's engine stays open."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._threads.close()
        self._crm.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def using(self, connection: AsyncConnection | AsyncSession) -> AsyncWriter:
        """Return the verbs inside a host's transaction: awaited, they run on the host's own connection."""
        return AsyncWriter(self._crm, connection)

    async def _say(
        self, verb: Callable[Concatenate[Verbs, Said], None], /, *arguments: Said.args, **named: Said.kwargs
    ) -> None:
        await self._threads.run(lambda: verb(self._crm, *arguments, **named))

    @property
    def settings(self) -> Settings:
        """The `settings` of CRM."""
        return self._crm.settings

    @property
    def registry(self) -> Registry:
        """The `registry` of CRM."""
        return self._crm.registry

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        return self._crm.now()

    async def identify_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `identify` for each row of arguments, a thousand a transaction."""
        return await self._threads.run(self._crm.identify_many, rows)

    async def group_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `group` for each row of arguments, a thousand a transaction."""
        return await self._threads.run(self._crm.group_many, rows)

    async def track_many(self, rows: Iterable[Event | Mapping[str, Any]]) -> Taken:
        """Say `track` for each row of arguments (or Event), a thousand a transaction; count the new and the repeated."""
        return await self._threads.run(self._crm.track_many, rows)

    async def merge_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `merge` for each row of arguments, a thousand a transaction; `refused` names those that contradict."""
        return await self._threads.run(self._crm.merge_many, rows)

    async def unmerge_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `unmerge` for each row of arguments, a thousand a transaction."""
        return await self._threads.run(self._crm.unmerge_many, rows)

    async def consent_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `consent` for each row of arguments, a thousand a transaction."""
        return await self._threads.run(self._crm.consent_many, rows)

    async def subscribe_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `subscribe` for each row of arguments, a thousand a transaction."""
        return await self._threads.run(self._crm.subscribe_many, rows)

    async def suppress_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `suppress` for each row of arguments, a thousand a transaction."""
        return await self._threads.run(self._crm.suppress_many, rows)

    async def offer_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `offer` for each row of arguments, a thousand a transaction."""
        return await self._threads.run(self._crm.offer_many, rows)

    async def send_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `send` for each row of arguments, a thousand a transaction."""
        return await self._threads.run(self._crm.send_many, rows)

    async def customer(self, who: Who, at: datetime | int | None = None) -> CustomerView:
        """Return all that is known of a customer, or was at a time; raise UnknownCustomer.

        At a time (microseconds UTC, or a datetime) it is what the statements dated up to then say, and no others.
        """
        return await self._threads.run(self._crm.customer, who, at)

    async def account(self, key: str, at: datetime | int | None = None) -> AccountView:
        """Return an account, with its members of all times or those at a time; raise UnknownAccount."""
        return await self._threads.run(self._crm.account, key, at)

    async def define_segment(self, name: str, clause: Clause | Condition | Mapping[str, Any] | str) -> AsyncSegment:
        """Define a segment by a condition in words, written in Python, or as plain data.

        Raise InvalidCondition, UnknownRule for a rule that no plugin brings, SegmentTaken where a list that was uploaded
        has the name; nothing is stored then.
        """
        return AsyncSegment(await self._threads.run(self._crm.define_segment, name, clause), self._threads)

    async def upload_segment(self, name: str, customers: Iterable[Who]) -> AsyncSegment:
        """Let these, given as a list, be the customers of a segment, and no others. Conditions ask `in_segment`.

        Raise UnknownCustomer where any is not there, and change nothing; its field `places` says which, from 0. Raise
        SegmentTaken where a segment with a condition has the name.
        """
        return AsyncSegment(await self._threads.run(self._crm.upload_segment, name, customers), self._threads)

    async def delete_segment(self, name: str) -> None:
        """Delete a segment: all who are in it leave it, and the name can be used anew. What was told of it stays.

        Raise UnknownSegment, and SegmentInUse where another segment or a campaign that is not finished asks for it.
        """
        await self._threads.run(self._crm.delete_segment, name)

    async def rebuild(self, progress: Progress = quiet) -> None:
        """Make again what is kept of customers beside the log: their sums, their standing, who is in which segment."""
        await self._threads.run(self._crm.rebuild, progress)

    async def segment(self, name: str) -> AsyncSegment:
        """Return a segment; raise UnknownSegment."""
        return AsyncSegment(await self._threads.run(self._crm.segment, name), self._threads)

    async def segments(self) -> list[str]:
        """Return the names of the segments."""
        return await self._threads.run(self._crm.segments)

    async def save_template(self, name: str, channel: str, parts: Mapping[str, str], locale: str = "") -> Template:
        """Keep a template (a new version where its parts differ); raise InvalidTemplate, UnknownPlugin."""
        return await self._threads.run(self._crm.save_template, name, channel, parts, locale)

    async def templates(self) -> list[Template]:
        """Return the latest version of each template, by name, channel and locale."""
        return await self._threads.run(self._crm.templates)

    async def launch(
        self, campaign: Campaign | Mapping[str, Any], *, seed: int = 0, progress: Progress = quiet
    ) -> Launched:
        """Begin a campaign (a value, or plain data) once its message could be made for everybody it is for.

        `seed` fixes who is held out. Raise UndefinedField, InvalidCampaign, UnknownPlugin, UnknownTemplate,
        UnknownSegment; nothing is stored then.
        """
        return await self._threads.run(self._crm.launch, campaign, seed=seed, progress=progress)

    async def work(
        self, *, progress: Progress = quiet, limit: int | None = None, stop: Stop = never, wait: Wait = leave
    ) -> Worked:
        """Do what is due: fold what hosts have committed, send what is planned. Interrupted, it goes on where it was.

        `stop` is asked between windows: once it says yes nothing more is claimed, what is under way is finished, and what
        was claimed is given back. `wait` is asked where nothing may go now and something may later, for a limit or since it is
        due then, with that time (microseconds UTC): it returns then and says True, or at once and says False, as without it.
        """
        return await self._threads.run(self._crm.work, progress=progress, limit=limit, stop=stop, wait=wait)

    async def report(self, campaign: str, *, days: int | None = None) -> Report:
        """Return what came of a campaign's latest run; raise UnknownCampaign.

        Outcomes count for as many `days` (1 to 365) from a customer's message on, or for the time the goal names; raise
        InvalidCampaign for another number.
        """
        return await self._threads.run(self._crm.report, campaign, days=days)

    async def pin(self, at: int | None) -> None:
        """Let the time of this workspace stand still at `at` (microseconds UTC) whenever it is opened, or go on (None)."""
        await self._threads.run(self._crm.pin, at)

    async def campaigns(self) -> list[str]:
        """Return the names of the campaigns."""
        return await self._threads.run(self._crm.campaigns)

    async def feedback(self, feedback: Iterable[Feedback], provider: str = "host") -> int:
        """Take what a provider, a link or a pixel says of deliveries; return how much of it was new."""
        return await self._threads.run(self._crm.feedback, feedback, provider)

    async def check_unsubscribe(self, token: str) -> Unsubscription:
        """Return what an unsubscribe link would do, for the page a GET shows; raise InvalidToken."""
        return await self._threads.run(self._crm.check_unsubscribe, token)

    async def unsubscribe(self, token: str) -> Unsubscription:
        """Do what an unsubscribe link says, for the POST of RFC 8058; raise InvalidToken."""
        return await self._threads.run(self._crm.unsubscribe, token)

    async def stats(self) -> Stats:
        """Return what waits."""
        return await self._threads.run(self._crm.stats)

    async def request_consent(
        self,
        who: Who,
        purpose: Purpose | str,
        *,
        channel: str = "*",
        address: Identity | Mapping[str, str] | None = None,
        text_version: str = "",
        proof: Mapping[str, Any] | None = None,
        expires: str = "7d",
    ) -> str:
        """Log that a consent was asked for, and return the token that confirms it, for a link in a message of yours.

        The token is signed, holds no address, and can be used until it expires. `proof` holds what shows the request (form,
        wording); `address` is the one the link is sent to. No consent is given by it: `confirm_consent` does that.
        """
        return await self._threads.run(
            self._crm.request_consent,
            who,
            purpose,
            channel=channel,
            address=address,
            text_version=text_version,
            proof=proof,
            expires=expires,
        )

    async def confirm_consent(self, token: str, *, proof: Mapping[str, Any] | None = None) -> Confirmation:
        """Give the consent that a token confirms, with the proof of both steps and the basis `double_opt_in`.

        A second time it changes nothing, even where the consent was withdrawn meanwhile. Call it for a POST: programs that
        look at mail follow links too. Raise InvalidToken, with the reason, where the token is forged, has expired or
        belongs to another workspace.
        """
        return await self._threads.run(self._crm.confirm_consent, token, proof=proof)

    async def enter(self, campaign: str, customers: Who | Sequence[Who], key: str = "") -> int:
        """Let customers enter a campaign that is running, each by one `key` (a cart, an order); return how many do.

        Whom its audience has not, and who may not enter again, does not. Raise UnknownCampaign, UnknownCustomer, RunState, InvalidValue.
        """
        return await self._threads.run(self._crm.enter, campaign, customers, key)

    async def revise(
        self,
        campaign: Campaign | Mapping[str, Any],
        *,
        moves: Mapping[str, str] | None = None,
        progress: Progress = quiet,
    ) -> Revised:
        """Change a campaign that is running, found by its name: whoever enters from now on goes the new way.

        Those under way stay on the version they are on. With `moves`, from the names of steps to those of the new version,
        they go over to it: where the new step waits they wait on until the time they were told; else they come to it at
        once. A step of the same name needs no entry. Raise RunState, InvalidCampaign where somebody stands at a step that
        leads nowhere, and whatever `launch` raises; nothing is changed then.
        """
        return await self._threads.run(self._crm.revise, campaign, moves=moves, progress=progress)

    async def guess_mapping(self, path: Path, kind: Kind, **given: Any) -> Guess:
        """Return the mapping a file of customers, orders, events, consents or accounts seems to need; nothing is written.

        `given` holds values of the mapping that are known, such as currency="EUR". Raise InvalidFile where a column
        cannot be found.
        """
        return await self._threads.run(self._crm.guess_mapping, path, kind, **given)

    async def preview_import(
        self, path: Path, mapping: ColumnMap, limit: int = 100, progress: Progress = quiet
    ) -> Preview:
        """Return what an import would do, the first `limit` lines field by field; nothing is written.

        Raise InvalidFile where the file cannot be read, or lacks a column.
        """
        return await self._threads.run(self._crm.preview_import, path, mapping, limit, progress)

    async def import_file(self, path: Path, mapping: ColumnMap, progress: Progress = quiet) -> Imported:
        """Import a CSV, XLSX or Arrow file by a mapping of its columns; the same file again changes nothing. Raise InvalidFile.

        A line that does not fit is refused with its reason and the rest goes on. Interrupted, the same call goes on.
        """
        return await self._threads.run(self._crm.import_file, path, mapping, progress)

    async def imports(self, limit: int = 100) -> list[ImportView]:
        """Return the imports, the latest first."""
        return await self._threads.run(self._crm.imports, limit)

    async def write_refused(self, import_id: int, path: Path) -> int:
        """Write the lines an import has refused to a CSV file, each with its reason; return how many they are.

        Corrected there and imported by the same mapping, only those lines are taken. Raise UnknownImport, InvalidFile.
        """
        return await self._threads.run(self._crm.write_refused, import_id, path)

    async def undo_import(self, import_id: int, progress: Progress = quiet) -> Undone:
        """Take an import back: former values stand again, but where something newer was written.

        Raise UnknownImport, AlreadyUndone. Interrupted, the same call goes on.
        """
        return await self._threads.run(self._crm.undo_import, import_id, progress)

    async def export_file(self, kind: ExportKind, path: Path, progress: Progress = quiet) -> Exported:
        """Write all customers, events or deliveries to a .csv, .csv.gz, .arrow, .feather or .ipc file.

        A file that is there is written over, once the new one is whole. Imports read files of customers and events back.
        Raise InvalidName, InvalidFile, MissingExtra.
        """
        return await self._threads.run(self._crm.export_file, kind, path, progress)

    async def in_tables(self, act: Callable[[Tables], Returned], /) -> Returned:
        """Return what `act` returns, given the tables of modules, once it is committed: for a module's own functions.

        It is called again where others were in its way: it has to be rows and nothing else.
        """
        return await self._threads.run(self._crm.in_tables, act)

    async def timeline(self, who: Who, limit: int = 100) -> list[TimelineLine]:
        """Return a customer's latest events and what modules know of the customer, newest first.

        A module that fails is left out, and the log says so.
        """
        return await self._threads.run(self._crm.timeline, who, limit)

    async def failing_jobs(self) -> list[Failing]:
        """Return the jobs of modules that failed when they ran last, and how often in a row."""
        return await self._threads.run(self._crm.failing_jobs)

    async def add_coupons(self, source: str, codes: Iterable[str]) -> int:
        """Add codes to the pool of a source, ten thousand a transaction; return how many it has not had before.

        A code may be of 1 to 200 characters; space around it is taken off. Raise InvalidName, InvalidValue.
        """
        return await self._threads.run(self._crm.add_coupons, source, codes)

    async def coupons(self) -> list[Pool]:
        """Return, by source, how many codes are free, how many are given out, and how many are redeemed."""
        return await self._threads.run(self._crm.coupons)

    async def webhooks(self, state: str | None = None, limit: int = 1000) -> list[WebhookView]:
        """Return what campaigns have posted, or have yet to, the latest planned first: all, or those in a state.

        The states are planned, claimed, done, failed and cancelled.
        """
        return await self._threads.run(self._crm.webhooks, state, limit)

    async def days(self, who: Who, name: str | None = None) -> list[DaySum]:
        """Return what a customer's events add up to day by day (UTC), of one name or of all."""
        return await self._threads.run(self._crm.days, who, name)

    async def totals(self) -> list[Total]:
        """Return how many events there are of each name and currency, of how many customers, and their sums.

        Those of customers who were erased, or whose events were kept long enough, still count.
        """
        return await self._threads.run(self._crm.totals)

    async def history(self, who: Who, name: str | None = None, limit: int = 100) -> list[Written]:
        """Return what was ever said of a customer, the latest first: attributes, tags, wishes, consents, memberships, links.

        `name` leaves only what is of that name: an attribute, a tag, a topic, a purpose, an account, or the kind of an
        identity that was linked. Events are in `timeline`. Raise UnknownCustomer.
        """
        return await self._threads.run(self._crm.history, who, name, limit)

    async def contradictions(self, limit: int = 100) -> list[Contradiction]:
        """Return the statements that were refused since they would join two customers known by a key, latest first."""
        return await self._threads.run(self._crm.contradictions, limit)

    async def duplicates(
        self, threshold: float = 0.5, limit: int | None = 100, *, largest: int = 100, progress: Progress = quiet
    ) -> Duplicates:
        """Return pairs of customers that are probably one, best first, each with its probability and the reasons.

        Customers are compared where they share something: an e-mail address, the end of a phone number, the sound of a
        name and a birth date, and the like. What more than `largest` customers share is skipped, and said in `skipped`.
        A pair that was unmerged is never suggested. Nothing is changed: `merge` is for you to say. Raise MissingExtra
        where crmcore[duplicates] is not installed, InvalidValue.
        """
        return await self._threads.run(self._crm.duplicates, threshold, limit, largest=largest, progress=progress)

    async def overlap(self, names: Sequence[str]) -> Overlap:
        """Return how many customers each two of several segments share, and the size of each; raise UnknownSegment."""
        return await self._threads.run(self._crm.overlap, names)

    async def runs(self) -> list[LatestRun]:
        """Return the latest run of each campaign, by name, with its state."""
        return await self._threads.run(self._crm.runs)

    async def deliveries(
        self, campaign: str | None = None, state: str | None = None, limit: int = 1000
    ) -> list[DeliveryView]:
        """Return rows of the ledger: all of a campaign's latest run or those in one state, or the first of any run in a state.

        `limit` is for rows of any run. Raise UnknownCampaign; InvalidValue where neither campaign nor state is given.
        """
        return await self._threads.run(self._crm.deliveries, campaign, state, limit)

    async def pause(self, campaign: str) -> None:
        """Let the latest run of a campaign stand still: nothing more of it is handed over. Raise UnknownCampaign, RunState."""
        await self._threads.run(self._crm.pause, campaign)

    async def resume(self, campaign: str) -> None:
        """Let a run that stands still go on. Raise UnknownCampaign, RunState."""
        await self._threads.run(self._crm.resume, campaign)

    async def cancel(self, campaign: str) -> int:
        """End the latest run of a campaign; return how many deliveries that waited are cancelled.

        Raise UnknownCampaign, RunState.
        """
        return await self._threads.run(self._crm.cancel, campaign)

    async def retry(self, campaign: str) -> int:
        """Plan again what has failed of the latest run of a campaign, and nothing else; return how much that is.

        Raise UnknownCampaign, RunState.
        """
        return await self._threads.run(self._crm.retry, campaign)

    async def settle(self, delivery: int, outcome: Outcome, note: str = "") -> None:
        """Say by hand what became of a delivery in doubt; `again` sends it once more, unless its run was cancelled.

        Raise NotInDoubt, RunState.
        """
        await self._threads.run(self._crm.settle, delivery, outcome, note)

    async def export(self, customer: Who, *, without: Collection[str] = ()) -> dict[str, Any]:
        """Return all that is held about a customer, as what JSON can hold: in the core's tables, and by each module.

        Those merged into it are part of it. Raise UnknownCustomer; ModuleFailed where a module does not give its share;
        ModulesAbsent where one that is not loaded has tables here, unless it is named in `without`.
        """
        return await self._threads.run(self._crm.export, customer, without=without)

    async def erase(self, customer: Who, *, compact: bool = False, without: Collection[str] = ()) -> Erased:
        """Erase a customer from every table and every module, with all that was merged into it; return a receipt.

        What runs of campaigns counted stays, as nobody's; addresses that must never be written to stay as salted hashes.
        What comes in afterwards under the same key is of a new customer. Erasing whom nobody knows does no harm: the
        receipt counts 0 customers. With `compact` the database is written anew, so that not a byte is left in its files.
        Raise ModuleFailed where a module cannot, ModulesAbsent where one that is not loaded has tables here and is not named
        in `without`; nothing is erased then.
        """
        return await self._threads.run(self._crm.erase, customer, compact=compact, without=without)

    async def audit(self, limit: int = 100) -> list[AuditEntry]:
        """Return the latest rows of the audit log, the last one first."""
        return await self._threads.run(self._crm.audit, limit)

    async def verify_audit(self) -> AuditVerdict:
        """Look at the whole audit log: whether each row, and each seal, is as it was written."""
        return await self._threads.run(self._crm.verify_audit)

    async def aged(self) -> list[Aged]:
        """Return what has been kept for long enough by the settings (`[retention]`), and would be deleted now."""
        return await self._threads.run(self._crm.aged)

    async def retention_warnings(self) -> list[str]:
        """Return, in words, which names and patterns of `[retention.events]` fit no event in the log, as misspelt ones do."""
        return await self._threads.run(self._crm.retention_warnings)

    async def delete_aged(self) -> list[Aged]:
        """Delete all that has been kept for long enough, which `work` does bit by bit; return what it was."""
        return await self._threads.run(self._crm.delete_aged)

    @property
    def is_closed(self) -> bool:
        """Whether it has been closed: what serves it takes nothing more."""
        return self._crm.is_closed

    async def receive(self, channel: str, provider: str, request: RawRequest) -> HttpResponse:
        """Take a webhook, and return what to answer it with: not before all it holds is committed.

        A webhook that cannot be read, or taken, is answered 500: its carrier sends it again. Raise UnknownPlugin where there
        is no such provider, or it takes none.
        """
        return await self._threads.run(self._crm.receive, channel, provider, request)

    async def receive_many(self, channel: str, provider: str, requests: Sequence[RawRequest]) -> list[HttpResponse]:
        """Take webhooks of one provider in one transaction; return what to answer each with, in order. As `receive`."""
        return await self._threads.run(self._crm.receive_many, channel, provider, requests)

    async def explain(self, campaign: str, who: Who) -> Explained:
        """Return what the latest run of a campaign did with a customer: what was sent, or the one reason why nothing was.

        It has the customer's ways with where each stands and what it waits for, each message with what became of it, and
        what did not let the customer in. Raise UnknownCampaign, UnknownCustomer.
        """
        return await self._threads.run(self._crm.explain, campaign, who)

    async def outline(self, campaign: str) -> Outline:
        """Return the steps of a campaign in words, with where each leads and how many of the latest run stand there.

        Raise UnknownCampaign. `crmcore.model.outline.outline` does it for a campaign that is not launched.
        """
        return await self._threads.run(self._crm.outline, campaign)

    async def simulate(
        self,
        campaign: Campaign | Mapping[str, Any],
        *,
        days: int = 30,
        seed: int = 0,
        shown: int = 100,
        progress: Progress = quiet,
    ) -> Simulated:
        """Return what a campaign would do if it were launched now, and nobody did anything for so many days.

        It runs on a copy of the workspace in a temporary file, with everything else that runs; nothing leaves, and nothing
        of the workspace changes. An earlier run of the campaign that still takes customers in is ended there. The first
        `shown` messages have their words. Raise what `launch` raises.
        """
        return await self._threads.run(
            self._crm.simulate, campaign, days=days, seed=seed, shown=shown, progress=progress
        )

    async def backtest(
        self,
        campaign: Campaign | Mapping[str, Any],
        since: datetime | int | None = None,
        until: datetime | int | None = None,
        *,
        seed: int = 0,
        run: int | None = None,
        every: str = "0s",
        shown: int = 100,
        progress: Progress = quiet,
    ) -> Backtested:
        """Return what a campaign would have done if it had been launched at `since`, up to `until` (now where left out).

        History is played through it on a copy: at each moment it sees what had come in by then, whatever that is dated, and
        nothing later. Templates, segments and settings are those of today. Messages that other campaigns sent count for
        caps; earlier runs of this one do not. Work is done at once when something is due, or only `every` so often ("1h"), which
        is quicker over long times. `run` lets it begin, and draw its arms, as a run of it did. What hosts have
        committed and nobody has folded yet is not history. Raise what `launch` raises, as of that time; InvalidValue where
        there is no such run, or no time to begin at.
        """
        return await self._threads.run(
            self._crm.backtest, campaign, since, until, seed=seed, run=run, every=every, shown=shown, progress=progress
        )

    async def declare_source(self, source: Source | Mapping[str, Any]) -> Declaration:
        """Declare what a source sends, in place of what it declared before; the same again changes nothing.

        `source` is a value, or plain data as TOML and JSON hold them. From then on its events and identify statements that
        do not fit wait in quarantine, with the reason. Raise InvalidTrackingPlan naming the place and the fix.
        """
        return await self._threads.run(self._crm.declare_source, source)

    async def declarations(self) -> list[Declaration]:
        """Return what sources declare, by their names."""
        return await self._threads.run(self._crm.declarations)

    async def schema(self, source: str | None = None, progress: Progress = quiet) -> list[SeenSource]:
        """Return what one source, or each, has sent: names, types, counts, first and last seen. Raise UnknownSource.

        The whole log is read for it.
        """
        return await self._threads.run(self._crm.schema, source, progress)

    async def schema_diff(
        self, source: str | Source | Mapping[str, Any] | None = None, progress: Progress = quiet
    ) -> list[Difference]:
        """Return where what a source (or each) has sent differs from what it declares.

        Given a plan, as a value or plain data, it says what would differ if this were declared. Raise UnknownSource,
        UndeclaredSource, InvalidTrackingPlan.
        """
        return await self._threads.run(self._crm.schema_diff, source, progress)

    async def quarantine(self, limit: int = 100, source: str | None = None) -> list[Quarantined]:
        """Return what did not fit and waits, the latest first, of one source or of all. Raise UnknownSource."""
        return await self._threads.run(self._crm.quarantine, limit, source)

    async def replay(self, source: str | None = None, progress: Progress = quiet) -> Replayed:
        """Take what waits in quarantine again, of one source or of all: what fits by now is taken, the rest stays.

        Events keep their own time, and one that has come in since under the same message id is not taken twice.
        Interrupted, the same call goes on. Lines of imports stay: correct them in the file of refused lines and import
        that. Raise UnknownSource.
        """
        return await self._threads.run(self._crm.replay, source, progress)


class AsyncSegment:
    """A standing rule, or an uploaded list; who is in it is kept with every change, exact to the last commit."""

    def __init__(self, segment: Segment, threads: Threads) -> None:
        self._segment, self._threads = segment, threads

    @property
    def name(self) -> str:
        """The `name` of Segment."""
        return self._segment.name

    @property
    def version(self) -> int:
        """The `version` of Segment."""
        return self._segment.version

    @property
    def condition(self) -> Condition:
        """The `condition` of Segment."""
        return self._segment.condition

    async def size(self) -> int:
        """Return how many customers are in it."""
        return await self._threads.run(self._segment.size)

    async def members(self, limit: int | None = None, after: int = 0) -> list[Member]:
        """Return its customers by id, at most `limit`, those after an id first. Raise InvalidValue for a negative limit."""
        return await self._threads.run(self._segment.members, limit, after)

    async def at(self, at: datetime | int, limit: int | None = None, after: int = 0) -> list[Member]:
        """Return who its rule, as it is now, held for at a time (microseconds UTC, or a datetime), by id.

        What counts is what had been received by then; ids and keys are those customers had then. Raise InvalidTime for a
        time to come. Imports undone and customers erased since are not seen any more.
        """
        return await self._threads.run(self._segment.at, at, limit, after)

    async def history(self, since: datetime | int, until: datetime | int | None = None) -> list[MembershipChange]:
        """Return who entered and who left later than `since` and until `until` (now, where it is left out), in order.

        Members and times are those of `at`: the changes applied to `at(since)` give `at(until)`. Raise InvalidTime
        where `since` is later than `until`, or either is to come.
        """
        return await self._threads.run(self._segment.history, since, until)

    async def trend(
        self, since: datetime | int, until: datetime | int | None = None, every: str | int | timedelta = "1d"
    ) -> list[SizeAt]:
        """Return its size at `since` and then every so often up to `until` (now, where it is left out).

        `every` is a duration such as "1d", a timedelta or microseconds. Raise InvalidTime as `history` does, and where that
        would be more than POINTS sizes.
        """
        return await self._threads.run(self._segment.trend, since, until, every)

    async def why(self, who: Who, at: datetime | int | None = None) -> Explanation:
        """Return why a customer is in it or is not, now or at a time: the tree, each node's truth, and what made it so.

        Raise UnknownCustomer, also for one who was not known at the time; InvalidTime.
        """
        return await self._threads.run(self._segment.why, who, at)

    def plain(self) -> dict[str, Any]:
        """Return its condition as plain data for JSON and TOML."""
        return self._segment.plain()

    def text(self) -> str:
        """Return its condition in words, as `define_segment` reads them."""
        return self._segment.text()


class AsyncWriter(AsyncVerbs):
    """The verbs, on a host's connection. Statements are appended there and folded after the host's commit.

    Consents, wishes and suppressions of customers already known are written at once: what a host has committed holds
    from that moment on.

    Where the caller is cancelled, what it has said goes with the host's transaction: back, unless the host commits.
    """

    def __init__(self, crm: CRM, connection: AsyncConnection | AsyncSession) -> None:
        self._crm, self._connection = crm, connection

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        return self._crm.now()

    async def _say(
        self, verb: Callable[Concatenate[Verbs, Said], None], /, *arguments: Said.args, **named: Said.kwargs
    ) -> None:
        await self._connection.run_sync(lambda joined: verb(self._crm.using(joined), *arguments, **named))
