"""Arrays as JSON has them: what a page reads back is what was there."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.lab.encoding import number, numbers, pixels, spread, tensor


def levels_of(encoded: dict[str, Any]) -> Array:
    json.dumps(encoded, allow_nan=False)
    return np.frombuffer(base64.b64decode(encoded["levels"]), np.uint8).reshape(encoded["shown"])


def test_pixels_are_the_bytes() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5), np.uint8)
    encoded = pixels(images)
    assert (encoded["shape"], encoded["is_ink"]) == ([2, 3, 4, 5], False)
    assert base64.b64decode(encoded["pixels"]) == images.tobytes()
    assert pixels(images[:, 0], is_ink=True)["shape"] == [2, 1, 4, 5]


def test_spread_uses_all_of_the_range_of_each_picture() -> None:
    images = np.stack([np.array([[[-3.0, 1.0]]]), np.array([[[0.5, 0.5]]])])
    assert spread(images).tolist() == [[[[0, 255]]], [[[0, 0]]]]


def test_levels_stand_for_the_numbers() -> None:
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    encoded = tensor("weight", values)
    assert levels_of(encoded).tolist() == [0, 63, 127, 191, 254]
    assert {key: encoded[key] for key in ("name", "shape", "limit", "min", "max", "mean", "zeros")} == {
        "name": "weight", "shape": [5], "limit": 2.0, "min": -2.0, "max": 2.0, "mean": 0.0, "zeros": 0.2,
    }  # fmt: skip
    assert encoded["std"] == pytest.approx(2.0**0.5)


def test_an_outlier_does_not_hide_the_others() -> None:
    values = np.concatenate([np.linspace(-1.0, 1.0, 10_000), [1e6]])
    encoded = tensor("out", values)
    assert encoded["limit"] == pytest.approx(1.0, abs=0.01)
    assert (encoded["max"], levels_of(encoded)[-1]) == (1e6, 254)


@pytest.mark.parametrize(
    ("shape", "shown"),
    [
        ((10, 20), [5, 20]),
        ((1, 30, 4, 5), [1, 5, 4, 5]),
        ((3, 200), [1, 100]),
        ((), []),
        ((0, 7), [0, 7]),
        ((40,), [40]),
    ],
)
def test_large_ones_are_cut_by_the_first_axes(shape: tuple[int, ...], shown: list[int]) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    encoded = tensor("t", values, most=100)
    assert (encoded["shape"], encoded["shown"]) == (list(shape), shown)
    assert levels_of(encoded).size <= 100


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, np.inf], [np.nan, -1.0, np.inf]])
def test_nothing_that_is_no_number_comes_out(values: list[float]) -> None:
    levels = levels_of(tensor("t", np.array(values))).tolist()
    assert (levels[0], levels[-1]) == (127, 127)


def test_lists_have_none_instead() -> None:
    assert numbers(np.array([[1.0, np.nan], [np.inf, 2.0]])) == [[1.0, None], [None, 2.0]]
    assert (number(float("nan")), number(0.5)) == (None, 0.5)
