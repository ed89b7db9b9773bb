"""A residual network of nine layers with weights, 6.6 million of them, that learns quickly.

Page 2019 (https://myrtle.ai/learn/how-to-train-your-resnet/) for the shape, He et al. 2016
(https://arxiv.org/abs/1512.03385) for the residuals.
"""

from __future__ import annotations

from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.nn import BatchNorm2d, Conv2d, GlobalMaxPool, Linear, Module, Residual, Sequential, Standardize
from glassnet.ops import max_pool2d, relu


@final
class ConvBlock(Module):
    """(B, in_channels, H, W) -> (B, out_channels, H, W): 3x3 convolution, batch normalization, relu.

    With ``pool`` the sides are halved, before the relu: the result is the same, for a quarter of its work.
    """

    def __init__(self, in_channels: int, out_channels: int, generator: np.random.Generator, *, pool: bool = False):
        self.pool = pool
        # Without a bias, which the normalization would take out again.
        self.conv = Conv2d(in_channels, out_channels, 3, padding=1, has_bias=False, generator=generator)
        self.norm = BatchNorm2d(out_channels)

    def __call__(self, x: Tensor) -> Tensor:
        h = self.norm(self.conv(x))
        return relu(max_pool2d(h, 2) if self.pool else h)


@final
class ResNet(Module):
    """Images (B, C, H, W) from 0 to 255, of any size from 8 by 8 -> logits (B, K)."""

    def __init__(
        self,
        generator: np.random.Generator,
        num_classes: int = 10,
        *,
        standardize: Standardize | None = None,
        logit_scale: float = 0.125,
    ):
        self.logit_scale = logit_scale
        self.standardize = standardize or Standardize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        self.stem = ConvBlock(self.standardize.mean.size, 64, generator)
        self.layer1 = ConvBlock(64, 128, generator, pool=True)
        self.residual1 = _residual(128, generator)
        self.layer2 = ConvBlock(128, 256, generator, pool=True)
        self.layer3 = ConvBlock(256, 512, generator, pool=True)
        self.residual2 = _residual(512, generator)
        self.pool = GlobalMaxPool()
        self.linear = Linear(512, num_classes, has_bias=False, generator=generator)

    def __call__(self, images: Tensor) -> Tensor:
        h = self.stem(self.standardize(images))
        h = self.residual1(self.layer1(h))
        h = self.residual2(self.layer3(self.layer2(h)))
        return self.linear(self.pool(h)) * self.logit_scale


def _residual(channels: int, generator: np.random.Generator) -> Residual:
    return Residual(Sequential(ConvBlock(channels, channels, generator), ConvBlock(channels, channels, generator)))
