"""A network of 2 million weights that gets far in little time: whitened patches and three pairs of convolutions.

Jordan 2024 (https://arxiv.org/abs/2404.00498).
"""

from __future__ import annotations

from itertools import pairwise
from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.nn import BatchNorm2d, Conv2d, GlobalMaxPool, Linear, Module, PatchWhitening, Standardize, init
from glassnet.ops import gelu, max_pool2d

_PATCH = 2
WIDTHS = (64, 256, 256)
_FIRST_SURENESS = 0.27


@final
class ConvGroup(Module):
    """(B, in_channels, H, W) -> (B, out_channels, H // 2, W // 2): two 3x3 convolutions that first pass things on."""

    def __init__(self, in_channels: int, out_channels: int, momentum: float, generator: np.random.Generator):
        self.conv1 = _conv(in_channels, out_channels, generator)
        self.norm1 = BatchNorm2d(out_channels, momentum=momentum, has_scale=False)
        self.conv2 = _conv(out_channels, out_channels, generator)
        self.norm2 = BatchNorm2d(out_channels, momentum=momentum, has_scale=False)

    def __call__(self, x: Tensor) -> Tensor:
        h = gelu(self.norm1(max_pool2d(self.conv1(x), 2)))
        return gelu(self.norm2(self.conv2(h)))


@final
class Fast(Module):
    """Images (B, C, H, W) from 0 to 255, of any size from 9 by 9 -> logits (B, K).

    ``widths``: channels after each pair of convolutions. `whiten.weight` is to be loaded with the filters of the
    pictures to train on; `models.classifier` does so.
    """

    def __init__(
        self,
        generator: np.random.Generator,
        num_classes: int = 10,
        *,
        standardize: Standardize | None = None,
        widths: tuple[int, ...] = WIDTHS,
        batch_norm_momentum: float = 0.4,
        logit_scale: float = 0.4,
    ):
        self.logit_scale = logit_scale
        self.standardize = standardize or Standardize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        channels = self.standardize.mean.size
        self.whiten = PatchWhitening(_PATCH, channels)
        pairs = pairwise((2 * channels * _PATCH**2, *widths))
        self.groups = [ConvGroup(inner, outer, batch_norm_momentum, generator) for inner, outer in pairs]
        self.pool = GlobalMaxPool()
        self.linear = Linear(widths[-1], num_classes, has_bias=False, generator=generator)
        # With the scale of the logits, which makes up for the one learning rate of all vectors, nearly unsure at first.
        self.linear.load({"weight": self.linear.weight * _FIRST_SURENESS})

    def __call__(self, images: Tensor) -> Tensor:
        h = gelu(self.whiten(self.standardize(images)))
        for group in self.groups:
            h = group(h)
        return self.linear(self.pool(h)) * self.logit_scale


def _conv(in_channels: int, out_channels: int, generator: np.random.Generator) -> Conv2d:
    conv = Conv2d(in_channels, out_channels, 3, padding=1, has_bias=False, generator=generator)
    conv.load({"weight": init.dirac(conv.weight)})
    return conv
