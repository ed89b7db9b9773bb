"""Warping agrees with PyTorch's grid_sample, and turns, enlarges and moves the way it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glassnet import nn
from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.errors import ShapeError
from glassnet.graph import trace
from glassnet.runtimes import get_runtime

B, C, H, W = 6, 2, 9, 7
STILL = np.zeros(B)


def drawn(dtype: str = "float64") -> Array:
    return np.random.default_rng(0).standard_normal((B, C, H, W)).astype(dtype)


def warped(images: Array, **given: Array) -> Array:
    amounts = {"angle": STILL, "zoom": STILL + 1.0, "rows": STILL, "columns": STILL, "is_flipped": STILL} | given
    return nn.warp(Tensor(images), *(Tensor(amount.astype(images.dtype)) for amount in amounts.values())).numpy()


def by_torch(images: Array, angle: Array, zoom: Array, rows: Array, columns: Array, is_flipped: Array) -> Array:
    """Sampling places as complex numbers, columns real and rows upwards: a turn is a product."""
    right, down = np.meshgrid(np.arange(W) - (W - 1) / 2, np.arange(H) - (H - 1) / 2)
    seen = (right - columns[:, None, None]) - 1j * (down - rows[:, None, None])
    source = seen * (np.exp(-1j * angle) / zoom)[:, None, None]
    x = source.real * np.where(is_flipped, -1, 1)[:, None, None] / ((W - 1) / 2)
    y = -source.imag / ((H - 1) / 2)
    grid = torch.from_numpy(np.stack([x, y], -1))
    how = {"mode": "bilinear", "padding_mode": "reflection", "align_corners": True}
    return torch.nn.functional.grid_sample(torch.from_numpy(images), grid, **how).numpy()


def test_everything_at_once_agrees_with_grid_sample() -> None:
    random = np.random.default_rng(1)
    given = {
        "angle": random.uniform(-0.6, 0.6, B), "zoom": random.uniform(0.8, 1.3, B), "rows": random.uniform(-3, 3, B),
        "columns": random.uniform(-3, 3, B), "is_flipped": np.array([0.0, 1, 0, 1, 1, 0]),
    }  # fmt: skip
    images = drawn()
    np.testing.assert_allclose(warped(images, **given), by_torch(images, **given), rtol=0, atol=1e-12)


def test_nothing_asked_changes_nothing() -> None:
    images = drawn("float32")
    np.testing.assert_array_equal(warped(images), images)


def test_whole_shifts_and_mirroring_are_those_of_shift_and_flip() -> None:
    images, is_flipped = drawn(), np.array([0.0, 1, 0, 1, 0, 0])
    rows, columns = np.array([1.0, 0, -2, 3, 0, 1]), np.zeros(B)
    expected = nn.shift_and_flip(Tensor(images), Tensor(rows), Tensor(columns), Tensor(is_flipped)).numpy()
    moved = warped(images, rows=rows, columns=columns, is_flipped=is_flipped)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-12)


def test_a_quarter_turn_is_counterclockwise() -> None:
    images = np.zeros((B, 1, 5, 5))
    images[:, 0, 2, 4] = 1.0  # at the right
    turned = warped(images, angle=STILL + np.pi / 2)
    assert np.argwhere(turned[0, 0] > 0.99).tolist() == [[0, 2]]  # on top


def test_zoom_two_shows_the_middle_twice_as_large() -> None:
    images = np.zeros((B, 1, 9, 9))
    images[:, 0, 4, 6] = 1.0
    assert np.argwhere(warped(images, zoom=STILL + 2.0)[0, 0] == 1.0).tolist() == [[4, 8]]


@pytest.mark.parametrize("runtime", ["onnx", "torch", "numpy"])
def test_every_runtime_agrees(runtime: str) -> None:
    random = np.random.default_rng(2)
    amounts = {name: random.uniform(0.8, 1.2, B).astype("float32") for name in ("angle", "zoom", "rows", "columns")}
    inputs = {"images": drawn("float32"), **amounts, "is_flipped": np.array([0, 1, 0, 1, 0, 1], "float32")}
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in inputs.items()}
    graph = trace(lambda given, _: {"warped": nn.warp(*given.values())}, specs)
    found = get_runtime(runtime).compile(graph)(inputs)["warped"]
    images = inputs.pop("images")
    np.testing.assert_allclose(found, warped(images, **inputs), rtol=0, atol=2e-5)


def test_each_image_needs_its_amount() -> None:
    with pytest.raises(ShapeError, match=r"expected images \(B, C, H, W\) and five amounts \(B,\)"):
        warped(drawn(), angle=np.zeros(B + 1))
