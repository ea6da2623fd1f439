"""KS and PSI against scipy and known answers; drift against simulated truth."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.comparing.significance import holm
from groundwire.drifting import ks_p, ks_statistic, psi
from groundwire.drifting.ks import _asymptotic
from groundwire.drifting.shift import Shift, shift, verdict_of
from groundwire.drifting.signals import Signal

SIGNAL = Signal("faithfulness", "score", "higher", lambda answer: None)
SHARE = Signal("errors", "share", "lower", lambda answer: None)
Sample = np.ndarray


def judged(one: Sample, other: Sample, signal: Signal = SIGNAL, min_n: int = 30) -> Shift:
    """One signal alone, so that nothing is to be corrected."""
    rng = np.random.default_rng(0)
    drawn = [rng.choice(v, (400, len(v))).mean(axis=1) for v in (one, other)]
    found = shift(signal, one, other, (drawn[0], drawn[1]), alpha=0.05, min_n=min_n)
    found = replace(found, p_holm=holm([found.p])[0])
    return replace(found, verdict=verdict_of(found, 0.05, 0.1))


# --- Kolmogorov-Smirnov ---


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 9), (5, 7), (30, 40), (250, 250), (400, 600)])
def test_small_samples_have_the_exact_p_of_scipy(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    for distance in (0.0, 0.3, 1.0):
        one, other = rng.normal(0, 1, n), rng.normal(distance, 1, m)
        there = scipy.stats.ks_2samp(one, other, method="exact")
        assert ks_statistic(one, other) == pytest.approx(there.statistic)
        assert ks_p(one, other) == pytest.approx(there.pvalue, abs=1e-9)


def test_large_samples_have_about_the_p_of_scipy() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(0, 1, 3000), rng.normal(0.05, 1, 2500)
    assert ks_p(one, other) == pytest.approx(scipy.stats.ks_2samp(one, other, method="exact").pvalue, rel=0.03)
    assert _asymptotic(0.001, 5000, 5000) == 1


def test_shares_have_about_the_p_of_fishers_test() -> None:
    one, other = np.repeat([0.0, 1.0], [190, 10]), np.repeat([0.0, 1.0], [160, 40])
    fisher = scipy.stats.fisher_exact([[190, 10], [160, 40]]).pvalue
    assert ks_p(one, other) < 0.001
    assert fisher < 0.001
    one, other = np.repeat([0.0, 1.0], [90, 10]), np.repeat([0.0, 1.0], [84, 16])
    assert ks_p(one, other) == pytest.approx(scipy.stats.fisher_exact([[90, 10], [84, 16]]).pvalue, abs=0.02)


def test_constant_samples() -> None:
    same = np.full(50, 3.0)
    assert (ks_statistic(same, same), ks_p(same, same)) == (0, 1)
    assert ks_statistic(same, same + 1) == 1
    assert ks_p(same, same + 1) < 0.001


@given(st.lists(st.integers(0, 6), min_size=1, max_size=25), st.lists(st.integers(0, 6), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_order_of_samples_and_values_does_not_matter(one: list[int], other: list[int]) -> None:
    a, b = np.array(one, float), np.array(other, float)
    assert ks_statistic(a, b) == ks_statistic(b[::-1], a[::-1])
    assert 0 < ks_p(a, b) <= 1
    assert ks_p(a, b) == pytest.approx(ks_p(b, a), abs=0.03)
    assert ks_p(a, a) == 1


def test_p_is_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(3)
    ps = [ks_p(rng.normal(0, 1, 60), rng.normal(0, 1, 80)) for _ in range(400)]
    tied = [ks_p(rng.binomial(4, 0.5, 60) * 1.0, rng.binomial(4, 0.5, 60) * 1.0) for _ in range(150)]

    assert 5 <= sum(p < 0.05 for p in ps) <= 32
    assert sum(p < 0.05 for p in tied) <= 15


# --- PSI ---


def test_index_of_two_shares_is_its_formula() -> None:
    one, other = np.repeat([0.0, 1.0], [9000, 1000]), np.repeat([0.0, 1.0], [8000, 2000])
    expected = (0.2 - 0.1) * np.log(0.2 / 0.1) + (0.8 - 0.9) * np.log(0.8 / 0.9)

    assert psi(one, other).raw == pytest.approx(expected, rel=0.002)
    assert psi(one, other).bins == 2


def test_index_of_normal_samples_is_the_square_of_their_distance() -> None:
    rng = np.random.default_rng(2)
    for distance, known in ((0.316, 0.1), (0.5, 0.25)):
        found = psi(rng.normal(0, 1, 60_000), rng.normal(distance, 1, 60_000))
        assert found.value == pytest.approx(known, rel=0.05)


@pytest.mark.parametrize(("n", "m"), [(30, 30), (100, 100), (100, 1000), (1000, 1000)])
def test_index_without_drift_is_on_average_what_is_said(n: int, m: int) -> None:
    rng = np.random.default_rng(5)
    found = [psi(rng.exponential(1, n), rng.exponential(1, m)) for _ in range(150)]

    assert np.mean([f.raw for f in found]) == pytest.approx(found[0].expected, rel=0.2)
    assert sum(f.interval[0] > 0 for f in found) <= 8


def test_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(6)
    truth = psi(rng.normal(0, 1, 200_000), rng.normal(0.5, 1, 200_000)).raw
    found = [psi(rng.normal(0, 1, 300), rng.normal(0.5, 1, 300)) for _ in range(150)]

    assert np.mean([f.value for f in found]) == pytest.approx(truth, rel=0.1)
    assert sum(f.interval[0] <= truth <= f.interval[1] for f in found) >= 138


def test_reference_without_spread_drifts_in_either_direction() -> None:
    rng = np.random.default_rng(0)
    for one, other in ((np.full(100, 5.0), np.full(100, 4.0)), (np.full(100, 5.0), rng.uniform(4, 6, 100))):
        assert psi(one, other).value > 0.25
        assert psi(other, one).value > 0.25
    assert psi(np.full(100, 5.0), np.full(100, 5.0)).value == 0


# --- verdicts ---


@pytest.mark.parametrize("n", [40, 200, 2000])
def test_alarms_without_drift_are_rare(n: int) -> None:
    rng = np.random.default_rng(8)
    alarms = sum(judged(rng.beta(8, 2, n), rng.beta(8, 2, n)).drifted for _ in range(150))

    assert alarms <= 15  # of 150; 7.5 are expected at most, fewer since size is asked for as well


def test_quality_that_fell_is_worse_and_that_rose_is_better() -> None:
    rng = np.random.default_rng(9)
    assert judged(rng.normal(0.8, 0.1, 200), rng.normal(0.72, 0.1, 200)).verdict == "worse"
    assert judged(rng.normal(0.8, 0.1, 200), rng.normal(0.88, 0.1, 200)).verdict == "better"
    found = [judged(rng.normal(0.8, 0.1, 150), rng.normal(0.74, 0.1, 150)).verdict for _ in range(60)]
    assert found.count("worse") >= 50


def test_spread_that_changed_is_drift_though_the_mean_stands() -> None:
    rng = np.random.default_rng(10)
    assert judged(rng.normal(0.5, 0.05, 300), rng.normal(0.5, 0.15, 300)).verdict == "changed"


def test_tiny_change_of_very_many_is_no_drift() -> None:
    rng = np.random.default_rng(11)
    found = judged(rng.normal(0.80, 0.1, 20_000), rng.normal(0.81, 0.1, 20_000))

    assert found.p is not None
    assert found.p < 1e-6
    assert found.verdict == "stable"


def test_rare_errors_that_become_less_rare_are_drift_though_the_index_is_small() -> None:
    found = judged(np.repeat([0.0, 1.0], [990, 10]), np.repeat([0.0, 1.0], [950, 50]), SHARE)

    assert found.psi is not None
    assert found.psi.value < 0.1
    assert found.verdict == "worse"


def test_too_few_no_data_and_gone_are_told_apart() -> None:
    nan, some = np.full(100, np.nan), np.random.default_rng(0).normal(0.8, 0.1, 100)

    assert judged(nan, nan).verdict == "no_data"
    assert judged(some[:10], some).verdict == "too_few"
    assert judged(some, nan).verdict == "gone"
    assert judged(some, some[:10]).verdict == "too_few"
    assert judged(some, nan).means[1] is None
