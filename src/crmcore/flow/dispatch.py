"""From planned to sent, a batch at a time: claim, compose, render, gate, hand over, send, settle. Each stage persists."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import groupby

import attrs

from crmcore.flow.compose import Composed, compose
from crmcore.flow.gating import hand, judged
from crmcore.flow.limiting import Limiter
from crmcore.flow.outcome import outcomes
from crmcore.flow.plan import Plan, advised, plan
from crmcore.flow.progress import Progress
from crmcore.flow.settling import settle
from crmcore.hooks.channel import Compiled, Rendered, Unrendered
from crmcore.hooks.gate import Verdict
from crmcore.hooks.provider import Outgoing, Result, Session
from crmcore.model.time import MINUTE
from crmcore.registry import Registry
from crmcore.settings import Settings
from crmcore.store import deliveries, runs, templates
from crmcore.store.deliveries import Claimed
from crmcore.store.scope import Read, Scope, Write

#: How long a batch may be worked on before another process may take it.
LEASE = 10 * MINUTE
log = logging.getLogger("crmcore.dispatch")


@attrs.frozen(kw_only=True)
class Rendering:
    """A composed delivery with its message."""

    composed: Composed
    message: Rendered


class Dispatcher:
    """One process at work: it keeps plans, compiled templates and open sessions from batch to batch."""

    def __init__(
        self, write: Write, reading: Read, registry: Registry, settings: Settings, owner: str, stack: ExitStack
    ) -> None:
        self._write, self._reading = write, reading
        self._registry, self._settings, self._owner, self._stack = registry, settings, owner, stack
        self._limiter = Limiter(settings.limits, registry)
        self._plans: dict[int, Plan] = {}
        self._compiled: dict[int, Compiled] = {}
        self._sessions: dict[str, Session] = {}

    def run(self, progress: Progress, limit: int | None) -> int:
        """Send all that is due, or at most `limit`; return how many deliveries were worked on."""
        if not self._something_runs():
            return 0
        left = self._write(_recovered)
        total, done = left if limit is None else min(left, limit), 0
        while batch := self._claim(None if limit is None else limit - done):
            for run_id, same_run in groupby(sorted(batch, key=_grouping), key=lambda one: one.run_id):
                given = self._plan(run_id)
                for share in _shares(list(same_run), given.provider.carriage.batch):
                    self._work_on(given, share)
            done += len(batch)
            progress(min(done, total), max(total, done))
        self._finish()
        return done

    def _something_runs(self) -> bool:
        """Where no campaign runs nothing waits: no writer of the host's is kept waiting to find that out."""
        with self._reading() as scope:
            return bool(runs.running(scope))

    def _claim(self, left: int | None) -> list[Claimed]:
        size = max((one.carriage.batch for one in self._registry.providers.values()), default=100)
        wanted = size if left is None else min(size, left)
        return self._write(partial(_claimed, owner=self._owner, limit=wanted))

    def _work_on(self, given: Plan, batch: Sequence[Claimed]) -> None:
        with self._reading() as scope:
            composed = compose(scope, given, batch)
            compiled = {one.template_id: self._template(scope, given, one.template_id) for one in batch}
        renderings, failures = _rendered(given, compiled, composed)
        objections = judged(given, [one.composed for one in renderings], list(self._registry.gates.values()), scope.now)
        left = [one.composed for one in renderings]
        handing = partial(_handed, given=given, batch=left, failures=failures, objections=objections)
        going = self._write(partial(handing, limiter=self._limiter))
        messages = {one.message.delivery_id: one.message for one in renderings}
        self._send(given, going, [_outgoing(one, messages[one.claimed.id]) for one in going])

    def _send(self, given: Plan, going: Sequence[Composed], messages: Sequence[Outgoing]) -> None:
        if not messages:
            return
        answered: dict[int, Result] = {}
        try:
            answered.update((result.delivery_id, result) for result in self._session(given).send(messages))
        except Exception:
            # What the provider has not answered is settled by its message class, as after a crash.
            log.exception("provider %s of channel %s failed", given.provider.name, given.channel.name)
            self._sessions.pop(_carrier(given), None)
        claimed = [one.claimed for one in going]
        self._write(lambda scope: settle(scope, given, outcomes(claimed, answered, scope.now), self._limiter))

    def _session(self, given: Plan) -> Session:
        carrier = _carrier(given)
        if carrier not in self._sessions:
            self._sessions[carrier] = self._stack.enter_context(given.provider.open())
        return self._sessions[carrier]

    def _plan(self, run_id: int) -> Plan:
        if run_id not in self._plans:
            with self._reading() as scope:
                run = runs.load(scope, run_id)
                made = plan(run.campaign, self._registry, self._settings)
                self._plans[run_id] = advised(scope, made, self._registry, run.started_at)
        return self._plans[run_id]

    def _template(self, scope: Scope, given: Plan, template_id: int) -> Compiled:
        if template_id not in self._compiled:
            self._compiled[template_id] = given.channel.compile(templates.load(scope, template_id))
        return self._compiled[template_id]

    def _finish(self) -> None:
        self._write(_finished)


def _recovered(scope: Scope) -> int:
    deliveries.recover(scope)
    return deliveries.due_count(scope)


def _claimed(scope: Scope, owner: str, limit: int) -> list[Claimed]:
    deliveries.expire(scope)
    return deliveries.claim(scope, owner, limit=limit, lease_until=scope.now + LEASE)


def _handed(
    scope: Scope,
    given: Plan,
    batch: Sequence[Composed],
    failures: Sequence[Unrendered],
    objections: Mapping[int, Verdict],
    limiter: Limiter,
) -> list[Composed]:
    deliveries.refuse(scope, [(one.delivery_id, f"content: {one.problem}") for one in failures])
    return hand(scope, given, batch, dict(objections), limiter, lease_until=scope.now + LEASE)


def _finished(scope: Scope) -> None:
    for run_id in runs.running(scope):
        if not deliveries.waits(scope, run_id):
            runs.finish(scope, run_id)


def _shares(batch: Sequence[Claimed], size: int) -> Iterator[Sequence[Claimed]]:
    for start in range(0, len(batch), size):
        yield batch[start : start + size]


def _rendered(
    given: Plan, compiled: dict[int, Compiled], composed: Sequence[Composed]
) -> tuple[list[Rendering], list[Unrendered]]:
    renderings: list[Rendering] = []
    failures: list[Unrendered] = []
    for some in _by_template(composed):
        template = compiled[some[0].claimed.template_id]
        for one, answer in zip(some, given.channel.render(template, [one.draft for one in some]), strict=True):
            if isinstance(answer, Rendered):
                renderings.append(Rendering(composed=one, message=answer))
            else:
                failures.append(answer)
    return renderings, failures


def _by_template(composed: Sequence[Composed]) -> Iterator[list[Composed]]:
    for _, some in groupby(composed, key=lambda one: one.claimed.template_id):
        yield list(some)


def _grouping(one: Claimed) -> tuple[int, int, int]:
    return one.run_id, one.template_id, one.id


def _carrier(given: Plan) -> str:
    return f"{given.channel.name}/{given.provider.name}"


def _outgoing(one: Composed, message: Rendered) -> Outgoing:
    return Outgoing(
        delivery_id=one.claimed.id,
        address=one.claimed.address,
        body=message.body,
        message_key=one.draft.message_key,
        message_class=one.claimed.message_class,
        attempt=one.claimed.attempt,
    )
