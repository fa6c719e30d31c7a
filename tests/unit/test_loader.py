"""A broken plugin becomes a Fault; the others load."""

from __future__ import annotations

import asyncio
import types
from unittest import mock

import pytest

from crmcore import loader
from crmcore.errors import UnknownPlugin
from crmcore.hooks.marker import hookimpl, hookspec, implements
from crmcore.hooks.setup import Setup
from crmcore.hooks.specs import crm_register_gates
from crmcore.testing.clock import TurnedClock
from crmcore.testing.fakes import Notes, Recorder

SETUP = Setup(clock=TurnedClock(0))
INSTALLED = frozenset(loader.installed())


def plugin(**members):
    return types.SimpleNamespace(**members)


def hook(function):
    return hookimpl(function)


def load(**plugins):
    return loader.load(SETUP, plugins={"good": Recorder(), **plugins}, blocked=INSTALLED)


def problem_of(bad):
    registry = load(bad=bad)
    assert list(registry.channels) == ["note"]
    assert [one.name for one in registry.plugins] == ["good"]
    [fault] = [one for one in registry.faults if one.plugin == "bad"]
    return fault.problem


def test_a_good_plugin_is_found():
    registry = load()
    assert registry.channel("note").name == "note"
    assert registry.provider("note", "recorder").name == "recorder"


def test_what_a_blocked_plugin_would_bring_is_not_there():
    assert {one.plugin for one in load().faults} == INSTALLED


def test_a_block_of_what_no_plugin_is_called_is_a_fault_and_others_are_a_choice():
    blocked = frozenset({"god", "good", "nothing_like_it"})
    faults = loader.load(SETUP, plugins={"good": Recorder()}, blocked=blocked | INSTALLED).faults
    said = {one.plugin: (one.problem, one.error) for one in faults}
    assert said["god"] == ("it is blocked, but there is no plugin 'god'; did you mean good?", "UnknownPlugin")
    assert said["nothing_like_it"][0].endswith("there is no plugin 'nothing_like_it'")
    assert {said[name] for name in {"good"} | INSTALLED} == {(loader.BLOCKED, "")}


def test_the_installed_plugins_load():
    registry = loader.load(SETUP)
    assert registry.faults == ()
    assert {"email"} <= set(registry.channels)
    assert {"popular", "repeat", "also_bought", "als"} <= set(registry.recommenders)


def test_an_import_that_fails_is_a_fault(monkeypatch):
    class Broken:
        name = value = "broken"

        def load(self):
            raise ImportError("no module named nowhere")

    monkeypatch.setattr(loader, "entry_points", lambda group: [Broken()])
    registry = loader.load(SETUP, plugins={"good": Recorder()})
    assert [(one.plugin, one.problem) for one in registry.faults] == [
        ("broken", "ImportError: no module named nowhere")
    ]
    assert list(registry.channels) == ["note"]


def test_a_hook_that_raises_is_a_fault():
    def crm_register_channels(setup):
        raise RuntimeError("boom")

    assert problem_of(plugin(crm_register_channels=hook(crm_register_channels))) == "RuntimeError: boom"


def test_a_misspelt_hook_is_a_fault_naming_the_right_one():
    def crm_register_chanels(setup):
        return []

    said = problem_of(plugin(crm_register_chanels=crm_register_chanels))
    assert "did you mean crm_register_channels" in said


def unknown_argument(setup, extra):
    return []


def other_name(plugin):
    return []


def no_argument():
    return []


def by_name_alone(*, setup):
    return []


async def awaited(setup):
    return []


def yielding(setup):
    yield Notes()


async def awaited_and_yielding(setup):
    yield Notes()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (unknown_argument, "extra"),
        (other_name, "plugin"),
        (no_argument, "does not take the one argument"),
        (by_name_alone, "does not take the one argument"),
        (awaited, "write def instead of async def"),
        (awaited_and_yielding, "write def instead of async def"),
        (yielding, "is a generator"),
    ],
)
@pytest.mark.parametrize("name", ["crm_register_channels", "crm_event_tracked"])
def test_what_cannot_be_called_as_hooks_are_is_a_fault(function, said, name):
    implementation = hookimpl(specname=name)(types.FunctionType(function.__code__, globals()))
    problem = problem_of(plugin(made=implementation))
    assert said in problem
    assert name in problem


def test_a_plugin_without_any_hook_is_a_fault():
    assert "implements no hook" in problem_of(plugin(__version__="1.0"))


def test_a_hook_that_nobody_has_marked_is_a_fault():
    assert "write @implements(crm_register_channels)" in problem_of(plugin(crm_register_channels=lambda setup: []))


