"""Push messages for crmcore: the channel `push`, and the providers `webpush`, `fcm` and `apns`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crmcore.hooks.channel import Channel
from crmcore.hooks.marker import implements
from crmcore.hooks.provider import HttpProvider, Provider
from crmcore.hooks.setup import Setup
from crmcore.hooks.specs import crm_register_channels, crm_register_providers
from crmcore.model.identity import Identity

__version__ = "0.1.0"

__all__ = ["__version__", "browser_file", "channels", "providers", "subscription"]


@implements(crm_register_channels)
def channels(setup: Setup) -> Sequence[Channel]:
    """Return the channel."""
    from crm_push.channel import Push
    from crm_push.settings import push_settings

    return [Push(push_settings(setup.section("channels.push")))]


@implements(crm_register_providers)
def providers(setup: Setup) -> Sequence[Provider | HttpProvider]:
    """Return the carriers that have settings, each for its own kind of addresses; one whose settings are wrong waits."""
    from crm_push.apns import Apns
    from crm_push.fcm import Fcm
    from crm_push.settings import apns_settings, fcm_settings, web_push_settings
    from crm_push.webpush import WebPush

    section = setup.section("channels.push")
    makers: dict[str, Callable[[], Provider | HttpProvider]] = {
        "webpush": lambda: WebPush(web_push_settings(section)),
        "fcm": lambda: Fcm(fcm_settings(section)),
        "apns": lambda: Apns(apns_settings(section)),
    }
    return [_carrier(name, make) for name, make in makers.items() if name in section]


def _carrier(name: str, make: Callable[[], Provider | HttpProvider]) -> Provider | HttpProvider:
    from crm_push.unset import Unset
    from crmcore.errors import SettingsError

    try:
        return make()
    except SettingsError as error:
        return Unset(name, error)


def subscription(given: str | bytes | Mapping[str, Any]) -> Identity:
    """Return the address of a browser's PushSubscription, as JSON or parsed; raise InvalidIdentity.

    `crm.identify([Identity("key", "42"), subscription(body)])` makes it the customer's: see README.md.
    """
    from crm_push.address import subscription

    return subscription(given)


def browser_file(name: str) -> str:
    """Return the text of `crm-push.js` or `crm-push-worker.js`, for the host to serve; raise NotFound for any other."""
    from importlib.resources import files

    from crmcore.errors import NotFound

    if name not in ("crm-push.js", "crm-push-worker.js"):
        raise NotFound(kind="browser file", name=name)
    return files("crm_push").joinpath("browser", name).read_text(encoding="utf-8")
