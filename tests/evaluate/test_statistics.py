"""The statistics against their definitions: exact values, brute force, and laws."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.evaluate.statistics import bootstrap_interval, exact_sign_test, pass_at_k

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=40)
SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize(
    ("n", "passed", "k", "expected"),
    [
        (2, 1, 1, 0.5),
        (2, 1, 2, 1.0),
        (4, 1, 2, 0.5),
        (4, 2, 2, 5 / 6),
        (10, 3, 5, 11 / 12),
        (5, 0, 5, 0.0),
        (1, 1, 1, 1.0),
    ],
)
def test_pass_at_k_of_known_cases(n: int, passed: int, k: int, expected: float) -> None:
    assert pass_at_k(n, passed, k) == pytest.approx(expected, abs=1e-15)


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_all_choices_of_k_that_hold_a_pass(case: tuple[int, int, int]) -> None:
    n, passed, k = case
    choices = list(combinations([True] * passed + [False] * (n - passed), k))
    assert pass_at_k(n, passed, k) == pytest.approx(sum(map(any, choices)) / len(choices), abs=1e-12)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
@settings(max_examples=60)
def test_pass_at_k_stays_exact_where_binomials_are_astronomical(case: tuple[int, int, int]) -> None:
    n, passed, k = case
    exact = 1 - Fraction(math.comb(n - passed, k), math.comb(n, k))
    assert pass_at_k(n, passed, k) == pytest.approx(float(exact), abs=1e-12)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_pass_at_1_is_the_share_that_passed_and_more_tries_never_hurt(case: tuple[int, int]) -> None:
    n, passed = case
    rates = [pass_at_k(n, passed, k) for k in range(1, n + 1)]
    assert rates[0] == pytest.approx(passed / n)
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(rates))
    assert rates[-1] == (1.0 if passed else 0.0)


@pytest.mark.parametrize(("n", "passed", "k"), [(2, 3, 1), (2, -1, 1), (2, 1, 3), (2, 1, 0), (0, 0, 1)])
def test_impossible_counts_are_refused(n: int, passed: int, k: int) -> None:
    with pytest.raises(ValueError, match="needs 0 <= passed <= n and 1 <= k <= n"):
        pass_at_k(n, passed, k)


@given(SHARES, SEEDS)
@settings(max_examples=50)
def test_an_interval_holds_the_mean_and_stays_within_the_values(values: list[float], seed: int) -> None:
    low, high = bootstrap_interval(values, seed=seed)
    mean = sum(values) / len(values)
    assert min(values) <= low <= mean + 1e-12
    assert mean - 1e-12 <= high <= max(values)


@given(st.floats(0, 1), st.integers(2, 300), SEEDS)
@settings(max_examples=30)
def test_the_interval_of_a_constant_is_that_constant(value: float, count: int, seed: int) -> None:
    assert bootstrap_interval([value] * count, seed=seed) == (value, value)


@given(SHARES, SEEDS)
@settings(max_examples=20)
def test_equal_seeds_give_equal_intervals(values: list[float], seed: int) -> None:
    assert bootstrap_interval(values, seed=seed) == bootstrap_interval(values, seed=seed)


def test_an_interval_narrows_with_the_root_of_the_tasks_as_the_normal_one_does() -> None:
    few, many = [0.0, 1.0] * 50, [0.0, 1.0] * 800
    for values in (few, many):
        low, high = bootstrap_interval(values, seed=1)
        assert high - low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(len(values)), rel=0.12)


def test_large_sets_are_resampled_in_parts_to_the_same_number_of_samples() -> None:
    low, high = bootstrap_interval([0.0, 1.0] * 5000, seed=1)
    assert (low, high) == pytest.approx((0.49, 0.51), abs=0.002)


def test_fewer_than_two_tasks_tell_nothing_of_others() -> None:
    assert all(map(math.isnan, (*bootstrap_interval([], seed=1), *bootstrap_interval([0.5], seed=1))))


@pytest.mark.parametrize(
    ("wins", "losses", "expected"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 2 / 32), (10, 2, 158 / 4096), (7, 7, 1.0), (0, 6, 2 / 64)],
)
def test_the_exact_test_of_known_cases(wins: int, losses: int, expected: float) -> None:
    assert exact_sign_test(wins, losses) == expected


@given(st.integers(0, 14), st.integers(0, 14))
def test_the_exact_test_is_the_share_of_coin_tosses_at_least_this_uneven(wins: int, losses: int) -> None:
    total = wins + losses
    uneven = sum(math.comb(total, heads) for heads in range(total + 1) if abs(2 * heads - total) >= abs(wins - losses))
    assert exact_sign_test(wins, losses) == uneven / 2**total
    assert exact_sign_test(wins, losses) == exact_sign_test(losses, wins)


def test_the_exact_test_takes_thousands_of_tasks() -> None:
    assert exact_sign_test(5000, 5000) == 1.0
    assert 0 < exact_sign_test(5200, 4800) < 1e-4
    assert 0 < exact_sign_test(2000, 0) < 1e-300  # smaller than any float, but a chance


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        exact_sign_test(-1, 2)