def test_a_spec_that_a_plugin_imports_is_no_hook_of_its_own():
    def gates(setup):
        return []

    made = plugin(gates=implements(crm_register_gates)(gates), crm_register_gates=crm_register_gates)
    assert [one.name for one in load(good_too=made).plugins] == ["good", "good_too"]


def test_a_wrapper_is_a_fault():
    def wrapper(batch):
        yield

    assert "is a wrapper" in problem_of(plugin(made=hookimpl(wrapper=True, specname="crm_event_tracked")(wrapper)))


def test_a_plugin_that_ends_the_process_is_a_fault():
    def crm_register_channels(setup):
        raise SystemExit(3)

    assert problem_of(plugin(crm_register_channels=hook(crm_register_channels))) == "SystemExit: 3"


@pytest.mark.parametrize("raised", [asyncio.CancelledError, GeneratorExit])
def test_a_plugin_that_raises_what_is_no_exception_is_a_fault(raised):
    def crm_register_channels(setup):
        raise raised

    assert problem_of(plugin(crm_register_channels=hook(crm_register_channels))) == f"{raised.__name__}: "


def test_an_error_that_cannot_say_what_it_is_is_a_fault():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    def crm_register_channels(setup):
        raise MuteError

    assert problem_of(plugin(crm_register_channels=hook(crm_register_channels))).startswith("MuteError: ")


class Deprecated:
    """Specs of which one is to go."""

    @staticmethod
    @hookspec(warn_on_impl=DeprecationWarning("crm_event_tracked goes with 0.9; take crm_event_logged"))
    def crm_event_tracked(batch):
        """Events came into the log.

        .. deprecated:: 0.7
        """


def test_a_hook_that_is_to_go_warns_who_implements_it_and_is_called_all_the_same(monkeypatch):
    for name in loader.HOOKS - {"crm_event_tracked"}:
        monkeypatch.setattr(Deprecated, name, getattr(loader.specs, name), raising=False)
    monkeypatch.setattr(loader, "specs", Deprecated)

    def crm_event_tracked(batch):
        pass

    with pytest.warns(DeprecationWarning, match="goes with 0.9; take crm_event_logged"):
        registry = load(old=plugin(crm_event_tracked=hook(crm_event_tracked)))
    assert [name for name, _ in registry.listeners["crm_event_tracked"]] == ["old"]


def test_a_plugin_whose_settings_name_none_of_its_modules_is_told_nothing():
    class Idle:
        @hookimpl
        def crm_register_modules(self, setup):
            return []

        @hookimpl
        def crm_event_tracked(self, batch):
            raise AssertionError("nobody is there to be told")

    registry = load(idle=Idle())
    assert (dict(registry.listeners), [one.listens for one in registry.plugins]) == ({}, [(), ()])


def test_listeners_are_called_in_the_order_of_the_plugins_names():
    def crm_event_tracked(batch):
        pass

    made = {name: plugin(crm_event_tracked=hook(crm_event_tracked), __version__=name) for name in ("b", "c", "a")}
    assert [name for name, _ in load(**made).listeners["crm_event_tracked"]] == ["a", "b", "c"]


@pytest.mark.parametrize(("brings", "faults"), [(("one", "two"), 1), (("one", "one"), 0)])
def test_two_distributions_with_a_plugin_of_one_name_are_a_fault_naming_both(monkeypatch, brings, faults):
    class Found:
        name = "twice"

        def __init__(self, value):
            self.value, self.dist = value, types.SimpleNamespace(name=f"dist-{value}")

        def load(self):
            return Recorder()

    monkeypatch.setattr(loader, "entry_points", lambda group: [Found(one) for one in brings])
    problems = [one.problem for one in loader.load(SETUP).faults]
    assert len(problems) == faults
    assert all("dist-one" in one and "dist-two" in one for one in problems)


def test_a_name_that_one_plugin_takes_twice_is_a_fault():
    def crm_register_channels(setup):
        return [named("twice"), named("twice")]

    assert "'twice', which 'bad'" in problem_of(plugin(crm_register_channels=hook(crm_register_channels)))


@pytest.mark.parametrize("answer", [None, 5, "channels", {"a": 1}])
def test_an_answer_that_is_no_list_is_a_fault(answer):
    def crm_register_channels(setup):
        return answer

    assert "no list" in problem_of(plugin(crm_register_channels=hook(crm_register_channels)))


def test_an_object_that_is_no_channel_is_a_fault_naming_what_it_lacks():
    def crm_register_channels(setup):
        return [object()]

    assert "lacks name, contract, capabilities" in problem_of(plugin(crm_register_channels=hook(crm_register_channels)))


def named(name):
    made = Notes()
    made.name = name
    return made


def channel(**changes):
    made = Notes()
    for name, value in changes.items():
        setattr(made, name, value)

    def crm_register_channels(setup):
        return [made]

    return plugin(crm_register_channels=hook(crm_register_channels))


