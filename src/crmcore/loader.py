"""From entry points to a registry: a broken plugin becomes a Fault, the others load."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from operator import itemgetter
from typing import Any

import attrs
import pluggy

from crmcore.errors import ContractVersion, CRMError, HookMismatch, LoadError, NameTaken, UnknownPlugin
from crmcore.flow.modules.admitting import Admit, anyone, in_form
from crmcore.hooks import specs
from crmcore.hooks.channel import Capabilities
from crmcore.hooks.checking import PREFIX, check, meant
from crmcore.hooks.contracts import CONTRACTS
from crmcore.hooks.marker import PROJECT
from crmcore.hooks.provider import Carriage
from crmcore.hooks.setup import Setup
from crmcore.model.names import checked_name
from crmcore.registry import Fault, Loaded, Registry, version_of

GROUP = "crmcore"
BLOCKED = "blocked by the settings"


@attrs.frozen(kw_only=True)
class Kind:
    """One kind of contract object: the hook that returns it, its place in the registry, what it must have: methods, but for `forms`."""

    name: str
    hook: str
    place: str
    needs: tuple[str, ...]
    forms: Mapping[str, Any] = attrs.field(factory=dict)


KINDS = (
    Kind(
        name="channel",
        hook="crm_register_channels",
        place="channels",
        needs=("capabilities", "validate_address", "validate_template", "compile", "render"),
        forms={"capabilities": Capabilities},
    ),
    Kind(
        name="provider",
        hook="crm_register_providers",
        place="providers",
        needs=("channel", "carriage"),
        forms={"channel": str, "carriage": Carriage},
    ),
    Kind(
        name="recommender",
        hook="crm_register_recommenders",
        place="recommenders",
        needs=("capabilities", "fit", "recommend", "dump", "load"),
        forms={"capabilities": Collection},
    ),
    Kind(name="rule", hook="crm_register_rules", place="rules", needs=("sql", "holds", "touches", "next_change")),
    Kind(
        name="step",
        hook="crm_register_steps",
        place="steps",
        needs=("reads", "advance"),
        forms={"reads": Collection},
    ),
    Kind(name="gate", hook="crm_register_gates", place="gates", needs=("reads", "judge"), forms={"reads": Collection}),
    Kind(name="coupon_source", hook="crm_register_coupon_sources", place="coupon_sources", needs=("codes",)),
    Kind(
        name="module",
        hook="crm_register_modules",
        place="modules",
        needs=("schema", "jobs", "commands", "routes", "timeline", "export", "erase"),
        forms={"schema": object, "jobs": Iterable, "commands": Iterable, "routes": Iterable},
    ),
)
HOOKS = frozenset(name for name in vars(specs) if name.startswith(PREFIX))
MODULES = "crm_register_modules"
NOTICES = HOOKS - {kind.hook for kind in KINDS}

Objects = Mapping[str, Mapping[str, Any]]


def load(
    setup: Setup,
    *,
    plugins: Mapping[str, Any] | None = None,
    blocked: frozenset[str] = frozenset(),
    admit: Admit = anyone,
) -> Registry:
    """Return what the installed plugins, and those given by name, register; blocked ones are left out.

    They are loaded by name: where two want the same name for something, the first in the alphabet has it. `admit` is asked
    about each module whose form is right, and raises where its plugin is to be left out.
    """
    assembly = _Assembly(setup, admit)
    for name, find in sorted((*_installed(blocked), *_given(plugins or {})), key=itemgetter(0)):
        assembly.add(name, find)
    known = {*installed(), *(plugins or {})} if blocked else set()
    assembly.faults.extend(_left_out(name, known) for name in sorted(blocked))
    return assembly.registry()


def _left_out(name: str, known: Collection[str]) -> Fault:
    """Return what is told of a name that is to be left out: of one that nothing has, that it does not work."""
    if name in known:
        return Fault(plugin=name, problem=BLOCKED)
    problem = f"it is blocked, but there is no plugin {name!r}{meant(name, known)}"
    return Fault(plugin=name, problem=problem, error=UnknownPlugin.__name__)


class _Assembly:
    """The registry while it is being put together."""

    def __init__(self, setup: Setup, admit: Admit) -> None:
        self._setup, self._admit = setup, admit
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(specs)
        self._owners: dict[tuple[str, str], str] = {}
        self._objects: dict[str, dict[str, Any]] = {kind.place: {} for kind in KINDS}
        self._listeners: dict[str, list[tuple[str, Callable[..., None]]]] = {}
        self._loaded: list[Loaded] = []
        self.faults: list[Fault] = []

    def add(self, name: str, find: Callable[[], Any]) -> None:
        """Take one plugin in, whole or not at all."""
        try:
            plugin = find()
            check(name, plugin, HOOKS)
            objects = self._objects_of(name, plugin)
            self._keep(name, plugin, objects)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is its own fault, never the host's
            self.faults.append(_fault(name, error))

    def registry(self) -> Registry:
        listeners = {hook: tuple(found) for hook, found in self._listeners.items()}
        return Registry(plugins=tuple(self._loaded), faults=tuple(self.faults), listeners=listeners, **self._objects)

    def _objects_of(self, name: str, plugin: Any) -> list[tuple[Kind, str, Any]]:
        try:
            self._manager.register(plugin, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise HookMismatch(plugin=name, problem=str(error)) from error
        try:
            return [
                (kind, self._checked(name, kind, one), one)
                for kind in KINDS
                for impl in self._impls(kind.hook, plugin)
                for one in _sequence(name, kind, impl(self._setup))
            ]
        except BaseException:
            self._manager.unregister(plugin)
            raise

    def _impls(self, hook: str, plugin: Any) -> Iterator[Callable[..., Any]]:
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            if impl.plugin is plugin:
                yield impl.function

    def _checked(self, plugin: str, kind: Kind, one: Any) -> str:
        missing = [need for need in ("name", "contract", *kind.needs) if not hasattr(one, need)]
        if missing:
            problem = f"{type(one).__name__} is no {kind.name}: it lacks {', '.join(missing)}"
            raise LoadError(plugin=plugin, problem=problem)
        name = checked_name(one.name, kind.name, f"plugin {plugin}")
        if type(one.contract) is not int or one.contract != CONTRACTS[kind.name]:
            raise ContractVersion(plugin=plugin, kind=kind.name, found=one.contract, needed=CONTRACTS[kind.name])
        for member in kind.needs:
            form = kind.forms.get(member, Callable)
            if not isinstance(found := getattr(one, member), form):
                problem = (
                    f"what {kind.name} {name!r} has for {member} is no {form.__name__}, but {type(found).__name__}"
                )
                raise LoadError(plugin=plugin, problem=problem)
        if kind.name == "module":
            in_form(plugin, one)
            self._admit(plugin, one)
        return f"{one.channel}/{name}" if kind.name == "provider" else name

    def _keep(self, name: str, plugin: Any, objects: Sequence[tuple[Kind, str, Any]]) -> None:
        taken, version = dict(self._owners), version_of(plugin)
        for what, called in _names(objects):
            owner = taken.setdefault((what, called), "")
            taken[what, called] = name
            if owner:
                self._manager.unregister(plugin)
                raise NameTaken(plugin=name, kind=what, name=called, owner=owner)
        self._owners = taken
        for kind, key, one in objects:
            self._objects[kind.place][key] = one
        heard = {} if self._is_idle(plugin, objects) else self._heard(name, plugin)
        for hook, impls in heard.items():
            if impls:
                self._listeners.setdefault(hook, []).extend(impls)
        registers = tuple(f"{kind.name} {key}" for kind, key, _ in objects)
        listens = tuple(hook for hook, impls in heard.items() if impls)
        self._loaded.append(Loaded(name=name, version=version, registers=registers, listens=listens))

    def _heard(self, name: str, plugin: Any) -> dict[str, list[tuple[str, Callable[..., None]]]]:
        return {hook: [(name, impl) for impl in self._impls(hook, plugin)] for hook in sorted(NOTICES)}

    def _is_idle(self, plugin: Any, objects: Sequence[tuple[Kind, str, Any]]) -> bool:
        """Tell whether a plugin has modules and registers none, as its settings name none: then there is nobody to tell."""
        return any(self._impls(MODULES, plugin)) and not any(kind.hook == MODULES for kind, _, _ in objects)


def _names(objects: Iterable[tuple[Kind, str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield what nobody else may call something: modules `a` and `a_b` may both mean a table crm_a_b_c."""
    for kind, key, one in objects:
        yield kind.name, key
        if kind.name == "module" and one.schema is not None:
            yield from (("table", table.name) for table in one.schema.metadata.tables.values())


