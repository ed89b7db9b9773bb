"""A network that turns a face into a direction, alike for the photos of one person and unlike for those of others.

The shape is that of `fast`, with the convolutions' last picture read place by place, as eyes and mouths of aligned
faces are where they are; the direction is learned against one for each known person, after Deng et al. 2019
(https://arxiv.org/abs/1801.07698).
"""

from __future__ import annotations

from itertools import pairwise
from typing import final

import numpy as np

from glassnet.autodiff import Shape, Tensor
from glassnet.nn import BatchNorm2d, Conv2d, Cosine, Dropout, Linear, Module, init, unit
from glassnet.ops import Random, cast, gelu, max_pool2d, normalize, reshape

_WIDTHS = (32, 64, 128, 256)
_MOMENTUM = 0.1


@final
class FaceGroup(Module):
    """(B, in_channels, H, W) -> (B, out_channels, H // 2, W // 2): two 3x3 convolutions."""

    def __init__(self, in_channels: int, out_channels: int, generator: np.random.Generator):
        self.conv1 = _conv(in_channels, out_channels, generator)
        self.norm1 = BatchNorm2d(out_channels, momentum=_MOMENTUM)
        self.conv2 = _conv(out_channels, out_channels, generator)
        self.norm2 = BatchNorm2d(out_channels, momentum=_MOMENTUM)

    def __call__(self, x: Tensor) -> Tensor:
        h = gelu(self.norm1(max_pool2d(self.conv1(x), 2)))
        return gelu(self.norm2(self.conv2(h))) + h


@final
class FaceNet(Module):
    """Gray faces (B, 1, H, W) from 0 to 255 -> cosines (B, K) with the directions of K known persons."""

    is_random = True

    def __init__(
        self,
        generator: np.random.Generator,
        num_classes: int,
        *,
        image_size: Shape = (80, 64),
        embedding_size: int = 256,
        dropout: float = 0.0,
    ):
        height, width = image_size
        self.stem = Conv2d(1, _WIDTHS[0], 5, stride=2, padding=2, has_bias=False, generator=generator)
        self.norm = BatchNorm2d(_WIDTHS[0], momentum=_MOMENTUM)
        self.groups = [FaceGroup(inner, outer, generator) for inner, outer in pairwise(_WIDTHS)]
        self.dropout = Dropout(dropout)
        places = _halved(height, 4) * _halved(width, 4)
        self.linear = Linear(_WIDTHS[-1] * places, embedding_size, has_bias=False, generator=generator)
        self.embedding_norm = BatchNorm2d(embedding_size, momentum=_MOMENTUM, has_scale=False)
        self.cosine = Cosine(embedding_size, num_classes, generator=generator)

    def embed(self, images: Tensor, random: Random | None = None) -> Tensor:
        """(B, 1, H, W) -> (B, D), each of length 1."""
        x = normalize(cast(images, self.stem.weight.dtype), axes=(1, 2, 3), eps=1.0)
        h = gelu(self.norm(self.stem(x)))
        for group in self.groups:
            h = group(h)
        y = self.linear(self.dropout(reshape(h, (h.shape[0], -1)), random))
        y = self.embedding_norm(reshape(y, (*y.shape, 1, 1)))
        return unit(reshape(y, y.shape[:2]))

    def centers(self) -> Tensor:
        """(K, D): the direction of each known person."""
        return self.cosine.directions()

    def __call__(self, images: Tensor, random: Random | None = None) -> Tensor:
        return self.cosine(self.embed(images, random))


def _halved(size: int, times: int) -> int:
    size = -(-size // 2)  # the stem, which rounds up
    for _ in range(times - 1):
        size //= 2
    return size


def _conv(in_channels: int, out_channels: int, generator: np.random.Generator) -> Conv2d:
    conv = Conv2d(in_channels, out_channels, 3, padding=1, has_bias=False, generator=generator)
    conv.load({"weight": init.dirac(conv.weight)})
    return conv


__all__ = ["FaceNet"]
