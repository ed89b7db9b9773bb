"""Whitening of patches: the first convolution of an image network, computed from the pictures instead of learned.

Page 2019 (https://myrtle.ai/learn/how-to-train-your-resnet/), Jordan 2024 (https://arxiv.org/abs/2404.00498).
"""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.errors import ShapeError
from glassnet.nn.channels import check_images
from glassnet.nn.module import Module
from glassnet.ops import conv2d

_IMAGES_AT_ONCE = 256


@final
class PatchWhitening(Module):
    """(B, C, H, W) -> (B, 2 C k k, H - k + 1, W - k + 1): each patch in coordinates that vary alike, with both signs.

    ``weight`` (2 C k k, C, k, k) is kept, not learned. Until `whitening_filters` of some pictures are loaded it passes
    each number of the patch on as it is, and its negative.
    """

    buffer_names: ClassVar[tuple[str, ...]] = ("weight",)

    def __init__(self, kernel_size: int, in_channels: int, *, dtype: str = "float32"):
        unit = np.eye(in_channels * kernel_size**2, dtype=dtype)
        self.weight = Tensor(_both_signs(unit, in_channels, kernel_size))

    def __call__(self, x: Tensor) -> Tensor:
        check_images(x, self.weight.shape[1])
        return conv2d(x, self.weight)


def whitening_filters(images: Array, kernel_size: int, eps: float = 5e-4) -> Array:
    """Filters (2 C k k, C, k, k) for standardized images (N, C, H, W), those of the largest variance first.

    With S = V diag(l) V^T the covariance of all patches of k by k pixels, a filter is v / sqrt(l + eps): what it makes
    of the patches has variance 1, unless l is so small that there is little but noise in it.
    """
    if images.ndim != 4 or len(images) == 0 or min(images.shape[2:]) < kernel_size:
        raise ShapeError(
            f"expected images (N, C, H, W) of at least {kernel_size} by {kernel_size} pixels; got {images.shape}. "
            "To fix: give some pictures, with the channels second."
        )
    eigenvalues, eigenvectors = np.linalg.eigh(_patch_covariance(images, kernel_size))
    # Of a covariance without spread some come out a rounding below 0.
    filters = (eigenvectors / np.sqrt(np.maximum(eigenvalues, 0.0) + eps)).T[::-1]
    return _both_signs(filters, images.shape[1], kernel_size).astype(images.dtype)


def _patch_covariance(images: Array, kernel_size: int) -> Array:
    """(C k k, C k k), in float64; some images at a time, since their patches take k k times the memory."""
    size = images.shape[1] * kernel_size**2
    products, total, count = np.zeros((size, size)), np.zeros(size), 0
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        some = images[start : start + _IMAGES_AT_ONCE]
        windows = np.lib.stride_tricks.sliding_window_view(some, (kernel_size, kernel_size), (2, 3))
        patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, size).astype(np.float64)
        products += patches.T @ patches
        total += patches.sum(0)
        count += len(patches)
    mean = total / count
    return products / count - np.outer(mean, mean)


def _both_signs(filters: Array, in_channels: int, kernel_size: int) -> Array:
    """(C k k, C k k), one filter in each row -> (2 C k k, C, k, k)."""
    return np.concatenate([filters, -filters]).reshape(-1, in_channels, kernel_size, kernel_size)
