"""The channel `push`: what is said on a device, checked against what its carrier takes before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from crm_push import address
from crm_push.address import KINDS, WEBPUSH
from crm_push.notification import LIMITS, URGENCIES, Action, Notification, size, tag
from crm_push.settings import WEEKS, PushSettings, seconds
from crm_push.template import ACTIONS, CompiledPush, compiled, issues
from crmcore.errors import InvalidIdentity, InvalidTemplate, InvalidTime, SettingsError
from crmcore.hooks.channel import Capabilities, Compiled, Draft, Rendered, Unrendered
from crmcore.hooks.sandbox import Part, Problem, render
from crmcore.model.identity import Identity
from crmcore.model.template import Issue, Template
from crmcore.model.time import SECOND

#: Parts that are shown, or followed, as they are.
PLAIN: Final = ("title", "body", "icon", "image", "badge", "url", "sound")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_COUNT: Final = re.compile(r"[0-9]{1,5}")


class Push:
    """Push messages to browsers, Android and iOS. A message goes to every device of a customer, each by its carrier."""

    name = "push"
    contract = 1

    def __init__(self, settings: PushSettings) -> None:
        self._settings = settings
        kinds = settings.kinds or KINDS
        self.capabilities = Capabilities(
            address_kinds=kinds,
            content_kinds=frozenset({"text", "image", "buttons"}),
            real_time=True,
            intrusiveness="high",
            consent_needed=True,
            needs_app=WEBPUSH not in kinds,
            creative_work="low",
            development_work="high",
            design_freedom="low",
            reach_only_while_active=False,
            max_bytes=max(LIMITS[one] for one in kinds),
            levers=frozenset({"title", "image", "timing", "urgency", "call_to_action", "landing_page"}),
            metrics=frozenset({"delivery_rate", "click_rate", "conversion_rate"}),
            each_address=True,
        )

    def validate_address(self, one: Identity) -> Identity:
        """Return the address in normal form; raise InvalidIdentity."""
        return address.normal(one)

    def validate_template(self, template: Template) -> tuple[Issue, ...]:
        """Return what is wrong: unknown or missing parts, syntax, lines of data or actions that are none."""
        return issues(template)

    def compile(self, template: Template) -> CompiledPush:
        """Return the template made ready; raise InvalidTemplate, or SettingsError where no carrier is set."""
        for issue in issues(template):
            raise InvalidTemplate(name=template.name, place=issue.part, problem=issue.problem)
        if not self._settings.kinds:
            fix = f"give one carrier at least: [channels.push.{'], [channels.push.'.join(sorted(KINDS))}]"
            raise SettingsError(key="push", place="[channels]", problem=fix)
        return compiled(template)

    def render(self, compiled: Compiled, drafts: Sequence[Draft]) -> Sequence[Rendered | Unrendered]:
        """Return one message per draft, or why there is none."""
        assert isinstance(compiled, CompiledPush)  # it is what `compile` returned
        return [self._render(compiled, draft) for draft in drafts]

    def _render(self, given: CompiledPush, draft: Draft) -> Rendered | Unrendered:
        try:
            address.normal(draft.address)
            said = _notification(given, draft, self._settings.ttl)
            self._check_size(said, draft.address.kind)
        except _Refused as refused:
            return Unrendered(delivery_id=draft.delivery_id, problem=refused.problem.text, field=refused.problem.field)
        except InvalidIdentity as error:
            return Unrendered(delivery_id=draft.delivery_id, problem=str(error.fields["problem"]), fault="address")
        preview = {name: getattr(said, name) for name in PLAIN if getattr(said, name)}
        return Rendered(delivery_id=draft.delivery_id, body=said.to_bytes(), preview=preview)

    def _check_size(self, said: Notification, kind: str) -> None:
        found = size(said, kind, self._settings.report_url)
        if found > LIMITS[kind]:
            raise _Refused(Problem(text=f"{kind}: the message has {found:,} bytes, at most {LIMITS[kind]:,} fit"))


@attrs.frozen
class _Refused(Exception):
    """One message cannot be made."""

    problem: Problem


def _notification(given: CompiledPush, draft: Draft, ttl: int) -> Notification:
    said = {name: _said(part, draft.context) for name, part in given.parts.items()}
    for needed in ("title", "body"):
        if not said[needed].strip():
            raise _Refused(Problem(text=f"{needed}: it is empty"))
    return Notification(
        **{name: said.get(name, "").strip() for name in PLAIN},
        tag=tag(said.get("topic", "").strip() or draft.message_key),
        count=_count(said.get("count", "")),
        actions=tuple(_action(name, *lines, draft.context) for name, lines in given.actions.items()),
        data={name: _said(part, draft.context).strip() for name, part in given.data.items()},
        at=draft.at // SECOND,
        ttl=_ttl(said["ttl"]) if "ttl" in said else ttl,
        urgency=_urgency(said.get("urgency", "normal")),
    )


def _said(part: Part, context: Mapping[str, Any]) -> str:
    found = render(part, context)
    if isinstance(found, Problem):
        raise _Refused(found)
    if _SURROGATE.search(found):
        raise _Refused(Problem(text=f"{part.name}: it holds half a character"))
    return found


def _action(name: str, title: Part, url: Part | None, context: Mapping[str, Any]) -> Action:
    said = _said(title, context).strip()
    if not said:
        raise _Refused(Problem(text=f"{ACTIONS}.{name}: it is empty"))
    return Action(name=name, title=said, url=_said(url, context).strip() if url else "")


def _count(text: str) -> int | None:
    said = text.strip()
    if not said:
        return None
    if not _COUNT.fullmatch(said):
        raise _Refused(Problem(text=f"count: {said[:20]!r} is no number from 0 to 99,999"))
    return int(said)


def _ttl(text: str) -> int:
    try:
        found = seconds(text.strip())
    except InvalidTime:
        found = -1
    if not 0 <= found <= WEEKS:
        raise _Refused(Problem(text=f"ttl: {text.strip()[:20]!r} is no time from 0s to 4w, such as 3d"))
    return found


def _urgency(text: str) -> str:
    said = text.strip()
    if said not in URGENCIES:
        raise _Refused(Problem(text=f"urgency: {said[:20]!r} is none of {', '.join(URGENCIES)}"))
    return said
