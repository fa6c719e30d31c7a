"""The welcome, day by day."""

from welcome import TEMPLATES, WELCOME

DAY = 86_400_000_000


def test_three_messages_on_day_0_3_and_7(shop):
    crm = shop(TEMPLATES, "ada")
    crm.launch(WELCOME)
    crm.track("signed_up", "ada")
    start = crm.now()
    crm.turn("30d")
    assert [(one.step, (one.at - start) // DAY) for one in crm.sent] == [("hello", 0), ("tips", 3), ("favourites", 7)]


def test_whoever_orders_gets_no_more(shop):
    crm = shop(TEMPLATES, "ada", "bob")
    crm.launch(WELCOME)
    for name in ("ada", "bob"):
        crm.track("signed_up", name)
    crm.turn("4d")
    crm.track("order_placed", "ada", amount=1250, currency="EUR")
    crm.turn("30d")
    assert [one.customer for one in crm.sent if one.step == "favourites"] == ["bob"]


def test_a_second_sign_up_is_no_second_welcome(shop):
    crm = shop(TEMPLATES, "ada")
    crm.launch(WELCOME)
    for _ in range(2):
        crm.track("signed_up", "ada")
        crm.turn("30d")
    assert len(crm.sent) == 3


def test_what_ada_reads(shop):
    crm = shop(TEMPLATES, "ada")
    crm.launch(WELCOME)
    crm.track("signed_up", "ada")
    crm.turn("3d")
    assert (
        crm.transcript()
        == """\
2026-01-01 09:00
  ada  welcome/hello  email
      Welcome
      Good to have you, Ada.
2026-01-04 09:00
  ada  welcome/tips  email
      Three tips
      How others use it, Ada."""
    )
