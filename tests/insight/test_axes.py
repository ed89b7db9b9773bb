"""Round numbers at an axis, and where values lie on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.insight.axes import Axis, Scale, fit_axis

ABOVE_ZERO = st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=5)
ANY = st.lists(
    st.floats(-1e12, 1e12, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-12),
    min_size=1,
    max_size=5,
)


def fit(values: list[float], scale: Scale, num: int = 6) -> Axis:
    return fit_axis(np.array(values, np.float64), scale, num, 100.0, 500.0)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0, 10], "0 2 4 6 8 10"),
        ([1, 2, 3], "1 2 3"),
        ([0.12, 0.38], "0.10 0.15 0.20 0.25 0.30 0.35 0.40"),
        ([-3.2, 4.1], "-4 -2 0 2 4 6"),
        ([0, 12_345], "0 5,000 10,000 15,000"),
        ([0, 3e6], "0 500,000 1e6 1.5e6 2e6 2.5e6 3e6"),
        ([0.5], "0.2 0.3 0.4 0.5 0.6 0.7 0.8"),
        ([0], "-1 0 1"),
        ([2e-7, 3e-7], "2e-7 2.2e-7 2.4e-7 2.6e-7 2.8e-7 3e-7"),
    ],
)
def test_round_numbers(values: list[float], ticks: str) -> None:
    assert " ".join(fit(values, "linear").texts()) == ticks


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([1, 10], "1 2 5 10"),
        ([0.3, 40], "0.2 0.5 1 2 5 10 20 50"),
        ([3, 40_000], "10 100 1,000 10,000"),
        ([1e-9, 1], "1e-9 1e-7 1e-5 0.001 0.1"),
        ([7], "5 10"),
        ([1], "0.5 1 2"),
    ],
)
def test_round_numbers_of_a_log_scale(values: list[float], ticks: str) -> None:
    assert " ".join(fit(values, "log", 8).texts()) == ticks


@given(ANY, st.integers(2, 12))
def test_a_linear_axis_holds_what_it_must(values: list[float], num: int) -> None:
    axis = fit(values, "linear", num)
    assert_holds(axis, values)
    assert 2 <= len(axis.ticks) <= num + 2
    np.testing.assert_allclose(np.diff(axis.ticks), axis.ticks[1] - axis.ticks[0], rtol=1e-3)


@given(ABOVE_ZERO, st.integers(2, 12))
def test_a_log_axis_holds_what_it_must(values: list[float], num: int) -> None:
    axis = fit(values, "log", num)
    assert_holds(axis, values)
    assert 1 <= len(axis.ticks) <= num + 1


def assert_holds(axis: Axis, values: list[float]) -> None:
    slack = 1e-6
    at = axis.at_px(np.array(values, np.float64))
    assert 100 - slack <= at.min() <= at.max() <= 500 + slack
    assert axis.low <= axis.ticks[0] <= axis.ticks[-1] <= axis.high
    assert (np.diff(axis.ticks) > 0).all()
    written = [float(text.replace(",", "")) for text in axis.texts()]
    np.testing.assert_allclose(written, axis.ticks, rtol=1e-5)
    assert len(set(written)) == len(written)


def test_where_values_lie() -> None:
    np.testing.assert_allclose(fit([0, 10], "linear").at_px(np.array([0, 2.5, 10])), [100, 200, 500])
    np.testing.assert_allclose(fit([1, 10_000], "log").at_px(np.array([1, 10, 10_000])), [100, 200, 500])
    upright = fit_axis(np.array([0, 10]), "linear", 5, 400.0, 0.0)
    np.testing.assert_allclose(upright.at_px(np.array([0, 10])), [400, 0])