def test_another_version_of_the_contract_is_a_fault():
    assert "version 99 of the channel contract" in problem_of(channel(name="other", contract=99))


@pytest.mark.parametrize("version", [True, 1.0, mock.ANY])
def test_a_version_that_is_no_whole_number_is_another_one(version):
    assert "of the channel contract, this release speaks 1" in problem_of(channel(name="other", contract=version))


@pytest.mark.parametrize("capabilities", [None, {}, mock.MagicMock()])
def test_capabilities_of_another_form_are_a_fault(capabilities):
    assert "'other' has for capabilities is no Capabilities" in problem_of(
        channel(name="other", capabilities=capabilities)
    )


@pytest.mark.parametrize(("member", "value"), [("channel", None), ("carriage", {})])
def test_a_carrier_of_another_form_is_a_fault(member, value):
    made = Recorder().crm_register_providers(SETUP)[0]
    other = types.SimpleNamespace(name="other", channel="note", contract=1, carriage=made.carriage)
    setattr(other, member, value)

    def crm_register_providers(setup):
        return [other]

    assert f"'other' has for {member} is no" in problem_of(plugin(crm_register_providers=hook(crm_register_providers)))


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("erase", None, "has for erase is no Callable"),
        ("jobs", None, "has for jobs is no Iterable"),
        ("jobs", [types.SimpleNamespace(name="tidy", every=1.0)], "a job of it is no Job"),
        ("commands", [types.SimpleNamespace(name="show")], "a command of it is no Command"),
        ("routes", [types.SimpleNamespace(method="GET", path="/")], "a route of it is no Route"),
    ],
)
def test_a_module_of_another_form_is_a_fault(member, value, said):
    made = types.SimpleNamespace(name="wallet", contract=1, schema=None, jobs=(), commands=(), routes=())
    made.timeline = made.export = made.erase = lambda tables, customer_id: None
    setattr(made, member, value)

    def crm_register_modules(setup):
        return [made]

    assert said in problem_of(plugin(crm_register_modules=hook(crm_register_modules)))


def test_a_name_of_another_form_is_a_fault():
    assert "'Bad Name' is no valid channel name" in problem_of(channel(name="Bad Name"))


def test_a_name_taken_is_a_fault_naming_both():
    registry = load(later=channel())
    [fault] = [one for one in registry.faults if one.plugin == "later"]
    assert "'note', which 'good'" in fault.problem


def test_a_plugin_that_fails_leaves_nothing_behind():
    def crm_register_channels(setup):
        made = Notes()
        made.name = "other"
        return [made]

    def crm_register_providers(setup):
        raise RuntimeError("boom")

    bad = plugin(crm_register_channels=hook(crm_register_channels), crm_register_providers=hook(crm_register_providers))
    assert "other" not in load(bad=bad).channels


def test_a_plugin_that_cannot_say_its_version_leaves_nothing_behind():
    class Versionless:
        @property
        def __version__(self):
            raise RuntimeError

        @hookimpl
        def crm_register_channels(self, setup):
            return [named("other")]

    registry = load(bad=Versionless())
    assert "other" not in registry.channels
    assert "bad" in {one.plugin for one in registry.faults}


def test_what_is_not_there_is_an_error_naming_what_is():
    with pytest.raises(UnknownPlugin, match=r"'nope'.*note.*crm doctor"):
        load().channel("nope")


@pytest.mark.parametrize(
    ("ask", "package"),
    [
        (lambda found: found.channel("email"), "crm_email"),
        (lambda found: found.provider("email", "smtp"), "crm_email"),
        (lambda found: found.recommender("als"), "crm_recommend"),
    ],
)
def test_where_only_the_core_is_installed_the_package_that_is_missing_is_named(ask, package, monkeypatch):
    monkeypatch.setattr("crmcore.registry.find_spec", lambda _: None)
    with pytest.raises(UnknownPlugin, match=rf"known: none \(there is no plugin.*plugins/{package}\)\. `crm doctor`"):
        ask(loader.load(SETUP, blocked=INSTALLED))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda found: found.channel("push"), "crm_push is installed, and brings it once it loads"),
        (lambda found: found.provider("push", "fcm"), r"crm_push brings it where .* \[channels.push.fcm\]"),
    ],
)
def test_nobody_is_told_to_install_what_is_installed(ask, said):
    with pytest.raises(UnknownPlugin, match=said) as told:
        ask(load())
    assert "pip install" not in str(told.value)


def test_beside_other_channels_the_package_of_the_one_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("crmcore.registry.find_spec", lambda _: None)
    with pytest.raises(UnknownPlugin, match=r"known: note \(crm_email brings it"):
        load().channel("email")
