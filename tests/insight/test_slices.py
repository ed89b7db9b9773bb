"""The loss along lines and planes, on losses of which everything is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.insight.slice_sheet import along_gradient_chart, slice_sheet
from glassnet.insight.slices import Slice, along_gradient, by_filter, loss_slice, random_direction

WEIGHTS = {"kernel": np.full((2, 3), 2.0), "bias": np.array([1.0])}


def bowl(weights: Mapping[str, Array]) -> float:
    """1/2 |w|^2, of which the gradient is w and the loss is least after a step of 1."""
    return sum(float(np.square(array).sum()) for array in weights.values()) / 2


def test_the_way_down_a_bowl() -> None:
    found = along_gradient(bowl, WEIGHTS, WEIGHTS, seed=0)
    assert (found.loss, found.slope) == (12.5, 25.0)
    np.testing.assert_allclose(found.down, 12.5 * (1 - found.step_sizes) ** 2)
    assert found.step_sizes[found.down.argmin()] == pytest.approx(1.0, abs=0.1)
    assert 2.0 < found.step_sizes[-1] < 4.0  # after 2 the loss is what it was
    assert found.step_sizes[10] == pytest.approx(0.0, abs=1e-12)
    assert found.promised()[10] == pytest.approx(12.5)
    np.testing.assert_allclose(np.diff(found.promised()) / np.diff(found.step_sizes), -25.0)
    # As far in the random direction: half the square of the way, and what it shares with the gradient.
    curvature = np.polyfit(found.step_sizes, found.random, 2)[0]
    assert curvature == pytest.approx(12.5)


def test_where_the_loss_is_flat() -> None:
    nothing = {name: np.zeros_like(array) for name, array in WEIGHTS.items()}
    found = along_gradient(lambda weights: 3.0, WEIGHTS, nothing, seed=0)
    assert set(found.down) == set(found.random) == {3.0}
    along_gradient_chart(found, "flat")


def test_a_loss_that_overflows_is_left_out() -> None:
    def cliff(weights: Mapping[str, Array]) -> float:
        return bowl(weights) if weights["bias"][0] < 1.2 else float("nan")

    found = along_gradient(cliff, WEIGHTS, WEIGHTS, seed=0)
    assert np.isnan(found.down[0])
    assert along_gradient_chart(found, "cliff").size == (1000, 600)


def test_directions_are_as_long_as_each_filter() -> None:
    weights = {"kernel": np.arange(24.0).reshape(4, 3, 2), "bias": np.ones(4), "dead": np.zeros((2, 2))}
    direction = by_filter(random_direction(weights, seed=1), weights)
    lengths = np.linalg.norm(weights["kernel"].reshape(4, -1), axis=1)
    np.testing.assert_allclose(np.linalg.norm(direction["kernel"].reshape(4, -1), axis=1), lengths, rtol=1e-6)
    assert not direction["bias"].any()
    assert not direction["dead"].any()


def test_random_directions_depend_on_seed_and_number() -> None:
    first = random_direction(WEIGHTS, 0)["kernel"]
    np.testing.assert_array_equal(first, random_direction(WEIGHTS, 0)["kernel"])
    assert (first != random_direction(WEIGHTS, 1)["kernel"]).all()
    assert (first != random_direction(WEIGHTS, 0, 1)["kernel"]).all()


def test_a_plane() -> None:
    """Across by (1, 0), up by (0, 1), from (1, 0)."""
    across, up = {"w": np.array([1.0, 0.0])}, {"w": np.array([0.0, 1.0])}
    found = loss_slice(lambda w: 1 + w["w"][0] + 3 * w["w"][1] ** 2, across, across, up, num=5)
    assert found.losses.shape == (5, 5)
    np.testing.assert_allclose(found.across, [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(found.losses[2], [1, 1.5, 2, 2.5, 3])
    np.testing.assert_allclose(found.losses[:, 2], [5, 2.75, 2, 2.75, 5])


def test_a_steep_direction_is_shown_less_far() -> None:
    across, up = {"w": np.array([1.0, 0.0])}, {"w": np.array([0.0, 1.0])}
    start = {"w": np.zeros(2)}
    found = loss_slice(lambda w: 1 + 100 * w["w"][0] ** 2 + w["w"][1], start, across, up, num=3)
    assert found.across.tolist() == [-0.25, 0, 0.25]
    assert found.up.tolist() == [-1, 0, 1]
    endless = loss_slice(lambda w: 1.0 if not w["w"].any() else float("inf"), start, across, up, num=3)
    assert 0 < endless.across[-1] < 1e-2


def test_the_map_is_dark_where_the_loss_is_low() -> None:
    shares = np.linspace(-1, 1, 5)
    losses = 1.0 + np.maximum(0, shares[None, :] + 2 * shares[:, None])  # high at the upper right
    losses[0, 4] = np.inf
    picture = np.asarray(slice_sheet(Slice(shares, shares, losses), "title", ("x", "y")).convert("L")).astype(int)
    left, top = 16 + 72, 16 + 18 + 13 + 24
    inside = picture[top : top + 560, left : left + 560]
    assert inside[10, 550] > inside[300, 150] + 100
    assert inside[550, 550] > inside[300, 150] + 100  # as high as any
    assert inside[10, 10] > inside[550, 10] + 20
    assert inside[550, 10] == pytest.approx(inside[300, 150], abs=3)
