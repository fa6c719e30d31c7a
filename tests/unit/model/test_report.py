"""Lift is a difference of shares with its interval."""

import pytest

from crmcore.model.report import Arm, lift


def test_the_lift_of_the_hillstrom_mens_mail_on_visits_is_as_published():
    # MineThatData 2008: 18.276 % of 21,307 against 10.617 % of 21,306; standard error .00339, unpooled.
    found = lift(Arm(customers=21307, converted=3894), Arm(customers=21306, converted=2262))
    assert found is not None
    assert found.difference == pytest.approx(0.07659, abs=5e-6)
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(0.00339, abs=5e-6)


def test_nothing_is_compared_with_nobody():
    assert lift(Arm(customers=10, converted=3), Arm(customers=0, converted=0)) is None
