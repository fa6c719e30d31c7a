"""Recommendation engines for crmcore: popular, repeat, also_bought, als. numpy is imported when one is first used."""

from __future__ import annotations

from collections.abc import Sequence

from crm_recommend.engine import Engine
from crm_recommend.settings import SETTINGS, checked
from crmcore.hooks.marker import implements
from crmcore.hooks.recommender import Recommender
from crmcore.hooks.setup import Setup
from crmcore.hooks.specs import crm_register_recommenders

__version__ = "0.1.0"

__all__ = ["__version__", "recommenders"]


@implements(crm_register_recommenders)
def recommenders(setup: Setup) -> Sequence[Recommender]:
    """Return the engines, with the settings of [recommend.<engine>]."""
    return [Engine(name, checked(name, setup.section(f"recommend.{name}"))) for name in SETTINGS]
