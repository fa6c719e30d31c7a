"""From planned to sent, a window at a time: claim, prepare, hand over, send, settle. Each stage persists.

A window is settled, the next one handed over and the one after it claimed in one transaction: a crash leaves at most one
window of a connection in doubt.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import groupby

import attrs

from crmcore.errors import CRMError
from crmcore.flow.carrying import Carrying
from crmcore.flow.keeping import Kept, PlanKey
from crmcore.flow.limiting import Limiter
from crmcore.flow.plan import Plan, advised, step_plan
from crmcore.flow.preparing import Made, Ready, prepare
from crmcore.flow.progress import Progress, Stop, Wait
from crmcore.flow.sharing import lacking, shares, window
from crmcore.flow.steering import sweep
from crmcore.flow.turning import Next, Sent, Turn, Turned
from crmcore.hooks.channel import Compiled
from crmcore.model.delivery import Book
from crmcore.registry import Registry
from crmcore.settings import Settings
from crmcore.store import claims, deliveries, enrolments, moves, runs, templates, timers
from crmcore.store.claims import Claimed
from crmcore.store.scope import Read, Scope, Write
from crmcore.store.timers import FALLBACK

#: How often in a row a process looks again for deliveries that somebody else was in the way of.
TRIES = 100
log = logging.getLogger("crmcore.dispatch")
#: How many batches may be ready and wait: no more is claimed then.
AHEAD = 2


@attrs.frozen(kw_only=True)
class Waits:
    """A campaign that could not go on, since something it needs is not there: a plugin, a setting, a secret."""

    campaign: str
    problem: str


class Dispatcher:
    """One process at work: it keeps plans, compiled templates and open sessions from window to window."""

    def __init__(
        self,
        write: Write,
        reading: Read,
        now: Callable[[], int],
        registry: Registry,
        settings: Settings,
        owner: str,
        stack: ExitStack,
        kept: Kept,
    ) -> None:
        self._write, self._reading, self._now = write, reading, now
        self._registry, self._settings = registry, settings
        self._turn = Turn(owner=owner, lease=settings.sending.lease, limiter=Limiter(settings.limits, registry))
        self._carrying = Carrying(stack, settings.http, now)
        self._plans: dict[PlanKey, Plan] = {}
        self._kept = kept
        self._sent: Sent | None = None
        self._ready: deque[Ready] = deque()
        #: What became of how many, as it was written.
        self.became = Counter[Book]()
        #: Runs that cannot go on in this process, and why.
        self._waiting: dict[int, Waits] = {}
        self._renew_at = 0
        #: How long the last two windows took (microseconds).
        self._took = deque([0, 0], maxlen=2)

    def run(self, progress: Progress, limit: int | None, stop: Stop, wait: Wait) -> int:
        """Send all that is due, or at most `limit`, or until `stop` says so; return how many deliveries were worked on.

        `wait` is asked where nothing may go now and something may later: for a limit, or since it is due then.
        """
        if not self._something_runs():
            return 0
        left = self._write(_recovered)
        sweep(self._write, self._reading)
        total = left if limit is None else min(left, limit)
        try:
            done = self._rounds(partial(_tell, progress, total), limit, stop, wait)
        finally:
            self._leave()
        self._finish()
        sweep(self._write, self._reading)
        return done

    def _finish(self) -> None:
        with self._reading() as scope:
            is_any_over = bool(_over(scope))
        if is_any_over:
            self._write(_finished)

    @property
    def waiting(self) -> tuple[Waits, ...]:
        """The campaigns that could not go on."""
        unopened = (Waits(campaign=name, problem=why) for name, why in self._carrying.unopened.items())
        return (*self._waiting.values(), *unopened)

    def _something_runs(self) -> bool:
        """Where no campaign runs nothing waits: no writer of the host's is kept waiting to find that out."""
        with self._reading() as scope:
            return bool(runs.going(scope))

    def _rounds(self, tell: Callable[[int], None], limit: int | None, stop: Stop, wait: Wait) -> int:
        done = self._round(0, tell, limit, stop)
        while done != limit and not stop() and (opens_at := self._opens_at()) is not None and wait(opens_at):
            done = self._round(done, tell, limit, stop)
        return done

    def _round(self, done: int, tell: Callable[[int], None], limit: int | None, stop: Stop) -> int:
        """Send what may go now, beside those done already; return how many are done then."""
        tries = 0
        due: deque[int] = deque()
        with self._reading() as scope:
            due.extend(claims.due_runs(scope))
        if not due:
            return done
        while not stop():
            left = None if limit is None else limit - done
            turned = self._step(due, left)
            done += len(turned.claimed)
            tell(done)
            tries = tries + 1 if turned.is_put_back else 0
            is_under_way = bool(turned.claimed or self._sent or self._ready or (turned.has_handed and tries < TRIES))
            # Where nothing is under way, a run of which nothing could be claimed is left alone.
            if done == limit:
                due.clear()
            elif not due and is_under_way:
                due.extend(one for one in turned.due if one not in self._waiting)
            if not due and not is_under_way:
                break
        return done

    def _opens_at(self) -> int | None:
        """Return when more may go (microseconds UTC); None where nothing waits that this process could send."""
        with self._reading() as scope:
            due, later = claims.due_runs(scope), claims.next_due(scope)
        coming = [self._next(one, None) for one in due if one not in self._waiting]
        with self._reading() as scope:
            opening = [self._turn.opens_at(scope, one) for one in coming if one is not None]
        return min(opening + [at for one, at in later.items() if one not in self._waiting], default=None)

    def _step(self, due: deque[int], left: int | None) -> Turned:
        """Take a turn; then send what it handed over, and prepare what it claimed."""
        sent, ready = self._sent, self._ready[0] if self._ready else None
        if ready is not None:
            self._carrying.prepare(ready.plan)
        coming = self._next(due.popleft(), left) if due and len(self._ready) < AHEAD else None
        turned = self._write(partial(self._turn.take, sent=sent, ready=ready, coming=coming))
        self._sent = None
        self.became.update(turned.became)
        if ready is not None:
            self._ready.popleft()
            going = {one.claimed.id: one for one in turned.going}
            made = [one for one in ready.made if one.composed.claimed.id in going]
            self._send(ready.plan, [attrs.evolve(one, composed=going[one.composed.claimed.id]) for one in made])
        self._prepare(turned.claimed)
        return turned

    def _next(self, run_id: int, left: int | None) -> Next | None:
        """Return what to claim of a run; nothing where what it needs is not there, which keeps no other run waiting."""
        try:
            given = self._plan(run_id, None, "", "")
        except CRMError as error:
            self._wait(run_id, error)
            return None
        plans = [given.by(one) for one in given.carriers]
        wanted = max(window(one, self._settings.sending.window) for one in plans)
        most = wanted if left is None else min(wanted, left)
        return Next(run_id=run_id, plans=plans, wanted=most, ahead=min(self._took))

    def _send(self, given: Plan, made: Sequence[Made]) -> None:
        if not made:
            return
        # Told before the first byte leaves: whatever interrupts, what is known of the window is settled.
        handed = [one.composed.claimed for one in made]
        self._sent = Sent(plan=given, handed=handed, answered={})
        began = self._now()
        self._renew_at = began + self._turn.lease // 3
        self._carrying.send(given, made, self._sent.answered, partial(self._beat, handed))
        self._took.append(max(0, self._now() - began))
        if self._turn.limiter.has_pairs(given):
            self._write(partial(self._turn.limiter.answered, plan=given, batch=handed))

    def _beat(self, handed: Sequence[Claimed]) -> None:
        """Renew the lease of what is under way, long before it ends."""
        if (now := self._now()) < self._renew_at:
            return
        self._renew_at = now + self._turn.lease // 3
        ids = [one.id for one in handed] + [one for ready in self._ready for one in ready.ids]
        self._write(lambda scope: claims.renew(scope, self._turn.owner, ids, lease_until=scope.now + self._turn.lease))

    def _prepare(self, claimed: Sequence[Claimed]) -> None:
        """Make messages; where a run has more than one step or channel, each apart."""
        for _, some in groupby(sorted(claimed, key=_grouping), key=lambda one: _grouping(one)[:4]):
            batch = list(some)
            first = batch[0]
            try:
                given = self._plan(first.run_id, first.version, first.step, first.channel)
                self._share_out(given, batch)
            except CRMError as error:
                self._wait(first.run_id, error)
                self._write(partial(claims.release, owner=self._turn.owner, ids=[one.id for one in batch]))

    def _share_out(self, given: Plan, batch: Sequence[Claimed]) -> None:
        """Make messages ready for the carrier that takes each; those that none takes fail."""
        shared = shares(given, batch, self._settings.sending.window)
        self._ready.extend([self._made(one, some) for one, some in shared.carried])
        if shared.left:
            refused = [(one.id, lacking(given, one)) for one in shared.left]
            self._write(lambda scope: moves.refuse(scope, refused))
            self.became[Book.FAILED] += len(refused)

    def _made(self, given: Plan, batch: Sequence[Claimed]) -> Ready:
        with self._reading() as scope:
            return prepare(scope, given, batch, self._template, list(self._registry.gates.values()))

    def _wait(self, run_id: int, error: CRMError) -> None:
        """Leave a run alone, and say why: what it needs may be there in another process, or after a change of settings."""
        with self._reading() as scope:
            name = runs.load(scope, run_id).campaign.name
        log.error("campaign %s waits: %s", name, error)
        log.debug("run %s", run_id, exc_info=error)
        self._waiting[run_id] = Waits(campaign=name, problem=str(error))

    def _leave(self) -> None:
        """Settle what was sent, and give back what was claimed."""
        sent, self._sent = self._sent, None
        if sent is not None:
            self.became.update(self._write(partial(self._turn.settle, sent=sent)))
        ids = [one for ready in self._ready for one in ready.ids]
        self._ready.clear()
        if ids:
            self._write(partial(claims.release, owner=self._turn.owner, ids=ids))

    def _plan(self, run_id: int, version: int | None, step: str, channel: str) -> Plan:
        """Return the plan of a step's message on a channel; that of the first where none is named."""
        key = (run_id, version, step, channel)
        if key not in self._plans:
            # Without a step it is that of the version there is just now.
            lasting = partial(self._kept.plans.get, key, is_lasting=_is_lasting) if step else _make
            self._plans[key] = lasting(make=partial(self._made_plan, *key))
        return self._plans[key]

    def _made_plan(self, run_id: int, version: int | None, step: str, channel: str) -> Plan:
        with self._reading() as scope:
            run = runs.of_version(scope, runs.load(scope, run_id), version)
            which = step or run.campaign.first_send
            made = step_plan(run.campaign, which, channel, self._registry, self._settings)
            return advised(scope, made, self._registry, run.started_at)

    def _template(self, scope: Scope, given: Plan, template_id: int) -> Compiled:
        return self._kept.compiled.get(template_id, lambda: given.channel.compile(templates.load(scope, template_id)))