def _fault(plugin: str, error: BaseException) -> Fault:
    kind = type(error).__name__
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - a plugin's own error may fail to say what it is
        said = "what it says cannot be read"
    return Fault(plugin=plugin, problem=said if isinstance(error, CRMError) else f"{kind}: {said}", error=kind)


def _sequence(plugin: str, kind: Kind, answer: Any) -> Iterable[Any]:
    if not isinstance(answer, list | tuple):
        raise LoadError(plugin=plugin, problem=f"{kind.hook} returned {type(answer).__name__}, no list or tuple")
    return answer


def installed() -> list[str]:
    """Return the names of the plugins that are installed beside the core."""
    return sorted({one.name for one in entry_points(group=GROUP)})


def _installed(blocked: frozenset[str]) -> list[tuple[str, Callable[[], Any]]]:
    brought: dict[str, list[EntryPoint]] = {}
    for one in entry_points(group=GROUP):
        if one.name not in blocked:
            brought.setdefault(one.name, []).append(one)
    return [(name, partial(_only, name, found)) for name, found in brought.items()]


def _only(name: str, found: Sequence[EntryPoint]) -> Any:
    if len({one.value for one in found}) > 1:
        one, other, *_ = sorted(str(getattr(one.dist, "name", one.value)) for one in found)
        raise NameTaken(plugin=other, kind="plugin", name=name, owner=one)
    return found[0].load()


def _given(plugins: Mapping[str, Any]) -> list[tuple[str, Callable[[], Any]]]:
    return [(name, partial(_itself, plugin)) for name, plugin in plugins.items()]


def _itself(plugin: Any) -> Any:
    return plugin
