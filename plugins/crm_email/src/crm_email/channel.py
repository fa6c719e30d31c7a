"""The channel `email`: addresses, templates, and mails rendered byte for byte the same from the same draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final

import attrs

from crm_email import address, mime
from crm_email.settings import EmailSettings
from crmcore.errors import InvalidIdentity, InvalidTemplate, SettingsError
from crmcore.hooks.channel import Capabilities, Compiled, Draft, Rendered, Unrendered
from crmcore.hooks.sandbox import Part, Problem, html_part, render, text_part
from crmcore.model.identity import Identity
from crmcore.model.template import Issue, Template

PARTS: Final = {"subject": text_part, "text": text_part, "html": html_part}
SECOND = 1_000_000


@attrs.frozen(kw_only=True)
class CompiledMail:
    """A template ready for many mails: its parts, and the headers that are the same in all of them."""

    template: Template
    subject: Part
    text: Part | None
    html: Part | None
    fixed: bytes


class Email:
    """E-mail. It knows content; a provider carries what it renders."""

    name = "email"
    contract = 1
    capabilities = Capabilities(
        address_kinds=frozenset({"email"}),
        content_kinds=frozenset({"text", "html"}),
        real_time=False,
        intrusiveness="low",
        consent_needed=True,
        needs_app=False,
        creative_work="high",
        development_work="low",
        design_freedom="high",
        reach_only_while_active=False,
        levers=frozenset({"subject", "timing", "sender_name", "call_to_action", "landing_page"}),
        metrics=frozenset({"open_rate", "click_rate", "conversion_rate"}),
    )

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    def validate_address(self, one: Identity) -> Identity:
        """Return the address in normal form; raise InvalidIdentity."""
        if one.kind not in self.capabilities.address_kinds:
            raise InvalidIdentity(place=one.value, problem=f"mail does not go to the kind {one.kind!r}")
        return address.normal(one)

    def validate_template(self, template: Template) -> tuple[Issue, ...]:
        """Return what is wrong: unknown or missing parts, syntax, a subject of several lines."""
        issues = [
            Issue(part=name, problem=f"e-mail has no such part; it has {', '.join(PARTS)}")
            for name in _unknown(template)
        ]
        if "subject" not in template.parts:
            issues.append(Issue(part="subject", problem="it is missing"))
        if not {"text", "html"} & set(template.parts):
            issues.append(Issue(part="text", problem="a mail needs a text, an html part, or both"))
        if any(mark in template.parts.get("subject", "") for mark in "\r\n"):
            issues.append(Issue(part="subject", problem="it must be one line"))
        made = (
            compile_part(name, template.parts[name]) for name, compile_part in PARTS.items() if name in template.parts
        )
        issues += [Issue(part=one.text.partition(",")[0], problem=one.text) for one in made if isinstance(one, Problem)]
        return tuple(issues)

    def compile(self, template: Template) -> CompiledMail:
        """Return the template made ready; raise InvalidTemplate, or SettingsError where no sender is set."""
        for issue in self.validate_template(template):
            raise InvalidTemplate(name=template.name, place=issue.part, problem=issue.problem)
        if not self._settings.sender:
            fix = 'give the sender, as in sender = "Shop <shop@example.com>"'
            raise SettingsError(key="sender", place="[channels.email]", problem=fix)
        subject, text, html = (_part(template.parts, name) for name in PARTS)
        assert subject is not None
        return CompiledMail(template=template, subject=subject, text=text, html=html, fixed=self._fixed())

    def render(self, compiled: Compiled, drafts: Sequence[Draft]) -> Sequence[Rendered | Unrendered]:
        """Return one mail per draft, or why there is none."""
        assert isinstance(compiled, CompiledMail)  # it is what `compile` returned
        return [self._render(compiled, draft) for draft in drafts]

    def _render(self, compiled: CompiledMail, draft: Draft) -> Rendered | Unrendered:
        preview: dict[str, str] = {}
        for part in (compiled.subject, compiled.text, compiled.html):
            if part is not None:
                said = render(part, draft.context)
                if isinstance(said, Problem):
                    return Unrendered(delivery_id=draft.delivery_id, problem=said.text, field=said.field)
                preview[part.name] = said
        if (broken := next((name for name, said in preview.items() if not _is_text(said)), None)) is not None:
            return Unrendered(delivery_id=draft.delivery_id, problem=f"{broken}: it holds half a character")
        if not mime.is_header_safe(preview["subject"]) or not mime.is_header_safe(draft.unsubscribe or ""):
            problem = "the subject or the link holds a line break or control character"
            return Unrendered(delivery_id=draft.delivery_id, problem=problem)
        try:
            to = address.normal(draft.address).value
        except InvalidIdentity as error:
            return Unrendered(delivery_id=draft.delivery_id, problem=str(error.fields["problem"]), fault="address")
        return Rendered(delivery_id=draft.delivery_id, body=self._mail(compiled, draft, to, preview), preview=preview)

    def _mail(self, compiled: CompiledMail, draft: Draft, to: str, preview: Mapping[str, str]) -> bytes:
        leaves = [
            mime.leaf(kind, preview[part]) for part, kind in (("text", "plain"), ("html", "html")) if part in preview
        ]
        key = draft.message_key.encode()
        content = leaves[0] if len(leaves) == 1 else mime.alternative(b"=_" + key, *leaves)
        return b"".join(
            (
                compiled.fixed,
                b"To: ",
                to.encode(),
                b"\r\nSubject: ",
                mime.header_value(preview["subject"]),
                b"\r\nDate: ",
                mime.date(draft.at // SECOND),
                b"\r\nMessage-ID: <",
                key,
                b"@",
                self._settings.message_id_domain.encode(),
                b">\r\n",
                _unsubscribe(draft.unsubscribe),
                content,
            )
        )

    def _fixed(self) -> bytes:
        lines = [b"MIME-Version: 1.0", b"From: " + _mailbox(self._settings.sender)]
        if self._settings.reply_to:
            lines.append(b"Reply-To: " + _mailbox(self._settings.reply_to))
        return b"\r\n".join([*lines, b""])


def _unsubscribe(link: str | None) -> bytes:
    """The one-click headers of RFC 8058."""
    if link is None:
        return b""
    return b"List-Unsubscribe: <" + link.encode() + b">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def _mailbox(mailbox: str) -> bytes:
    name, spec = parseaddr(mailbox)
    if not mime.is_header_safe(mailbox):
        raise SettingsError(
            key="sender", place="[channels.email]", problem="it holds a line break or control character"
        )
    if not name.isascii():
        return mime.header_value(name) + b" <" + spec.encode() + b">"
    return str(Address(name, addr_spec=spec)).encode()


def _part(parts: Mapping[str, str], name: str) -> Part | None:
    made = PARTS[name](name, parts[name]) if name in parts else None
    return made if isinstance(made, Part) else None


def _is_text(said: str) -> bool:
    """Tell whether a text can be written: half of a surrogate pair cannot."""
    try:
        return said.isascii() or bool(said.encode())
    except UnicodeEncodeError:
        return False


def _unknown(template: Template) -> list[str]:
    return sorted(set(template.parts) - set(PARTS))
