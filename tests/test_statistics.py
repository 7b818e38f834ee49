from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats import multitest

from reclib.statistics import ALPHA, Comparison, bootstrap_interval, compare, correct, t_interval


def of_p(p: float, difference: float = 0.1) -> Comparison:
    return Comparison(difference, (0.0, 0.2), 0.5, p, p)


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    inside = 0
    for seed in range(300):
        low, high = bootstrap_interval(random.exponential(size=80), seed=seed, n_resamples=400)
        inside += low <= 1.0 <= high
    assert 0.89 <= inside / 300 <= 0.98


def test_the_interval_narrows_with_the_level_and_repeats_with_the_seed() -> None:
    values = np.random.default_rng(1).normal(size=50)
    wide, narrow = (bootstrap_interval(values, seed=3, level=level) for level in (0.95, 0.5))
    assert wide[0] < narrow[0] < values.mean() < narrow[1] < wide[1]
    assert bootstrap_interval(values, seed=3) == wide
    assert bootstrap_interval(values, seed=4) != wide


@pytest.mark.parametrize("values", [[0.25], [0.25, 0.25, 0.25]])
def test_values_that_do_not_vary_have_an_interval_without_width(values: list[float]) -> None:
    assert bootstrap_interval(np.array(values), seed=0) == (0.25, 0.25)


def test_a_hundred_thousand_values_are_resampled_in_pieces() -> None:
    values = np.random.default_rng(2).random(100_000)
    low, high = bootstrap_interval(values, seed=0, n_resamples=50)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(1e5), rel=0.5)


def test_the_paired_test_sees_what_an_unpaired_one_would_miss() -> None:
    random = np.random.default_rng(3)
    users = random.random(200)
    better = users + 0.01 + random.normal(0, 0.02, 200)
    found = compare(better, users, seed=0)
    assert found.verb == "beats"
    assert found.interval[0] < found.difference == pytest.approx((better - users).mean())
    assert found.relative == pytest.approx(found.difference / users.mean())
    assert found.p_holm == found.p


def test_changing_sides_turns_the_verb_and_nothing_else() -> None:
    random = np.random.default_rng(4)
    a, b = random.normal(0.5, 0.1, 100), random.normal(0.4, 0.1, 100)
    there, back = compare(a, b, seed=0), compare(b, a, seed=0)
    assert (there.verb, back.verb) == ("beats", "falls behind")
    assert there.difference == -back.difference
    assert there.p == pytest.approx(back.p)


def test_equal_recommenders_are_level() -> None:
    values = np.random.default_rng(5).random(30)
    same = compare(values, values.copy(), seed=0)
    assert (same.p, same.difference, same.verb) == (1.0, 0.0, "is level with")
    assert compare(np.array([0.7]), np.array([0.1]), seed=0).verb == "is level with"


def test_the_share_of_nothing_is_not_a_number() -> None:
    assert np.isnan(compare(np.array([0.1, 0.3]), np.zeros(2), seed=0).relative)


def test_false_alarms_are_as_rare_as_alpha() -> None:
    random = np.random.default_rng(6)
    alarms = [compare(*random.random((2, 40)), seed=0).p < ALPHA for _ in range(60)]
    assert sum(alarms) <= 9  # 3 expected; more than 9 in one of a thousand draws


def test_different_users_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="3 and 2 users cannot be paired"):
        compare(np.zeros(3), np.zeros(2), seed=0)


def test_holm_by_hand() -> None:
    found = correct([of_p(p) for p in (0.04, 0.01, 0.03, 0.5)])
    # sorted .01 .03 .04 .5: times 4, 3, 2, 1 = .04 .09 .08 .5, and never below the one before
    assert [each.p_holm for each in found] == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert [each.verb for each in found] == ["is level with", "beats", *["is level with"] * 2]
    assert [each.p for each in found] == [0.04, 0.01, 0.03, 0.5]


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_makes_a_finding_stronger_and_keeps_the_order(ps: list[float]) -> None:
    found = correct([of_p(p) for p in ps])
    m = len(ps)
    for each in found:
        assert each.p <= each.p_holm <= min(1.0, m * each.p) + 1e-12
    ordered = sorted(found, key=lambda each: each.p)
    assert [each.p_holm for each in ordered] == sorted(each.p_holm for each in found)


@settings(max_examples=25, deadline=None)  # statsmodels collects garbage at every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_statsmodels_agrees(ps: list[float]) -> None:
    expected = multitest.multipletests(ps, method="holm")[1]
    np.testing.assert_allclose([each.p_holm for each in correct([of_p(p) for p in ps])], expected)


def test_a_correction_can_take_a_finding_back() -> None:
    alone, among_ten = of_p(0.02), correct([of_p(0.02)] * 10)[0]
    assert (alone.verb, among_ten.verb) == ("beats", "is level with")


def test_students_interval_is_that_of_scipy_and_unknown_for_one_value() -> None:
    values = np.array([0.30, 0.33, 0.31, 0.36])
    test = stats.ttest_1samp(values, 0.3)
    assert t_interval(values, level=0.9) == pytest.approx(test.confidence_interval(0.9))
    assert np.isnan(t_interval(values[:1])).all()


def test_differences_that_are_equal_but_for_rounding_are_equal() -> None:
    a, b = np.array([0.3, 0.8, 0.7]), np.array([0.2, 0.7, 0.6])
    assert 0 < np.ptp(a - b) < 1e-15
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare(a, b, seed=0)
    assert found.p == 1.0
    assert found.interval == (pytest.approx(0.1), pytest.approx(0.1))
