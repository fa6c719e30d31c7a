"""One click, and no more of it (RFC 8058). Showing a link changes nothing; applying it does, once."""

from __future__ import annotations

import attrs

from crmcore.errors import InvalidToken
from crmcore.flow import links
from crmcore.flow.settling import message_event
from crmcore.model.purpose import MARKETING
from crmcore.model.statement import Consent, Subscribe
from crmcore.store import consents, events, receipts, runs
from crmcore.store.receipts import Sent
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Unsubscription:
    """What a link stands for: the channel, and the topic where the message was about one."""

    delivery_id: int
    campaign: str
    channel: str
    topic: str | None


def check(scope: Scope, token: str) -> Unsubscription:
    """Return what a token would do; change nothing. Raise InvalidToken."""
    sent, topic = _found(scope, token)
    return Unsubscription(delivery_id=sent.id, campaign=sent.campaign, channel=sent.channel, topic=topic)


def unsubscribe(scope: Scope, token: str) -> Unsubscription:
    """Withdraw the consent to all marketing on the channel, or the wish for the topic; again changes nothing more."""
    sent, topic = _found(scope, token)
    owner = (sent.customer_id, sent.origin_id)
    if not _is_done(scope, sent):
        _withdraw(scope, sent, topic, owner)
        gone = message_event("message_unsubscribed", sent.id, scope.now, sent.campaign, sent.channel)
        events.append(scope, [gone], scope.new_ids(1), [owner])
    return check(scope, token)


def _withdraw(scope: Scope, sent: Sent, topic: str | None, owner: tuple[int, int]) -> None:
    if topic is not None:
        wish = Subscribe(customer=(), topic=topic, at=scope.now, channel=sent.channel, wanted=False)
        consents.subscribe(scope, [wish], [owner])
        return
    statements = [
        Consent(
            customer=(),
            purpose=purpose,
            at=scope.now,
            channel=sent.channel,
            granted=False,
            proof={"delivery": str(sent.id), "link": "one-click"},
        )
        for purpose in sorted(MARKETING)
    ]
    consents.consent(scope, statements, [owner] * len(statements))


def _is_done(scope: Scope, sent: Sent) -> bool:
    return events.exists(scope, sent.customer_id, "message_unsubscribed", str(sent.id))


def _found(scope: Scope, token: str) -> tuple[Sent, str | None]:
    """Return the message of a link, and the topic that it was about, as its step said when it was planned."""
    link = links.read(token, "unsubscribe", scope.workspace_id, scope.secret)
    sent = receipts.by_id(scope, link.row_id)
    if sent is None:
        raise InvalidToken(problem="its message is not known any more", place="token")
    run = runs.of_version(scope, runs.load(scope, sent.run_id), sent.version)
    return sent, run.campaign.message(sent.step).topic
