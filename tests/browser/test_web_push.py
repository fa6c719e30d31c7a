"""Web Push from a campaign to a click in Firefox: encrypted, carried, decrypted, shown, reported, taken into the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from crm_push.vapid import new_keys
from crmcore import CRM
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.testing.standins.certificates import Authority
from tests.browser.loop import Run, entered
from tests.browser.push_service import BrowsersPushService
from tests.browser.serving import served_asgi
from tests.browser.site import ADA, Site
from tests.browser.windows import Browser, Tab

SUBSCRIBE = """
async publicKey => {
    const {subscribe} = await import("/crm-push.js");
    const save = subscription => fetch("/subscriptions", {method: "POST", body: JSON.stringify(subscription)});
    return (await subscribe({publicKey, save})).state;
}
"""
UNSUBSCRIBE = """
async () => {
    const {unsubscribe} = await import("/crm-push.js");
    return await unsubscribe();
}
"""
SHOWN = """
async () => {
    const worker = await navigator.serviceWorker.ready;
    return (await worker.getNotifications()).map(one => `${one.title}: ${one.body}`);
}
"""
DECRYPTION_FAILED = 101
GONE = 410


def _name(title: str) -> str:
    return title.lower().replace(" ", "_")


@attrs.frozen(kw_only=True)
class Shop:
    """A shop, its site in a tab, and Ada before it."""

    run: Run
    site: Site
    tab: Tab
    crm: CRM

    def subscribe(self, public_key: str = "") -> str:
        """Have Ada say that she wants pushes; return what came of it."""
        return str(self.tab.call(SUBSCRIBE, public_key or self.site.keys.public))

    def send(self, title: str, **parts: str) -> None:
        """Send Ada a message that bears its name, and wait until it has gone."""
        name = _name(title)
        self.crm.save_template(name, "push", {"title": title, "body": "Hej {{ customer.key }}", **parts})
        self.crm.send(name, to=ADA, channel="push")
        self.crm.work()

    def states(self, *titles: str) -> list[str]:
        """Where messages stand, one after the other."""
        return [row.state for title in titles for row in self.crm.deliveries(f"send:{_name(title)}:push")]

    def shown(self) -> list[str]:
        """The notifications that are to be seen."""
        return list(self.tab.call(SHOWN))

    def told(self) -> list[str]:
        """What is known to have happened to Ada, oldest first."""
        return [one.name for one in reversed(self.crm.timeline(ADA))]

    def reported(self) -> None:
        """Wait until the CRM has taken a report of the browser."""
        self.run(self.site.reported())

    def addresses(self) -> set[str]:
        """Where Ada's browsers are reached."""
        ada = self.crm.customer(ADA)
        return {one.value for one in set(ada.identities) - set(ada.removed) if one.kind == "webpush"}


@pytest.fixture
def site(run: Run, authority: Authority, tmp_path: Path) -> Iterator[Site]:
    """A site on a port of its own: what one test has subscribed to is nothing to the next."""
    site = Site(tmp_path, authority.ca_file)
    with entered(run, served_asgi(site.application())) as origin:
        site.begin(origin)
        yield site
    site.crm.close()


@pytest.fixture
def visited(run: Run, browser: Browser, site: Site) -> Shop:
    site.crm.identify(ADA)
    site.crm.consent(ADA, "retention")
    tab = browser.open(site.origin)
    run(site.visit())
    return Shop(run=run, site=site, tab=tab, crm=site.crm)


@pytest.fixture
def shop(browser: Browser, visited: Shop) -> Shop:
    browser.allow_notifications(visited.site.origin)
    assert visited.subscribe() == "subscribed"
    return visited


def test_what_a_campaign_sends_is_shown_and_reported_as_delivered(shop: Shop):
    shop.crm.save_template("winter", "push", {"title": "Winter sale", "body": "Hej {{ customer.key }}"})
    winter = Campaign(name="winter", purpose="retention", audience=everyone(), channel="push", template="winter")
    shop.crm.launch(winter)
    assert shop.crm.work().sent == 1
    shop.reported()
    assert shop.shown() == ["Winter sale: Hej ada"]
    assert [one.state for one in shop.crm.deliveries("winter")] == ["delivered"]


def test_a_click_opens_the_page_and_is_reported(shop: Shop, browser: Browser):
    shop.send("Click me", url="/offers/7")
    shop.reported()
    browser.click_notification("Click me")
    shop.reported()
    assert shop.run(shop.site.visit()) == "/offers/7"
    assert "message_clicked" in shop.told()


def test_what_is_encrypted_for_another_browser_is_not_shown(shop: Shop, push_service: BrowsersPushService):
    [address] = shop.addresses()
    endpoint, key, _ = address.split(" ")
    shop.crm.identify("eve", {"name": "Eve"})
    shop.crm.identify({"key": "eve", "webpush": f"{endpoint} {key} {'A' * 22}"})
    shop.crm.save_template("secret", "push", {"title": "Secret", "body": "."})
    shop.crm.send("secret", to="eve", channel="push")
    shop.crm.work()
    shop.run(push_service.until(lambda service: DECRYPTION_FAILED in service.acknowledged))
    assert shop.shown() == []


def test_a_message_goes_to_every_browser_of_a_customer(shop: Shop, browser: Browser):
    another = browser.another()
    another.allow_notifications(shop.site.origin)
    there = attrs.evolve(shop, tab=another.open(shop.site.origin))
    assert there.subscribe() == "subscribed"
    shop.send("To both")
    shop.reported()
    shop.reported()
    assert shop.shown() == there.shown() == ["To both: Hej ada"]
    assert shop.states("To both") == ["delivered", "delivered"]


def test_an_address_that_is_gone_is_removed(shop: Shop, push_service: BrowsersPushService):
    assert shop.tab.call(UNSUBSCRIBE)
    shop.send("Too late")
    assert push_service.answers[-1] == GONE
    assert shop.states("Too late") == ["failed"]
    assert shop.addresses() == set()
    assert "address_removed" in shop.told()


def test_what_has_no_lifetime_never_reaches_a_browser_that_is_away(shop: Shop, push_service: BrowsersPushService):
    with entered(shop.run, push_service.unreachable()):
        shop.send("Now or never", ttl="0s")
        shop.send("Later")
    shop.reported()
    assert shop.shown() == ["Later: Hej ada"]
    assert shop.states("Now or never", "Later") == ["accepted", "delivered"]


def test_of_one_topic_only_the_newest_arrives(shop: Shop, push_service: BrowsersPushService):
    with entered(shop.run, push_service.unreachable()):
        for title in ("In 3 days", "In 2 days", "Tomorrow"):
            shop.send(title, topic="parcel")
        shop.send("Something else")
    shop.reported()
    shop.reported()
    assert set(shop.shown()) == {"Tomorrow: Hej ada", "Something else: Hej ada"}
    assert shop.states("In 3 days", "In 2 days", "Tomorrow") == ["accepted", "accepted", "delivered"]


def test_who_says_no_is_not_subscribed(browser: Browser, visited: Shop):
    browser.deny_notifications(visited.site.origin)
    assert visited.subscribe() == "denied"
    assert visited.addresses() == set()


def test_a_subscription_with_another_key_takes_the_place_of_the_old_one(shop: Shop, push_service: BrowsersPushService):
    before = shop.addresses()
    assert shop.subscribe(new_keys().public) == "subscribed"
    assert len(shop.addresses() - before) == 1
