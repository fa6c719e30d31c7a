"""Steps that do something other than sending. For whoever is held out nothing is done: there is something to compare with."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.errors import InvalidCampaign
from crmcore.flow import applying
from crmcore.flow.journeys.walking import Onward, Stage
from crmcore.flow.journeys.ways import Wish
from crmcore.hooks.step import Due
from crmcore.model.event import Event
from crmcore.model.identity import KEY, Identity
from crmcore.model.statement import Identify
from crmcore.model.steps import AddToSegment, Call, Emit, Enter, Exit, Update, Webhook, on_tick
from crmcore.model.values import normalise, to_json
from crmcore.store import contexts, events, identities, memberships, runs, segments, webhooks
from crmcore.store.enrolments import Enrolment
from crmcore.store.identities import Owner
from crmcore.store.touched import segment_key
from crmcore.store.webhooks import Posting


def _treated(arrived: Sequence[Enrolment]) -> list[Enrolment]:
    return [one for one in arrived if not one.held_out]


def update(stage: Stage, step: Update, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Set attributes, tag and untag."""
    said = Identify(
        customer=(),
        at=stage.scope.now,
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


def call(stage: Stage, step: Call, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Ask a plugin where each goes; raise InvalidCampaign where it does not say so of everyone, or names no step."""
    plugin = stage.registry.step(step.step)
    known = contexts.of_customers(stage.scope, sorted({one.customer_id for one in arrived})) if plugin.reads else {}
    due = [
        Due(
            enrolment_id=one.id,
            customer_id=one.customer_id,
            entered_at=one.entered_at,
            attributes={name: known[one.customer_id][name] for name in plugin.reads & known[one.customer_id].keys()}
            if known
            else {},
        )
        for one in arrived
    ]
    answers = {one.enrolment_id: one for one in plugin.advance(due, step.settings, now=stage.scope.now)}
    if answers.keys() != {one.id for one in arrived}:
        problem = f"the step {step.step!r} of a plugin has to answer once for each enrolment it is given"
        raise InvalidCampaign(name=stage.run.campaign.name, problem=problem)
    onward = stage.onward(step)
    return [
        Onward(answers[one.id].to or onward.to, _later(stage, answers[one.id].due_at), answers[one.id].to)
        for one in arrived
    ]


def _later(stage: Stage, due_at: int | None) -> int | None:
    return None if due_at is None or due_at <= stage.scope.now else on_tick(due_at)


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
