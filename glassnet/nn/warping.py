"""Warping: pictures turned, enlarged, moved and mirrored in one go, each by amounts of its own."""

from __future__ import annotations

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError
from glassnet.ops import absolute, cast, cos, floor, minimum, reshape, sin, take, transpose


def warp(images: Tensor, angle: Tensor, zoom: Tensor, rows: Tensor, columns: Tensor, is_flipped: Tensor) -> Tensor:
    """(B, C, H, W): mirrored where ``is_flipped``, turned by ``angle``, enlarged by ``zoom``, moved; all of them (B,).

    The angle is in radians, counterclockwise, about the middle; zoom 2 shows everything twice as large; ``rows`` are
    pixels down, ``columns`` pixels to the right. Pixels between pixels are mixed from four neighbors, and what comes in
    at a border is its reflection: torch.nn.functional.grid_sample with bilinear, reflection and aligned corners does
    the same (https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html).
    """
    amounts = (angle, zoom, rows, columns, is_flipped)
    if images.ndim != 4 or any(amount.shape != images.shape[:1] for amount in amounts):
        raise ShapeError(
            f"expected images (B, C, H, W) and five amounts (B,); got {images.spec} and "
            f"{', '.join(str(amount.spec) for amount in amounts)}. To fix: give one number for each image."
        )
    height, width = images.shape[2:]
    angle, zoom, rows, columns, is_flipped = (reshape(amount, (-1, 1, 1)) for amount in amounts)
    middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
    down = Tensor(np.arange(height, dtype=images.dtype).reshape(1, -1, 1) - middle_row) - rows
    right = Tensor(np.arange(width, dtype=images.dtype).reshape(1, 1, -1) - middle_column) - columns
    along, across = cos(angle) / zoom, sin(angle) / zoom
    source_rows = right * across + down * along + middle_row
    source_columns = (right * along - down * across) * (1.0 - 2.0 * is_flipped) + middle_column
    return _bilinear(images, _reflected(source_rows, height - 1.0), _reflected(source_columns, width - 1.0))


def _reflected(places: Tensor, last: float) -> Tensor:
    """Places as far as 2 * last beyond the border, brought back into 0..last as a mirror at the last pixel does."""
    return absolute(last - absolute(last - absolute(places)))


def _bilinear(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The images read at places (B, H, W) between their pixels."""
    batch_size, channels, height, width = images.shape
    pixels = reshape(transpose(images, axes=(0, 2, 3, 1)), (batch_size * height * width, channels))
    first_rows = minimum(floor(rows), height - 2.0)
    first_columns = minimum(floor(columns), width - 2.0)
    starts = np.arange(batch_size, dtype=np.int64).reshape(-1, 1, 1) * (height * width)
    at = cast(first_rows, "int64") * width + cast(first_columns, "int64") + Tensor(starts)
    down = reshape(rows - first_rows, (*rows.shape, 1))
    right = reshape(columns - first_columns, (*columns.shape, 1))
    top = take(pixels, at, axis=0) * (1.0 - right) + take(pixels, at + 1, axis=0) * right
    bottom = take(pixels, at + width, axis=0) * (1.0 - right) + take(pixels, at + (width + 1), axis=0) * right
    return transpose(top * (1.0 - down) + bottom * down, axes=(0, 3, 1, 2))


__all__ = ["warp"]
