"""Messages on their way: sessions kept open from batch to batch, and leases that last as long as the work does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from crmcore.errors import CRMError
from crmcore.flow.plan import Plan
from crmcore.flow.preparing import Made
from crmcore.hooks.provider import NotStarted, Outgoing, Result, Session
from crmcore.http.driver import Driver
from crmcore.http.spans import span
from crmcore.model.http import Http

log = logging.getLogger("crmcore.dispatch")


class Carrying:
    """Open sessions of one process; they are closed with the stack, and the driver of those over HTTP after them."""

    def __init__(self, stack: ExitStack, http: Http, now: Callable[[], int]) -> None:
        self._stack = stack
        self._driver = stack.enter_context(Driver(http, now))
        self._sessions: dict[str, Session] = {}
        #: Why messages of a campaign did not leave: their provider could not be opened.
        self.unopened: dict[str, str] = {}

    def prepare(self, plan: Plan) -> None:
        """Open the session of a carrier before it is handed anything: whoever dies meanwhile leaves nothing in doubt.

        Where it cannot be opened, `send` says why.
        """
        with suppress(Exception):
            self._session(plan)

    def send(self, plan: Plan, made: Sequence[Made], answered: dict[int, Result], beat: Callable[[], None]) -> None:
        """Send messages, and note in `answered` what becomes of each; `beat` is called after each answer.

        What the provider has not answered is settled by its message class, as after a crash.
        """
        try:
            session = self._session(plan)
        except Exception as error:  # noqa: BLE001 - whatever a provider raises is its own fault
            self._refused(plan, error)
            answered.update((one.message.delivery_id, NotStarted(delivery_id=one.message.delivery_id)) for one in made)
            return
        self.unopened.pop(plan.campaign.name, None)
        try:
            with span("crmcore send", "INTERNAL", _told(plan, made)):
                for result in session.send([_outgoing(one) for one in made]):
                    answered[result.delivery_id] = result
                    beat()
        except Exception:
            log.exception("provider %s of channel %s failed", plan.provider.name, plan.channel.name)
            self._sessions.pop(plan.carrier, None)

    def _refused(self, plan: Plan, error: Exception) -> None:
        """Say that a provider does not open: in a sentence where that is all there is to say."""
        is_told = isinstance(error, CRMError)
        said = (plan.provider.name, plan.channel.name, error if is_told else type(error).__name__)
        log.error("provider %s of channel %s could not be opened: %s", *said, exc_info=None if is_told else error)
        self.unopened[plan.campaign.name] = str(error) if is_told else f"provider {plan.provider.name}: {said[2]}"

    def _session(self, plan: Plan) -> Session:
        if plan.carrier not in self._sessions:
            self._sessions[plan.carrier] = self._stack.enter_context(self._driver.open(plan.provider))
        return self._sessions[plan.carrier]


def _told(plan: Plan, made: Sequence[Made]) -> dict[str, str | int]:
    """Return what the span of a batch says of it."""
    named = {"crmcore.campaign": plan.campaign.name, "crmcore.channel": plan.channel.name}
    return {**named, "crmcore.provider": plan.provider.name, "messaging.batch.message_count": len(made)}


def _outgoing(one: Made) -> Outgoing:
    claimed = one.composed.claimed
    return Outgoing(
        delivery_id=claimed.id,
        address=claimed.address,
        body=one.message.body,
        message_key=one.composed.draft.message_key,
        message_class=claimed.message_class,
        attempt=claimed.attempt,
        deadline=claimed.expires_at,
    )
