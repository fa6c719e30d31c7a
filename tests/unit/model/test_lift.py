"""A lift is said with an interval that holds as often as it says, or with the reason why there is none."""

from __future__ import annotations

import math
from collections import Counter
from statistics import fmean, variance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.model.lift import Amounts, Arm, of_means, of_shares, sample_ratio, student
from crmcore.model.time import DAY

HORIZON = 14 * DAY
MEN, NO_MAIL = Arm(customers=21307, converted=3894), Arm(customers=21306, converted=2262)


def shares(treated, held_out, confidence=0.95):
    arms = [Arm(customers=customers, converted=converted) for converted, customers in (treated, held_out)]
    return of_shares(*arms, horizon=HORIZON, confidence=confidence)


def means(treated, held_out, confidence=0.95):
    arms = [Amounts.of(len(values), Counter(values)) for values in (treated, held_out)]
    return of_means(*arms, horizon=HORIZON, confidence=confidence)


def test_the_lift_of_the_hillstrom_mens_mail_on_visits_is_as_published():
    # MineThatData 2008: 18.276 % of 21,307 against 10.617 % of 21,306; standard error .00339, unpooled.
    found = of_shares(MEN, NO_MAIL, horizon=HORIZON)
    assert found.difference == pytest.approx(0.07659, abs=5e-6)
    assert found.standard_error == pytest.approx(0.00339, abs=5e-6)


def test_a_lift_names_its_denominators_its_horizon_and_its_method():
    found = of_shares(MEN, NO_MAIL, horizon=HORIZON)
    assert (found.treated_customers, found.held_out_customers, found.horizon) == (21307, 21306, HORIZON)
    assert (found.method, found.confidence) == ("Newcombe hybrid score", 0.95)
    assert (found.treated, found.held_out) == (MEN.mean, NO_MAIL.mean)


def test_the_interval_of_shares_is_that_of_newcombes_paper():
    # Newcombe 1998, table II, method 10, example (a): 56/70 against 48/80.
    found = shares((56, 70), (48, 80))
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def chance(count, total, probability):
    return math.comb(total, count) * probability**count * (1 - probability) ** (total - count)


@pytest.mark.parametrize(
    ("sizes", "truths"),
    [((60, 60), (0.5, 0.5)), ((60, 60), (0.8, 0.6)), ((160, 40), (0.3, 0.3)), ((300, 100), (0.15, 0.1))],
    ids=str,
)
def test_of_all_outcomes_that_can_be_the_interval_holds_the_truth_in_93_to_97_of_100(sizes, truths):
    said = held = 0.0
    for treated in range(sizes[0] + 1):
        weight = chance(treated, sizes[0], truths[0])
        for held_out in range(sizes[1] + 1) if weight > 1e-6 else ():
            found, likely = shares((treated, sizes[0]), (held_out, sizes[1])), chance(held_out, sizes[1], truths[1])
            if found.low is not None:
                said += weight * likely
                held += weight * likely * (found.low <= truths[0] - truths[1] <= found.high)
    assert said > 0.8
    assert 0.93 <= held / said <= 0.97


@pytest.mark.parametrize(
    ("treated", "held_out", "silence"),
    [
        ((29, 5000), (0, 500), "29 of both arms together converted, and an interval takes 30"),
        ((30, 5000), (0, 500), ""),
        ((90, 100), (81, 100), "29 of both arms together did not convert, and an interval takes 30"),
        ((500, 1000), (15, 29), "29 customers are in one arm, and an interval takes 30"),
        ((500, 1000), (15, 30), ""),
    ],
)
def test_of_few_there_is_a_difference_but_no_interval(treated, held_out, silence):
    found = shares(treated, held_out)
    assert found.silence == silence
    assert (found.low is None, found.high is None) == (bool(silence),) * 2
    assert found.difference == pytest.approx(treated[0] / treated[1] - held_out[0] / held_out[1])


@pytest.mark.parametrize(("treated", "held_out"), [((0, 0), (1, 2)), ((1, 2), (0, 0))])
def test_nothing_is_compared_with_nobody(treated, held_out):
    assert shares(treated, held_out) is None


def counted(customers):
    return st.tuples(st.integers(0, customers), st.just(customers))


@settings(max_examples=50)
@given(counted(80), counted(300))
def test_the_other_way_round_a_lift_is_mirrored(one, other):
    there, back = shares(one, other), shares(other, one)
    assert there.difference == -back.difference
    if there.low is not None:
        assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))
        assert -1 - 1e-12 <= there.low <= there.difference <= there.high <= 1 + 1e-12


