"""What tests of privacy share: a shop with two customers, one of them merged from two."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.testing.fakes import Recorder
from tests.flow.privacy.listening import Notebook


@pytest.fixture
def notebook():
    return Notebook()


@pytest.fixture
def carrier():
    return Recorder()


@pytest.fixture
def shop(new_database, clock, notebook, carrier):
    plugins = {"recorder": carrier, "notebook": notebook}
    with CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed(), actor="grace") as crm:
        for key in ("ada", "bob"):
            crm.identify(key, {"email": f"{key}@example.com", "name": key.title()})
            crm.consent(key, "newsletter")
            crm.track("order_placed", key, ref=f"order-{key}")
        crm.merge({"anonymous": "cookie"}, "ada")
        crm.save_template("hello", "note", {"text": "Dear {{ customer.name }}"})
        yield crm


@pytest.fixture
def campaign():
    return Campaign(name="news", purpose="newsletter", audience=everyone(), channel="note", template="hello")
