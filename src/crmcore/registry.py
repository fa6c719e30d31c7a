"""What assembly found: channels, providers, engines and the rest by name, and the plugins that did not load."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib.util import find_spec
from typing import Any, TypeVar

import attrs

from crmcore.errors import UnknownPlugin
from crmcore.hooks.channel import Channel
from crmcore.hooks.coupon import CouponSource
from crmcore.hooks.gate import Gate
from crmcore.hooks.module import Module
from crmcore.hooks.provider import HttpProvider, Listening, Provider
from crmcore.hooks.recommender import Recommender
from crmcore.hooks.rule import Rule
from crmcore.hooks.step import Step

Found = TypeVar("Found")
#: What comes from the packages beside the core: newcomers look for it where only the core is installed.
BRINGS = {
    "crm_email": frozenset({"email", "email/smtp", "email/file"}),
    "crm_operational": frozenset({"operational", "open_case", "lead_score", "checked"}),
    "crm_push": frozenset({"push", "push/webpush", "push/fcm", "push/apns"}),
    "crm_recommend": frozenset({"popular", "repeat", "also_bought", "als"}),
    "crm_relay": frozenset({"relay"}),
    "crm_whatsapp": frozenset({"whatsapp", "whatsapp/cloud"}),
}
#: Which of them brings a command of `crm`, and the module that it is of.
COMMANDS = {"case": ("crm_operational", "operational"), "relay": ("crm_relay", "relay")}


@attrs.frozen(kw_only=True)
class Fault:
    """A plugin that did not load, or a part of it: what went wrong, in a sentence; `error` is the class of what was raised."""

    plugin: str
    problem: str
    error: str = ""


@attrs.frozen(kw_only=True)
class Loaded:
    """A plugin that did load: what it registers, such as "channel email", and the notices it listens to."""

    name: str
    version: str
    registers: tuple[str, ...] = ()
    listens: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Registry:
    """The outcome of assembly; providers by "channel/provider", listeners by notice hook."""

    plugins: tuple[Loaded, ...] = ()
    faults: tuple[Fault, ...] = ()
    channels: Mapping[str, Channel] = attrs.field(factory=dict)
    providers: Mapping[str, Provider | HttpProvider] = attrs.field(factory=dict)
    recommenders: Mapping[str, Recommender] = attrs.field(factory=dict)
    rules: Mapping[str, Rule] = attrs.field(factory=dict)
    steps: Mapping[str, Step] = attrs.field(factory=dict)
    gates: Mapping[str, Gate] = attrs.field(factory=dict)
    coupon_sources: Mapping[str, CouponSource] = attrs.field(factory=dict)
    modules: Mapping[str, Module] = attrs.field(factory=dict)
    listeners: Mapping[str, tuple[tuple[str, Callable[..., None]], ...]] = attrs.field(factory=dict)

    @property
    def address_kinds(self) -> Mapping[str, frozenset[str]]:
        """The kinds of addresses that each channel sends to."""
        return {name: one.capabilities.address_kinds for name, one in self.channels.items()}

    @property
    def each_address(self) -> frozenset[str]:
        """The channels whose messages go to every address that a customer has."""
        return frozenset(name for name, one in self.channels.items() if one.capabilities.each_address)

    @property
    def hearing(self) -> frozenset[str]:
        """The plugins that are told of something."""
        return frozenset(plugin for listeners in self.listeners.values() for plugin, _ in listeners)

    def channel(self, name: str) -> Channel:
        """Return a channel; raise UnknownPlugin naming those there are."""
        return _named(self.channels, "channel", name)

    def provider(self, channel: str, name: str) -> Provider | HttpProvider:
        """Return a carrier of a channel; raise UnknownPlugin naming those there are."""
        return _named(self.providers, "provider", f"{channel}/{name}")

    def listening(self, channel: str, name: str) -> Listening:
        """Return a carrier of a channel that takes webhooks; raise UnknownPlugin naming those that do."""
        known = {key: one for key, one in self.providers.items() if isinstance(one, Listening)}
        return _named(known, "provider with webhooks", f"{channel}/{name}")

    def recommender(self, name: str) -> Recommender:
        """Return an engine; raise UnknownPlugin naming those there are."""
        return _named(self.recommenders, "recommender", name)

    def module(self, name: str) -> Module:
        """Return a module; raise UnknownPlugin naming those there are."""
        return _named(self.modules, "module", name)

    def step(self, name: str) -> Step:
        """Return a kind of step; raise UnknownPlugin naming those there are."""
        return _named(self.steps, "step", name)

    def rule(self, name: str) -> Rule:
        """Return a rule; raise UnknownPlugin naming those there are."""
        return _named(self.rules, "rule", name)


def _named(found: Mapping[str, Found], kind: str, name: str) -> Found:
    if name not in found:
        raise UnknownPlugin(kind=kind, name=name, known=alternatives(name, found))
    return found[name]


def alternatives(name: str, found: Collection[str]) -> str:
    """Return, in words, what there is in place of a name: what is like it, else all; and which package brings it."""
    near = ", ".join(difflib.get_close_matches(name, found) or sorted(found))
    package = next((package for package, brought in BRINGS.items() if name in brought), "")
    said = [] if near else ["there is no plugin that brings one"]
    said += [_how(package, name)] if package else []
    return f"{near or 'none'} ({'; '.join(said)})" if said else near


def _how(package: str, name: str) -> str:
    """Return how a package comes to bring something: nobody is told to install what is there."""
    if find_spec(package) is None:
        return f"{package} brings it: pip install PATH_OF_THE_CLONE/plugins/{package}"
    if "/" in name:
        return f"{package} brings it where the settings have [channels.{name.replace('/', '.')}]"
    return f"{package} is installed, and brings it once it loads"


def whence(command: str, faults: Iterable[Fault]) -> str:
    """Return why a command is not there that a package beside the core brings, and the fix; nothing of another command."""
    package, module = COMMANDS.get(command, ("", ""))
    if not package:
        return ""
    if found := next((one.problem for one in faults if one.plugin == package), ""):
        return f"{package} brings it, and did not load: {found}"
    if find_spec(package) is None:
        return _how(package, command)
    return f"{package} brings it where the settings have [modules.{module}]"


def version_of(plugin: Any) -> str:
    """Return what a plugin says its version is."""
    return str(getattr(plugin, "__version__", ""))
