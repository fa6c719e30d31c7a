"""Templates that a carrier has to approve: while one may not be sent, campaigns that use it stand still, and no longer."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from crmcore.hooks.channel import Channel
from crmcore.hooks.provider import TemplateChange
from crmcore.model.campaign import Campaign
from crmcore.model.cleaning import kept, time_of
from crmcore.model.template import Template
from crmcore.store import holds, runs, templates
from crmcore.store.holds import Named, Word
from crmcore.store.runs import GOING, PAUSED, RUNNING, STANDING, Run
from crmcore.store.scope import Scope

log = logging.getLogger("crmcore.webhooks")
#: A template of ours, by name and channel.
Ours = tuple[str, str]


def take(scope: Scope, channel: str, changes: Sequence[TemplateChange], channels: Mapping[str, Channel]) -> None:
    """Take what a carrier says of its templates: what it said earlier changes nothing that it said later."""
    known = holds.words(scope)
    said: dict[Named, Word] = {}
    for one in changes:
        named, word = _said(channel, one, scope.now)
        if word > max(filter(None, (known.get(named), said.get(named))), default=Word(-1, False, "")):  # noqa: FBT003
            said[named] = word
    holds.say(scope, said)
    if said:
        settle(scope, known | said, channels)


def _said(channel: str, one: TemplateChange, now: int) -> tuple[Named, Word]:
    named = Named(channel, kept(one.name), _normal(kept(one.locale)))
    return named, Word(time_of(one.at, now), not one.may_be_sent, kept(one.reason))


def settle(scope: Scope, words: Mapping[Named, Word], channels: Mapping[str, Channel]) -> None:
    """Let runs stand still that use a template which may not be sent, and let go on those that stood still for no other reason."""
    refused = {named: word for named, word in words.items() if word.is_refusal}
    why = _why(templates.every(scope), refused, channels) if refused else {}
    held = holds.of_runs(scope)
    for run in runs.not_over(scope):
        reason = next((why[one] for one in _used(run.campaign) if one in why), None)
        if reason is not None:
            _pause(scope, run, reason, is_held=run.id in held)
        elif run.id in held:
            _resume(scope, run)


def begun(scope: Scope, run: Run, channels: Mapping[str, Channel]) -> None:
    """Let a run stand still from the beginning, where a template of it may not be sent just now."""
    refused = {named: word for named, word in holds.words(scope).items() if word.is_refusal}
    why = _why(templates.every(scope), refused, channels) if refused else {}
    reason = next((why[one] for one in _used(run.campaign) if one in why), None)
    if reason is not None:
        _pause(scope, run, reason, is_held=False)


def _pause(scope: Scope, run: Run, reason: str, *, is_held: bool) -> None:
    state = runs.hold(scope, run.id)
    if state in GOING:
        runs.move(scope, run.id, PAUSED)
        log.warning("campaign %s is paused: %s", run.campaign.name, reason)
    if state in GOING or is_held:
        holds.hold(scope, run.id, reason)


def _resume(scope: Scope, run: Run) -> None:
    if runs.hold(scope, run.id) == PAUSED:
        runs.move(scope, run.id, STANDING if run.campaign.is_single else RUNNING)
        log.warning("campaign %s goes on: its templates may be sent again", run.campaign.name)
    holds.let_go(scope, run.id)


def _why(ours: Iterable[Template], refused: Mapping[Named, Word], channels: Mapping[str, Channel]) -> dict[Ours, str]:
    """Return the templates of ours that may not be sent, each with the reason."""
    why: dict[Ours, str] = {}
    for template in ours:
        opening = channels[template.channel].capabilities.opens_session if template.channel in channels else ()
        names = {template.parts[part].strip() for part in opening if part in template.parts}
        for named, word in refused.items():
            if named.channel == template.channel and named.name in names and _is_in(template, named.locale):
                why[template.name, template.channel] = _told(template, named, word)
    return why


def _is_in(template: Template, locale: str) -> bool:
    """Tell whether a template is in a locale, by its own or by one of its parts."""
    return not locale or locale in {_normal(one) for one in (template.locale, *template.parts.values())}


def _normal(locale: str) -> str:
    return locale.strip().replace("-", "_").lower()


def _told(template: Template, named: Named, word: Word) -> str:
    where = f" ({named.locale})" if named.locale else ""
    why = f": {word.reason}" if word.reason else ""
    return f"template {template.name!r} uses {named.name!r}{where} of {named.channel}, which may not be sent{why}"


def _used(campaign: Campaign) -> list[Ours]:
    return [(send.template, channel) for send in campaign.sends for channel in send.channels]
