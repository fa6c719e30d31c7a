"""Nothing leaves: every carrier is replaced by one that accepts, and what channels render is kept to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

import attrs

from crmcore.flow.outbox import HOLD
from crmcore.hooks.channel import Channel, Compiled, Draft, Rendered, Unrendered
from crmcore.hooks.provider import Accepted, Carriage, Outgoing, Result
from crmcore.model.identity import Identity
from crmcore.model.template import Issue, Template
from crmcore.registry import Registry
from crmcore.settings import Settings

Parts = Mapping[str, str]
#: Nothing leaves that could be lost: as many go together as are quickest.
WINDOW = 1000


class Postbox:
    """What messages say, by delivery; of no more than `limit` of them, the first."""

    def __init__(self, limit: int) -> None:
        self.parts: dict[int, Parts] = {}
        self._limit = limit
        self._rendered: dict[int, Parts] = {}

    def render(self, message: Rendered) -> None:
        """Note what a message would say: it may never go."""
        if len(self.parts) < self._limit:
            self._rendered[message.delivery_id] = message.preview

    def carry(self, delivery_id: int) -> None:
        """Keep what a message says that goes."""
        parts = self._rendered.pop(delivery_id, None)
        if parts is not None and len(self.parts) < self._limit:
            self.parts[delivery_id] = parts

    def forget(self) -> None:
        """Forget what was rendered and did not go."""
        self._rendered.clear()


class OverheardChannel:
    """A channel whose messages are noted as they are rendered."""

    def __init__(self, channel: Channel, postbox: Postbox) -> None:
        self.name, self.contract, self.capabilities = channel.name, channel.contract, channel.capabilities
        self._channel, self._postbox = channel, postbox

    def validate_address(self, address: Identity) -> Identity:
        """Return the address in normal form."""
        return self._channel.validate_address(address)

    def validate_template(self, template: Template) -> tuple[Issue, ...]:
        """Return what is wrong with a template."""
        return self._channel.validate_template(template)

    def compile(self, template: Template) -> Compiled:
        """Return the template made ready."""
        return self._channel.compile(template)

    def render(self, compiled: Compiled, drafts: Sequence[Draft]) -> Sequence[Rendered | Unrendered]:
        """Return the messages, and note what they say."""
        answers = self._channel.render(compiled, drafts)
        for one in answers:
            if isinstance(one, Rendered):
                self._postbox.render(one)
        return answers


class NullCarrier:
    """Accepts every message and carries none."""

    contract = 1

    def __init__(self, channel: str, name: str, carriage: Carriage, postbox: Postbox) -> None:
        self.channel, self.name, self.carriage = channel, name, carriage
        self._postbox = postbox

    def open(self) -> Self:
        """Return a session: this."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Accept each message."""
        for message in batch:
            self._postbox.carry(message.delivery_id)
            yield Accepted(delivery_id=message.delivery_id, provider_id=f"null-{message.delivery_id}")


def muted(registry: Registry, postbox: Postbox) -> Registry:
    """Return what assembly found with carriers that carry nothing; a channel without one gets one."""
    channels = {name: OverheardChannel(one, postbox) for name, one in registry.channels.items()}
    carriers = {
        key: NullCarrier(one.channel, one.name, one.carriage, postbox) for key, one in registry.providers.items()
    }
    lacking = channels.keys() - {one.channel for one in carriers.values()}
    carriers |= {f"{name}/null": NullCarrier(name, "null", Carriage(batch=WINDOW), postbox) for name in sorted(lacking)}
    return attrs.evolve(registry, channels=channels, providers=carriers)


def posting_nothing(settings: Settings) -> Settings:
    """Return settings that keep all webhooks back."""
    held = {**settings.tables.get("webhooks", {}), HOLD: True}
    return attrs.evolve(settings, tables={**settings.tables, "webhooks": held})
