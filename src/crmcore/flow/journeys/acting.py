"""Steps that do something other than sending. For whoever is held out nothing is done: there is something to compare with."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.flow import applying
from crmcore.flow.journeys.walking import Onward, Stage
from crmcore.flow.journeys.ways import Wish
from crmcore.model.event import Event
from crmcore.model.identity import KEY, Identity
from crmcore.model.statement import Identify
from crmcore.model.steps import AddToSegment, Emit, Enter, Exit, Update, Webhook
from crmcore.model.values import normalise, to_json
from crmcore.store import contexts, events, identities, memberships, runs, segments, webhooks
from crmcore.store.enrolments import Enrolment
from crmcore.store.identities import Owner
from crmcore.store.touched import segment_key
from crmcore.store.webhooks import Posting


def _treated(arrived: Sequence[Enrolment]) -> list[Enrolment]:
    return [one for one in arrived if not one.held_out]


def update(stage: Stage, step: Update, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Set attributes, tag and untag; of what several steps say in one pass the last counts."""
    said = Identify(
        customer=(),
        at=stage.later(),
        attributes={name: normalise(value, step.name) for name, value in step.attributes.items()},
        tags=step.tags,
        untags=step.untags,
    )
    owners = [(one.customer_id, one.origin_id) for one in _treated(arrived)]
    applying.identify_owned(stage.scope, [said] * len(owners), owners)
    return [stage.onward(step)] * len(arrived)


def add_to_segment(stage: Stage, step: AddToSegment, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Put customers on an uploaded list."""
    definition = segments.load(stage.scope, step.segment)
    added = memberships.add(stage.scope, definition.id, [(one.customer_id, one.origin_id) for one in _treated(arrived)])
    stage.scope.touched.note_all(added, segment_key(step.segment))
    return [stage.onward(step)] * len(arrived)


def emit(stage: Stage, step: Emit, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Track an event of each, or of the person that an attribute names; of a person nobody knows there is none."""
    owners = _persons(stage, step, _treated(arrived))
    said = Event(
        name=step.event,
        customer=(),
        at=stage.scope.now,
        ref=str(stage.run.id),
        properties=to_json(dict(step.properties), step.name),
    )
    events.append(stage.scope, [said] * len(owners), stage.scope.new_ids(len(owners)), owners)
    return [stage.onward(step)] * len(arrived)


def _persons(stage: Stage, step: Emit, arrived: Sequence[Enrolment]) -> list[Owner]:
    if not step.person:
        return [(one.customer_id, one.origin_id) for one in arrived]
    keys = contexts.texts(stage.scope, sorted({one.customer_id for one in arrived}), step.person)
    found = identities.find(stage.scope, [Identity(KEY, key) for key in sorted(set(keys.values()))])
    named = (Identity(KEY, keys[one.customer_id]) for one in arrived if one.customer_id in keys)
    return [found[one] for one in named if one in found]


def webhook(stage: Stage, step: Webhook, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Let something be posted for each; it is, after this is committed."""
    treated = _treated(arrived)
    keys = contexts.keys(stage.scope, sorted({one.customer_id for one in treated}))
    said = {"campaign": stage.run.campaign.name, "step": step.name, **step.fields}
    webhooks.plan(
        stage.scope,
        [
            Posting(
                run_id=stage.run.id,
                step=step.name,
                customer_id=one.customer_id,
                origin_id=one.origin_id,
                enrolment_id=one.id,
                url=step.url,
                body={**said, "customer": keys.get(one.customer_id), "key": one.key},
            )
            for one in treated
        ],
    )
    return [stage.onward(step)] * len(arrived)


def enter(stage: Stage, step: Enter, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Let customers enter another campaign; where it does not run, nobody does."""
    run = runs.latest(stage.scope, step.campaign)
    if run.state == runs.RUNNING:
        wishes = [
            Wish(customer_id=one.customer_id, origin_id=one.origin_id, key=one.key, at=stage.scope.now)
            for one in _treated(arrived)
        ]
        stage.entering.enter(stage.scope, run, wishes)
    return [stage.onward(step)] * len(arrived)


def leave(stage: Stage, step: Exit, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Go no further."""
    return [stage.onward(step)] * len(arrived)
