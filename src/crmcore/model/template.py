"""Templates: what is said, by name, channel and locale."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmcore.model.names import checked_name


@attrs.frozen(kw_only=True)
class Template:
    """What a channel renders; `parts` are named by the channel (e-mail: subject, text, html).

    Parts are Jinja2, sandboxed; the fields they may use are those of a message's context: `customer` (attributes and
    key), `offers` (a list), `links.unsubscribe`, what the campaign adds under `campaign`, and what `send` adds under `message`.
    """

    name: str
    channel: str
    parts: Mapping[str, str]
    locale: str = ""
    version: int = 1

    def __attrs_post_init__(self) -> None:
        checked_name(self.name, "template", "template")
        checked_name(self.channel, "channel", f"template {self.name}")


@attrs.frozen(kw_only=True)
class Issue:
    """Something a channel finds wrong with a template before any message is made of it."""

    part: str
    problem: str