def test_the_surer_the_wider():
    widths = [found.high - found.low for found in (shares((56, 70), (48, 80), sure) for sure in (0.8, 0.95, 0.99))]
    assert widths == sorted(widths)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 10**12), min_size=2, max_size=30))
def test_sums_tell_the_moments_of_the_amounts_they_are_of(values):
    found = Amounts.of(len(values), Counter(values))
    assert found.mean == pytest.approx(fmean(values))
    assert found.variance == pytest.approx(variance(values))
    spread = max(values) - min(values)
    assert found.third == pytest.approx(
        fmean((value - fmean(values)) ** 3 for value in values), rel=1e-6, abs=1e-6 * (spread**3 + 1)
    )
    assert found.apart == len(values) - max(Counter(values).values())


def test_who_spent_nothing_need_not_be_counted():
    assert Amounts.of(5, {7: 2}) == Amounts.of(5, {7: 2, 0: 3})


def test_the_difference_of_means_and_its_interval_are_those_of_welch():
    treated, held_out = [3 * n for n in range(40)], [2 * n for n in range(50)]
    found = means(treated, held_out)
    assert found.standard_error == pytest.approx(math.sqrt(1230 / 40 + 850 / 50))
    # scipy.stats.ttest_ind(treated, held_out, equal_var=False).confidence_interval(), of scipy 1.17.
    assert (found.low, found.high) == (pytest.approx(-4.263788, abs=1e-5), pytest.approx(23.263788, abs=1e-5))
    assert (found.method, found.treated_customers, found.held_out_customers) == ("Welch t", 40, 50)


@pytest.mark.parametrize(
    ("treated", "held_out", "silence"),
    [
        ([*range(1000)], [*range(29)], "29 customers are in one arm, and an interval takes 30"),
        ([5] * 100, [5] * 100, "0 of both arms together have another amount than most, and an interval takes 60"),
        ([0] * 500 + [5] * 29, [0] * 500 + [5] * 30, "59 of both arms together"),
        ([0] * 500 + [5] * 30, [0] * 500 + [5] * 30, ""),
        ([0] * 29 + [5] * 500, [0] * 30 + [5] * 500, "59 of both arms together"),
        ([*range(950), 40_000] * 20, [*range(950), 40_000], "too skew for arms so unlike in size"),
        ([*range(950), 40_000], [*range(950), 40_000], ""),
    ],
    ids=[
        "a small arm",
        "all the same",
        "few spent",
        "enough spent",
        "few did not",
        "skew and unlike in size",
        "skew and alike",
    ],
)
def test_of_few_or_skew_amounts_there_is_a_difference_but_no_interval(treated, held_out, silence):
    found = means(treated, held_out)
    assert silence in found.silence
    assert (found.low is None, found.high is None) == (bool(silence),) * 2 == (bool(found.silence),) * 2


def test_a_mean_of_one_customer_is_compared_with_nothing():
    assert means([5], [5, 7]) is None


@pytest.mark.parametrize(
    ("confidence", "freedom", "quantile"),
    [
        (0.95, 10, 2.228),
        (0.95, 29, 2.045),
        (0.95, 60, 2.000),
        (0.95, 120, 1.980),
        (0.95, math.inf, 1.960),
        (0.99, 29, 2.756),
        (0.9, 29, 1.699),
    ],
)
def test_students_quantile_is_that_of_the_tables(confidence, freedom, quantile):
    assert student(confidence, freedom) == pytest.approx(quantile, abs=5e-4)


@pytest.mark.parametrize(
    ("treated", "held_out", "share", "alarm"),
    [
        (900, 100, 0.1, False),
        (920, 80, 0.1, False),
        (935, 65, 0.1, True),
        (821588, 815482, 0.5, True),
        (500, 500, 0.1, True),
    ],
)
def test_arms_of_other_sizes_than_planned_raise_an_alarm(treated, held_out, share, alarm):
    assert sample_ratio(treated, held_out, share).alarm is alarm


def test_a_ratio_of_arms_is_as_likely_as_chi_square_says():
    # 3.8415 and 10.8276 are the quantiles .95 and .999 of one degree of freedom.
    found = sample_ratio(50_000 + 310, 50_000 - 310, 0.5)
    assert found.chi_square == pytest.approx(310**2 / 25_000)
    assert found.probability == pytest.approx(0.05, abs=0.001)
    assert sample_ratio(50_000 + 520, 50_000 - 520, 0.5).alarm is False
    assert sample_ratio(50_000 + 521, 50_000 - 521, 0.5).alarm is True


@pytest.mark.parametrize(("customers", "share"), [(99, 0.1), (1000, 0), (0, 0.5)])
def test_a_ratio_of_which_too_little_is_expected_is_not_judged(customers, share):
    assert sample_ratio(customers, 0, share) is None
