from __future__ import annotations

import subprocess
import sys

import pytest

from crm_recommend import recommenders
from crm_recommend.settings import SETTINGS, checked
from crmcore.errors import BadConfig
from crmcore.hooks.setup import Setup
from crmcore.testing.clock import TurnedClock


def registered(tables):
    return {one.name: one for one in recommenders(Setup(clock=TurnedClock(0), settings=tables))}


def test_all_engines_register_with_what_their_sections_say():
    engines = registered({"recommend": {"popular": {"half_life": 3}}})
    assert set(engines) == set(SETTINGS)
    assert engines["popular"].settings.half_life == 3.0


@pytest.mark.parametrize(("engine", "key"), [("popular", "half_life"), ("also_bought", "support")])
def test_an_environment_variable_is_text_and_does_as_well(engine, key):
    assert getattr(checked(engine, {key: "5"}), key) == 5


@pytest.mark.parametrize(
    ("engine", "key", "value"),
    [
        ("popular", "half_live", 3),
        ("popular", "half_life", 0),
        ("popular", "window", -1),
        ("popular", "half_life", True),
        ("popular", "half_life", [1]),
        ("popular", "half_life", 10**400),
        ("repeat", "half_life", float("nan")),
        ("repeat", "popular_weight", float("inf")),
        ("also_bought", "support", 2.5),
        ("also_bought", "support", "2.5"),
        ("also_bought", "support", float("inf")),
        ("also_bought", "support", 10**400),
        ("als", "factors", "many"),
        ("als", "alpha", None),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_naming_engine_and_key(engine, key, value):
    with pytest.raises(BadConfig) as caught:
        registered({"recommend": {engine: {key: value}}})
    assert (caught.value.fields["engine"], caught.value.fields["key"]) == (engine, key)


def test_loading_the_plugin_loads_no_numpy():
    program = (
        "import sys, crm_recommend\n"
        "from crmcore.hooks.setup import Setup\n"
        "from crmcore.testing.clock import TurnedClock\n"
        "crm_recommend.recommenders(Setup(clock=TurnedClock(0)))\n"
        "print({'numpy', 'scipy', 'implicit'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
