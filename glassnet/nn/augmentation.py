"""Augmentation: pictures varied at random while training, as functions of tensors; every random number is handed in.

All of it becomes part of the traced step. Pictures are moved by matrix products, which every engine does fast. Products
may be rounded there (TF32 keeps 11 bits), so move bytes 0..255 that were cast, and normalize them afterwards: those
stay exact.
"""

from __future__ import annotations

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.errors import SettingsError, ShapeError
from glassnet.ops import (
    Random,
    absolute,
    exp,
    floor,
    less,
    maximum,
    mean,
    relu,
    reshape,
    square,
    sum,
    transpose,
    where,
)  # fmt: skip

_LEAST_RADIUS_PX = 0.1  # of a blur: a radius of 0 has no Gaussian


def alternating_flips(first: Tensor, epoch: Tensor) -> Tensor:
    """(first + epoch) mod 2: every example is flipped in every second epoch, so that two epochs show both sides.

    first (B,): 0 or 1, what is done to the example in epoch 0, drawn once for a training; epoch (B,), whole numbers.
    Both are floating point, and so is the result (B,), 0 or 1. Jordan 2024 (https://arxiv.org/abs/2404.00498).
    """
    turn = first + epoch
    return turn - floor(turn * 0.5) * 2.0


def random_flips(random: Random, batch_size: int) -> Tensor:
    """(B,): 0 or 1, equally likely."""
    return floor(random.uniform((batch_size,)) * 2.0)


def random_shifts(random: Random, batch_size: int, max_px: int) -> Tensor:
    """(B,): whole numbers from -max_px to max_px, equally likely."""
    if max_px < 0:
        raise SettingsError(f"expected max_px >= 0; got {max_px}. To fix: give the largest shift in pixels.")
    return floor(random.uniform((batch_size,)) * (2.0 * max_px + 1.0)) - float(max_px)


def shift_and_flip(
    images: Tensor, rows: Tensor | None = None, columns: Tensor | None = None, is_flipped: Tensor | None = None
) -> Tensor:
    """(B, C, H, W) moved down by ``rows`` (B,) and right by ``columns`` (B,), then mirrored where ``is_flipped`` (B,).

    Shifts are in pixels and smaller than the image; what comes in at a border is its reflection. Whole shifts copy
    pixels exactly, fractions mix two neighbors. is_flipped is 0 or 1. What is None costs nothing.
    """
    _check_images(images)
    for name, amounts in {"rows": rows, "columns": columns, "is_flipped": is_flipped}.items():
        if amounts is not None and amounts.spec != ArraySpec(images.shape[:1], images.dtype):
            raise ShapeError(
                f"expected {name} (B,) of the dtype of the images {images.spec}; got {amounts.spec}. To fix: give one "
                "number for each image."
            )
    batch_size, channels, height, width = images.shape
    if rows is not None:
        sources = _sources(height, rows, None)
        images = _selection(reshape(sources, (batch_size, 1, height, 1)), np.arange(height)) @ images
    if columns is not None or is_flipped is not None:
        sources = _sources(width, columns, is_flipped)
        transposed = _selection(reshape(sources, (batch_size, 1, width)), np.arange(width)[:, None])
        moved = reshape(images, (batch_size, channels * height, width)) @ transposed
        images = reshape(moved, (batch_size, channels, height, width))
    return images


def _sources(size: int, shift: Tensor | None, is_flipped: Tensor | None) -> Tensor:
    """(B, size): the position, not always whole, that each pixel along an axis is taken from."""
    given = shift if shift is not None else is_flipped
    assert given is not None
    i = np.arange(size, dtype=given.dtype)
    last = float(size - 1)
    sources = Tensor(i) if is_flipped is None else reshape(is_flipped, (-1, 1)) * (last - 2.0 * i) + i
    if shift is None:
        return sources
    # |s| reflects at the first pixel, last - |last - s| at the last one.
    return last - absolute(last - absolute(sources - reshape(shift, (-1, 1))))


