"""The rates of identification, counted by loops, and what a threshold promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.errors import DataError, SettingsError, ShapeError
from glassnet.insight.identification import (
    curve,
    fnir_at,
    macro_average,
    nearest_photos,
    rank_one_accuracy,
    rates_at,
    recall_by_person,
    threshold_at,
)

# Few different values, so that equal scores are frequent; and any scores.
SCORES = st.one_of(
    st.lists(st.sampled_from([-0.5, 0.0, 0.1, 0.3, 0.7]), min_size=1, max_size=30),
    st.lists(st.floats(-1, 1, width=32, allow_subnormal=False), min_size=1, max_size=30),
)
KNOWN = st.lists(st.tuples(st.sampled_from([-0.5, 0.1, 0.3, 0.7, 0.9]), st.booleans()), min_size=1, max_size=30)


def counted(known: list[tuple[float, bool]], strangers: list[float], threshold: float) -> tuple[float, float]:
    """(FPIR, FNIR), photo by photo."""
    named = sum(1 for score in strangers if score >= threshold)
    missed = sum(1 for score, is_right in known if not (is_right and score >= threshold))
    return named / len(strangers), missed / len(known)


def make(known: list[tuple[float, bool]], strangers: list[float]):
    scores, right = zip(*known, strict=True)
    return curve(np.array(scores), np.array(right), np.array(strangers))


@given(KNOWN, SCORES, st.floats(-1.5, 1.5, allow_subnormal=False))
def test_rates_against_loops(known: list[tuple[float, bool]], strangers: list[float], threshold: float) -> None:
    rates = make(known, strangers)
    for at, fpir, fnir in zip(rates.thresholds, rates.fpir, rates.fnir, strict=True):
        assert (fpir, fnir) == counted(known, strangers, at)
    assert rates_at(rates, threshold) == counted(known, strangers, threshold)
    assert set(rates.thresholds[:-1]) == {score for score, _ in known} | set(strangers)
    assert (np.diff(rates.thresholds) > 0).all()
    assert (rates.fpir[-1], rates.fnir[-1]) == (0, 1)


@given(KNOWN, SCORES, st.floats(0.001, 0.999))
def test_the_lowest_fnir_against_loops(known: list[tuple[float, bool]], strangers: list[float], fpir: float) -> None:
    thresholds = [*{score for score, _ in known}, *strangers, 2.0]
    allowed = [at for at in thresholds if counted(known, strangers, at)[0] <= fpir]
    assert fnir_at(make(known, strangers), fpir) == min(counted(known, strangers, at)[1] for at in allowed)


def test_a_rate_that_is_met_exactly() -> None:
    """One of four strangers is above 0.35; to answer none of them costs one of the two known."""
    rates = curve(np.array([0.35, 0.45]), np.array([True, True]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert fnir_at(rates, 0.24) == 0.5
    assert fnir_at(rates, 0.25) == 0.0


@given(SCORES, st.one_of(st.floats(0.001, 0.999), st.sampled_from([0.1, 0.2, 0.29, 0.3, 0.5, 0.7])))
def test_the_threshold_is_the_smallest(strangers: list[float], fpir: float) -> None:
    threshold = threshold_at(np.array(strangers), fpir)
    assert sum(score >= threshold for score in strangers) / len(strangers) <= fpir
    lower = max(score for score in strangers if score < threshold)
    assert sum(score >= lower for score in strangers) / len(strangers) > fpir
    if fpir * len(strangers) >= 1:
        assert threshold == pytest.approx(lower, abs=1e-6)


@pytest.mark.parametrize(
    ("fpir", "lower"), [(0.25, 0.5), (0.26, 0.5), (0.49, 0.5), (0.5, 0.3), (0.74, 0.3), (0.75, 0.3), (0.76, 0.3)]
)
def test_equal_scores_are_refused_together(fpir: float, lower: float) -> None:
    """Of 0.3, 0.3, 0.5, 0.9 one in four is answered, or two, or all."""
    assert threshold_at(np.array([0.3, 0.9, 0.5, 0.3]), fpir) == pytest.approx(lower, abs=1e-6)


def test_a_threshold_is_the_same_in_float32() -> None:
    """A number of Python is rounded to float32 before NumPy compares it with float32."""
    scores = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    threshold = threshold_at(scores, 0.1)
    assert (scores >= threshold).sum() == (scores.astype(np.float64) >= threshold).sum() == 100


def test_a_rate_that_cannot_be_resolved() -> None:
    """Of 11 equally spaced scores, the highest 10 exceed the lowest of them by half of 0.9 on average."""
    scores = np.linspace(0, 1, 11)
    for fpir in (0.05, 0.01, 0.001):
        margin = 0.5 * math.log(1 / (11 * fpir))  # the sum 4.5 over 9 scores
        assert threshold_at(scores, fpir) == pytest.approx(1 + margin, abs=1e-6)
    assert threshold_at(np.array([0.5]), 0.01) == pytest.approx(0.5, abs=1e-6)
    assert threshold_at(np.array([0.5]), 0.01) > 0.5


def test_a_lower_rate_never_lowers_the_threshold() -> None:
    scores = np.random.default_rng(1).normal(size=37)
    thresholds = [threshold_at(scores, fpir) for fpir in np.geomspace(0.9, 1e-5, 200).tolist()]
    assert (np.diff(thresholds) >= 0).all()


@pytest.mark.parametrize("num", [20, 50, 100])
def test_the_margin_errs_on_the_safe_side(num: int) -> None:
    """For scores of a bell shape, what is really answered is on average not above what was asked for by much."""
    generator = np.random.default_rng(num)
    fpir = 0.2 / num
    thresholds = np.array([threshold_at(generator.normal(size=num), fpir) for _ in range(500)])
    real = np.mean([0.5 * math.erfc(threshold / math.sqrt(2)) for threshold in thresholds])
    assert real < 2 * fpir
    above_all = np.mean([0.5 * math.erfc(generator.normal(size=num).max() / math.sqrt(2)) for _ in range(500)])
    assert above_all > 4 * fpir, "without a margin there would be nothing to show"


def test_recall_of_each_person() -> None:
    labels, is_right = np.array([0, 0, 0, 2, 2, 3]), np.array([True, True, False, True, True, False])
    recalls = recall_by_person(is_right, labels, 5)
    assert recalls == (2 / 3, None, 1.0, 0.0, None)
    assert macro_average(recalls) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert rank_one_accuracy(is_right) == 4 / 6


def test_the_nearest_photo_is_one_of_the_person_it_was_said_to_be() -> None:
    gallery = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]])
    labels = np.array([0, 0, 1, 2])
    probes = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert nearest_photos(probes, np.array([0, 1, 0, 2, 7]), gallery, labels).tolist() == [1, 2, 0, 3, -1]
    assert nearest_photos(probes, np.zeros(5, np.int64), gallery[:0], labels[:0]).tolist() == [-1] * 5


def test_wrong_input_is_explained() -> None:
    some, right = np.array([0.1, 0.2]), np.array([True, False])
    with pytest.raises(ShapeError, match=r"expected stranger_scores \(N,\) with N > 0; got \(0,\)\. To fix"):
        threshold_at(np.zeros(0), 0.1)
    with pytest.raises(ShapeError, match=r"expected known_scores \(N,\) with N > 0; got \(2, 1\)"):
        curve(some[:, None], right, some)
    with pytest.raises(DataError, match="expected stranger_scores to be finite; got nan at 1"):
        curve(some, right, np.array([0.0, np.nan]))
    with pytest.raises(ShapeError, match=r"expected is_right to be bool \(2,\); got bool \(3,\)"):
        curve(some, np.array([True] * 3), some)
    with pytest.raises(ShapeError, match=r"expected is_right to be bool \(2,\); got int64 \(2,\)"):
        curve(some, np.array([1, 0]), some)
    for rate in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(SettingsError, match=r"expected a rate \(FPIR\) above 0 and below 1; got"):
            threshold_at(some, rate)
        with pytest.raises(SettingsError, match=r"expected a rate \(FPIR\) above 0 and below 1; got"):
            fnir_at(curve(some, right, some), rate)
    with pytest.raises(ShapeError, match=r"got \(3,\) labels and \(2,\) answers"):
        recall_by_person(right, np.arange(3), 3)
    with pytest.raises(DataError, match="at least one person"):
        macro_average((None,))
    with pytest.raises(DataError, match="at least one photo"):
        rank_one_accuracy(right[:0])
