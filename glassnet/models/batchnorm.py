"""A small classifier that learns much faster than it looks: four convolutions, each normalized over the batch.

127,338 weights on 32x32. Ioffe & Szegedy 2015 (https://arxiv.org/abs/1502.03167).
"""

from __future__ import annotations

from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.models.sizes import check_sides, check_size
from glassnet.nn import BatchNorm2d, Conv2d, Linear, Module, Standardize
from glassnet.ops import max_pool2d, relu, reshape

_WIDTHS, _IS_POOLED = (32, 64, 64, 96), (True, True, False, True)
_SHRINKS = 2 ** sum(_IS_POOLED)


@final
class NormBlock(Module):
    """(B, in_channels, H, W) -> (B, out_channels, H, W), or half the sides with ``pool``.

    The largest of each window is taken before the normalization, which then has a quarter of the work.
    """

    def __init__(self, in_channels: int, out_channels: int, generator: np.random.Generator, *, pool: bool):
        self.pool = pool
        # Without a bias, which the normalization would take out again.
        self.conv = Conv2d(in_channels, out_channels, 3, padding=1, has_bias=False, generator=generator)
        self.norm = BatchNorm2d(out_channels)

    def __call__(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        return relu(self.norm(max_pool2d(h, 2) if self.pool else h))


@final
class BatchNormNet(Module):
    """Images (B, C, H, W) from 0 to 255, of the one size it is made for -> logits (B, K)."""

    def __init__(
        self,
        generator: np.random.Generator,
        num_classes: int = 10,
        *,
        standardize: Standardize | None = None,
        image_size: tuple[int, int] = (32, 32),
    ):
        check_sides(image_size, _SHRINKS)
        self.image_size = image_size
        self.standardize = standardize or Standardize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        widths = (self.standardize.mean.size, *_WIDTHS)
        self.blocks = [
            NormBlock(inner, outer, generator, pool=pool)
            for inner, outer, pool in zip(widths[:-1], widths[1:], _IS_POOLED, strict=True)
        ]
        places = (image_size[0] // _SHRINKS) * (image_size[1] // _SHRINKS)
        self.linear = Linear(_WIDTHS[-1] * places, num_classes, generator=generator)

    def __call__(self, images: Tensor) -> Tensor:
        check_size(images, self.image_size)
        h = self.standardize(images)
        for block in self.blocks:
            h = block(h)
        return self.linear(reshape(h, (h.shape[0], -1)))
