"""A customer's share: everything that is held, in the tables and by the modules."""

from __future__ import annotations

import json

import pytest

from crmcore.errors import ModuleFailed, UnknownCustomer


def test_a_share_has_what_every_table_holds(shop, campaign):
    shop.launch(campaign)
    shop.work()
    share = shop.export("ada")
    core = share["core"]
    assert {one["value"] for one in share["identities"]} == {"ada", "ada@example.com", "cookie"}
    assert {one["text"] for one in core["attribute"]} == {"Ada", "ada@example.com"}
    assert [one["ref"] for one in core["event"] if one["name"] == "order_placed"] == ["order-ada"]
    assert [one["context"]["customer"]["name"] for one in core["delivery"]] == ["Ada"]
    assert [one["purpose"] for one in core["consent"]] == ["newsletter"]


def test_a_share_has_nothing_of_others(shop, campaign):
    shop.launch(campaign)
    shop.work()
    assert "bob" not in json.dumps(shop.export("ada")).lower()


def test_a_share_is_what_json_can_hold_and_gives_back(shop):
    share = shop.export("ada")
    assert json.loads(json.dumps(share)) == share
    assert share["customer"] == str(shop.customer("ada").id)
    assert share["exported_at"].startswith("2026-03-01T12:00")


def test_whoever_was_merged_is_part_of_it(shop):
    shop.identify("second", {"city": "Bandung"})
    shop.merge("second", "ada", force=True)
    share = shop.export({"anonymous": "cookie"})
    assert share == shop.export("second") | {"core": share["core"]}
    assert len(share["core"]["customer"]) == 2
    assert "Bandung" in {one["text"] for one in share["core"]["attribute"]}


def test_modules_give_their_share_of_the_customer_and_of_all_that_was_merged_into_it(shop):
    shop.identify("second")
    shop.merge("second", "ada", force=True)
    noted = shop.export("ada")["modules"]["notebook"]
    assert str(shop.customer("ada").id) in noted
    assert len(noted) == 2
    assert all(said == {"noted": one} for one, said in noted.items())


def test_a_module_that_fails_is_named(shop, notebook):
    notebook.fails = RuntimeError("secret of ada")
    with pytest.raises(ModuleFailed, match=r"'notebook' could not export .*RuntimeError") as failed:
        shop.export("ada")
    assert "secret" not in str(failed.value)


def test_whom_nobody_knows_has_no_share(shop):
    with pytest.raises(UnknownCustomer):
        shop.export("nobody")


def test_what_a_host_has_committed_is_in_it(shop):
    with shop._opened.engine.begin() as connection:
        shop.using(connection).track("page_viewed", "ada")
    assert "page_viewed" in {one["name"] for one in shop.export("ada")["core"]["event"]}
