"""A channel with a carrier for each kind of address: each message goes by the one that takes its address."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.cli.checking import faults
from crmcore.errors import SettingsError
from crmcore.hooks.provider import Permanent
from crmcore.loader import installed
from tests.flow.devices import Carrier, Devices, customer, launch, reached


@pytest.fixture
def carriers():
    devices = Devices(address_kinds=frozenset({"fcm"}))
    return {"fcm": devices, "apns": Carrier("apns"), "webpush": Carrier("webpush")}


@pytest.fixture
def opening(new_database, clock):
    opened = []

    def opening(carriers, **given) -> CRM:
        made = CRM(new_database("push.db"), clock=clock, plugins=carriers, blocked=installed(), **given)
        opened.append(made)
        return made

    yield opening
    for one in opened:
        one.close()


def use(*names):
    return {"channels": {"push": {"provider": list(names)}}}


def test_each_kind_of_address_goes_by_its_carrier(opening, carriers):
    crm = opening(carriers)
    customer(crm, "ada", ("fcm", "f"), ("apns", "a"), ("webpush", "w"))
    launch(crm)
    crm.work()
    assert {name: reached(one) for name, one in carriers.items()} == {"fcm": ["f"], "apns": ["a"], "webpush": ["w"]}


def test_a_kind_that_no_carrier_takes_fails_with_the_reason(opening, carriers):
    del carriers["apns"]
    crm = opening(carriers)
    customer(crm, "ada", ("apns", "a"))
    customer(crm, "bob", ("fcm", "f"))
    launch(crm)
    worked = crm.work()
    report = crm.report("news")
    assert (report.sent, report.failed) == (1, {"carrier: none that push uses takes addresses of the kind apns": 1})
    assert (worked.failed, report.waiting) == (1, 0)


def test_what_no_carrier_took_goes_once_there_is_one_and_it_is_tried_again(opening, carriers):
    apns = carriers.pop("apns")
    crm = opening(carriers)
    customer(crm, "ada", ("apns", "a"))
    launch(crm)
    crm.work()
    crm = opening({**carriers, "apns": apns})
    crm.retry("news")
    crm.work()
    assert reached(apns) == ["a"]


def test_the_settings_name_the_carriers_in_the_order_they_are_preferred(opening, carriers):
    every = Carrier("every", address_kinds=frozenset())
    crm = opening({**carriers, "every": every}, **use("webpush", "every"))
    customer(crm, "ada", ("fcm", "f"), ("apns", "a"), ("webpush", "w"))
    launch(crm)
    crm.work()
    assert (reached(carriers["webpush"]), reached(every), reached(carriers["fcm"])) == (["w"], ["a", "f"], [])


def test_each_carrier_is_given_no_more_at_once_than_it_carries(opening, carriers):
    sizes = []
    carriers["apns"] = Carrier("apns", batch=2)
    given = carriers["apns"].send
    carriers["apns"].send = lambda batch: (sizes.append(len(batch)), given(batch))[1]
    crm = opening(carriers)
    for n in range(5):
        customer(crm, str(n), ("apns", f"a{n}"), ("fcm", f"f{n}"))
    launch(crm)
    crm.work()
    assert (sum(sizes), max(sizes)) == (5, 2)
    assert crm.report("news").sent == 5


def test_a_carrier_whose_circuit_is_open_keeps_no_other_waiting(opening, carriers):
    def refused(message):
        return Permanent(delivery_id=message.delivery_id, fault="sender", code="no key")

    carriers["fcm"].answer = refused
    crm = opening(carriers)
    for n in range(20):
        customer(crm, str(n), ("fcm", f"f{n}"))
    launch(crm)
    crm.work()
    customer(crm, "ada", ("apns", "a"))
    launch(crm, "more")
    before = len(carriers["fcm"].sent)
    crm.work()
    assert reached(carriers["apns"]) == ["a"]
    assert len(carriers["fcm"].sent) == before


def test_doctor_opens_the_carriers_that_carry_anything_and_no_others(opening, carriers):
    def closed():
        raise SettingsError(key="push.apns", place="the settings", problem="there is no key")

    carriers["apns"].open = closed
    spare = Carrier("spare", address_kinds=frozenset())
    spare.open = closed
    crm = opening({**carriers, "spare": spare})
    launch(crm)
    assert [one.problem for one in faults(crm) if "no key" in one.problem]
    named = opening({**carriers, "spare": spare}, **use("recorder", "webpush"))
    assert not [one.problem for one in faults(named) if "no key" in one.problem]


def test_a_carrier_is_opened_before_it_is_handed_anything(opening):
    """Whoever dies while it is opened leaves nothing in doubt."""
    seen = []

    class Slow(Devices):
        def open(self):
            seen.extend(one.state for one in crm.deliveries("news"))
            return super().open()

    crm = opening({"slow": Slow()})
    customer(crm, "ada", ("fcm", "phone"))
    launch(crm)
    crm.work()
    assert seen == ["claimed"]
