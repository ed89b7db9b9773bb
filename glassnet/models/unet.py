"""A small U-Net that knows the time: from a noisy drawing and how noisy it is to the drawing behind the noise.

Ronneberger et al. 2015 (https://arxiv.org/abs/1505.04597) for the shape, Dhariwal & Nichol 2021
(https://arxiv.org/abs/2105.05233) for scale and shift by time, Tolstikhin et al. 2021
(https://arxiv.org/abs/2105.01601) for layers that mix places instead of channels.
"""

from __future__ import annotations

import math
from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.nn import Conv2d, ConvTranspose2d, GroupNorm, Linear, Module, init
from glassnet.ops import concatenate, cos, depth_to_space, relu, reshape, sin, slice_axis, space_to_depth

_GROUPS = 8
_NUM_FREQUENCIES = 32
_MAX_FREQUENCY = 100.0


@final
class TimeEmbedding(Module):
    """(B,) times from 0 to 1 -> (B, features): waves of many frequencies, mixed by a linear layer."""

    def __init__(self, features: int, generator: np.random.Generator):
        self.linear = Linear(2 * _NUM_FREQUENCIES, features, generator=generator)

    def __call__(self, t: Tensor) -> Tensor:
        frequencies = np.geomspace(1.0, _MAX_FREQUENCY, _NUM_FREQUENCIES, dtype=t.dtype) * (math.pi / 2)
        angles = reshape(t, (-1, 1)) * frequencies.astype(t.dtype)
        return relu(self.linear(concatenate([sin(angles), cos(angles)], axis=1)))


@final
class ResidualBlock(Module):
    """(B, C, H, W) -> the same: two convolutions, the second told the time, added to what came in."""

    def __init__(self, channels: int, time_features: int, generator: np.random.Generator):
        self.norm1 = GroupNorm(_GROUPS, channels)
        self.conv1 = Conv2d(channels, channels, 3, padding=1, generator=generator)
        self.time = zeroed(Linear(time_features, 2 * channels, generator=generator))
        self.norm2 = GroupNorm(_GROUPS, channels)
        self.conv2 = zeroed(Conv2d(channels, channels, 3, padding=1, generator=generator))

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        batch, channels = x.shape[:2]
        scale_and_shift = reshape(self.time(time), (batch, 2 * channels, 1, 1))
        scale = slice_axis(scale_and_shift, 1, 0, channels)
        shift = slice_axis(scale_and_shift, 1, channels, 2 * channels)
        h = self.conv1(relu(self.norm1(x)))
        h = self.conv2(relu(self.norm2(h) * (scale + 1.0) + shift))
        return x + h


@final
class PlaceMixer(Module):
    """(B, C, H, W) -> the same: each place listens to all others, in the same way in every channel."""

    def __init__(self, channels: int, num_places: int, generator: np.random.Generator):
        self.norm = GroupNorm(_GROUPS, channels)
        self.linear1 = Linear(num_places, 2 * num_places, generator=generator)
        self.linear2 = zeroed(Linear(2 * num_places, num_places, generator=generator))

    def __call__(self, x: Tensor) -> Tensor:
        y = reshape(self.norm(x), (*x.shape[:2], -1))
        return x + reshape(self.linear2(relu(self.linear1(y))), x.shape)


@final
class UNet(Module):
    """x_t (B, 1, 28, 28) and t (B,) -> the estimated drawing (B, 1, 28, 28).

    Nothing is computed at full size: 2x2 blocks of pixels are channels from the start, since a stroke is two pixels
    wide, and most of the work is done at 7x7. Blocks end in zeros, so that the network starts as a simple one.
    """

    def __init__(
        self, generator: np.random.Generator, size: int = 28, outer: int = 48, inner: int = 64, time_features: int = 128
    ):
        middle = size // 4
        self.time = TimeEmbedding(time_features, generator)
        self.conv_in = Conv2d(4, outer, 3, padding=1, generator=generator)
        self.places = init.zeros((1, outer, size // 2, size // 2))
        self.down_block = ResidualBlock(outer, time_features, generator)
        self.down = Conv2d(outer, inner, 2, stride=2, generator=generator)
        self.blocks = [ResidualBlock(inner, time_features, generator) for _ in range(2)]
        self.mixers = [PlaceMixer(inner, middle * middle, generator) for _ in range(2)]
        self.up = ConvTranspose2d(inner, outer, 2, stride=2, generator=generator)
        self.merge = Conv2d(2 * outer, outer, 1, generator=generator)
        self.up_block = ResidualBlock(outer, time_features, generator)
        self.norm_out = GroupNorm(_GROUPS, outer)
        self.conv_out = Conv2d(outer, 4, 3, padding=1, generator=generator)

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        time = self.time(t)
        skip = self.down_block(self.conv_in(space_to_depth(x, 2)) + self.places, time)  # (B, outer, 14, 14)
        h = self.down(skip)  # (B, inner, 7, 7)
        for block, mixer in zip(self.blocks, self.mixers, strict=True):
            h = mixer(block(h, time))
        h = self.merge(concatenate([skip, self.up(h)], axis=1))
        h = self.up_block(h, time)
        return depth_to_space(self.conv_out(relu(self.norm_out(h))), 2)


def zeroed(layer: Linear | Conv2d) -> Linear | Conv2d:
    """The layer with zeros for weights, so that the branch it ends begins by adding nothing."""
    layer.load({name: init.zeros(tensor.shape, tensor.dtype.name) for name, tensor in layer.tensors().items()})
    return layer