def _make(make: Callable[[], Plan]) -> Plan:
    return make()


def _is_lasting(made: Plan) -> bool:
    """What an engine advises, and what can be had, is looked at with each call of `work`."""
    return made.advice is None


def _tell(progress: Progress, total: int, done: int) -> None:
    progress(min(done, total), max(total, done))


def _recovered(scope: Scope) -> int:
    claims.recover(scope)
    moves.expire(scope)
    return deliveries.due_count(scope)


def _over(scope: Scope) -> list[int]:
    """Return the runs of which nothing waits, in which nobody is on the way, and that nobody may enter any more."""
    return [one.id for one in runs.running_ones(scope) if not one.campaign.takes_in and not _goes_on(scope, one.id)]


def _finished(scope: Scope) -> None:
    """Whoever plans deliveries of a run anew, or steers it, holds it: while it is held here, no answer changes."""
    for run_id in _over(scope):
        if runs.hold(scope, run_id) == runs.RUNNING and not _goes_on(scope, run_id):
            runs.finish(scope, run_id)


def _goes_on(scope: Scope, run_id: int) -> bool:
    is_on = deliveries.waits(scope, run_id) or enrolments.under_way(scope, run_id)
    return is_on or timers.are_set(scope, FALLBACK, run_id)


def _grouping(one: Claimed) -> tuple[int, int, str, str, int, int]:
    return one.run_id, one.version or 0, one.step, one.channel, one.template_id, one.id
