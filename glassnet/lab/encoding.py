"""Pictures and numbers as JSON has them: bytes in base64 with what they mean beside them, and nothing that is NaN."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from glassnet.autodiff import Array, Shape

MOST_NUMBERS = 65_536  # of a tensor; beyond, a page could neither show nor keep them
_ZERO = 127  # the level of 0, so that -limit, 0 and limit are 0, 127 and 254
_CLIPPED = 0.995  # share of the numbers that get a level of their own
_TOLD = ("min", "max", "mean", "std")


def pixels(images: Array, is_ink: bool = False) -> dict[str, Any]:
    """uint8 (N, C, H, W), C 1 or 3; (N, H, W) are gray. ``is_ink``: 255 is ink, 0 the paper."""
    assert images.dtype == np.uint8, images.dtype
    shaped = images[:, None] if images.ndim == 3 else images
    return {"shape": list(shaped.shape), "pixels": _in_base64(shaped), "is_ink": is_ink}


def spread(images: Array) -> Array:
    """Floats (N, C, H, W) of any range to uint8, each picture from its darkest to its brightest number."""
    axes = tuple(range(1, images.ndim))
    low, high = images.min(axes, keepdims=True), images.max(axes, keepdims=True)
    shares = (images - low) / np.where(high > low, high - low, 1.0)
    return np.asarray(np.rint(255.0 * shares), np.uint8)


def tensor(name: str, values: Array, most: int = MOST_NUMBERS) -> dict[str, Any]:
    """Numbers as levels from 0 to 254, where 127 is 0 and 254 is ``limit``; at most ``most``, cut by the first axes.

    What is said of them (least, greatest, mean, deviation, the share that is exactly 0) is of all that are numbers.
    """
    numbers = values[np.isfinite(values)].astype(np.float64)
    limit = float(np.quantile(np.abs(numbers), _CLIPPED, method="higher")) if numbers.size else 0.0
    # A few numbers that are not 0, among many that are, have a scale as well.
    limit = limit or (float(np.abs(numbers).max()) if numbers.size else 0.0)
    part = values[tuple(slice(size) for size in _shown(values.shape, most))]
    told = (numbers.min(), numbers.max(), numbers.mean(), numbers.std()) if numbers.size else (None,) * 4
    return {
        "name": name, "shape": list(values.shape), "shown": list(part.shape), "limit": limit,
        "levels": _in_base64(_levels(part, limit)),
        **{key: None if value is None else float(value) for key, value in zip(_TOLD, told, strict=True)},
        "zeros": float(np.mean(values == 0.0)) if values.size else 0.0,
    }  # fmt: skip


def number(value: float) -> float | None:
    """None where it is none, since JSON knows neither NaN nor infinity."""
    return float(value) if math.isfinite(value) else None


def numbers(values: Array) -> list[Any]:
    """An array of any rank as nested lists, None for what is no number."""
    if values.ndim > 1:
        return [numbers(row) for row in values]
    return [number(value) for value in values.tolist()]


def _levels(values: Array, limit: float) -> Array:
    known = np.where(np.isfinite(values), values, 0.0).astype(np.float64)
    return np.asarray(np.rint(np.clip(known / (limit or 1.0), -1.0, 1.0) * _ZERO) + _ZERO, np.uint8)


def _shown(shape: Shape, most: int) -> Shape:
    """As much of the first axes as it takes, so that the others can be whole."""
    shown = list(shape)
    for axis, size in enumerate(shape):
        rest = math.prod(shown[axis + 1 :])
        shown[axis] = min(size, max(1, most // max(1, rest)))
        if math.prod(shown) <= most:
            break
    return tuple(shown)


def _in_base64(array: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