def _selection(sources: Tensor, places: Array) -> Tensor:
    """max(0, 1 - |source - place|), broadcast: how much of each place goes to a pixel that is taken from source."""
    return relu(1.0 - absolute(sources - places.astype(sources.dtype)))


def cutout(images: Tensor, random: Random, size_px: int, fill: float = 0.0) -> Tensor:
    """(B, C, H, W) with a square of ``size_px`` set to ``fill`` in each image.

    Its center is anywhere in the image, so the border may cut it. DeVries & Taylor 2017
    (https://arxiv.org/abs/1708.04552).
    """
    _check_images(images)
    if size_px < 1:
        raise SettingsError(f"expected size_px >= 1; got {size_px}. To fix: give the side of the square, or leave out.")
    batch_size, _, height, width = images.shape
    row = reshape(floor(random.uniform((batch_size,)) * float(height)), (batch_size, 1, 1, 1))
    column = reshape(floor(random.uniform((batch_size,)) * float(width)), (batch_size, 1, 1, 1))
    is_in_rows = _is_within(np.arange(height)[:, None], row, size_px)
    is_in_columns = _is_within(np.arange(width), column, size_px)
    return where(is_in_rows, where(is_in_columns, fill, images), images)


def _is_within(places: Array, center: Tensor, size_px: int) -> Tensor:
    """Whether a place is one of ``size_px`` around the center; of an even number one more lies before it than after."""
    middle = center + ((size_px - 1) / 2 - size_px // 2)
    return less(absolute(places.astype(center.dtype) - middle), size_px / 2)


def jitter(images: Tensor, random: Random, brightness: float, contrast: float) -> Tensor:
    """(x - m) (1 + contrast u) + m + brightness v, with m the mean of each image and u, v even over [-1, 1).

    images (B, C, H, W); u and v are drawn once for each image, so its channels change alike.
    """
    _check_images(images)
    batch_size = images.shape[0]
    u = random.uniform((batch_size, 1, 1, 1)) * 2.0 - 1.0
    v = random.uniform((batch_size, 1, 1, 1)) * 2.0 - 1.0
    stretch = u * contrast + 1.0
    m = mean(images, axes=(1, 2, 3), keepdims=True)
    return images * stretch + (m * (1.0 - stretch) + v * brightness)


def blur(images: Tensor, radius_px: Tensor) -> Tensor:
    """(B, C, H, W), each image blurred by a Gaussian of its own radius (B,): the standard deviation, in pixels.

    Radii below a quarter of a pixel change nothing that can be seen. At a border the Gaussian is cut off.
    """
    _check_images(images)
    if radius_px.spec != ArraySpec(images.shape[:1], images.dtype):
        raise ShapeError(
            f"expected radius_px (B,) of the dtype of the images {images.spec}; got {radius_px.spec}. "
            "To fix: give one number for each image."
        )
    height, width = images.shape[2:]
    sharpness = reshape(-0.5 / square(maximum(radius_px, _LEAST_RADIUS_PX)), (-1, 1, 1, 1))
    rows, columns = (_gaussians(size, sharpness) for size in (height, width))
    return rows @ images @ transpose(columns, axes=(0, 1, 3, 2))


def _gaussians(size: int, sharpness: Tensor) -> Tensor:
    """(B, 1, size, size): the share of each place in each pixel, exp(sharpness * distance^2), rows adding up to 1."""
    places = np.arange(size, dtype=sharpness.dtype)
    shares = exp(sharpness * ((places[:, None] - places) ** 2))
    return shares / sum(shares, axes=(3,), keepdims=True)


def _check_images(images: Tensor) -> None:
    if images.ndim != 4 or images.dtype.kind != "f":
        raise ShapeError(
            f"expected images (B, C, H, W) of floating point numbers; got {images.spec}. To fix: cast and reshape them."
        )


__all__ = ["alternating_flips", "blur", "cutout", "jitter", "random_flips", "random_shifts", "shift_and_flip"]
