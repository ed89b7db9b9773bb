"""The U-Net as a user of PyTorch would write it, its tensors under the same names as in `glassnet.models`.

Needs PyTorch, and nothing of ours: that is what makes an agreement worth something.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class TorchUNet(nn.Module):
    """`glassnet.models.UNet`: x (B, 1, 28, 28) and t (B,) -> (B, 1, 28, 28)."""

    def __init__(self, outer: int = 48, inner: int = 64, time_features: int = 128) -> None:
        super().__init__()
        self.time = _TimeEmbedding(time_features)
        self.conv_in = nn.Conv2d(4, outer, 3, padding=1)
        self.places = nn.Parameter(torch.zeros(1, outer, 14, 14))
        self.down_block = _ResidualBlock(outer, time_features)
        self.down = nn.Conv2d(outer, inner, 2, stride=2)
        self.blocks = nn.ModuleList(_ResidualBlock(inner, time_features) for _ in range(2))
        self.mixers = nn.ModuleList(_PlaceMixer(inner, 49) for _ in range(2))
        self.up = nn.ConvTranspose2d(inner, outer, 2, stride=2)
        self.merge = nn.Conv2d(2 * outer, outer, 1)
        self.up_block = _ResidualBlock(outer, time_features)
        self.norm_out = nn.GroupNorm(8, outer)
        self.conv_out = nn.Conv2d(outer, 4, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        time = self.time(t)
        skip = self.down_block(self.conv_in(F.pixel_unshuffle(x, 2)) + self.places, time)
        h = self.down(skip)
        for block, mixer in zip(self.blocks, self.mixers, strict=True):
            h = mixer(block(h, time))
        h = self.up_block(self.merge(torch.cat([skip, self.up(h)], 1)), time)
        return F.pixel_shuffle(self.conv_out(F.relu(self.norm_out(h))), 2)


class _TimeEmbedding(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(64, features)

    def forward(self, t: Tensor) -> Tensor:
        angles = t[:, None] * torch.logspace(0.0, 2.0, 32, dtype=t.dtype, device=t.device) * (math.pi / 2)
        return F.relu(self.linear(torch.cat([angles.sin(), angles.cos()], 1)))


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int, time_features: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.time = nn.Linear(time_features, 2 * channels)
        self.norm2 = nn.GroupNorm(8, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.time(time)[:, :, None, None].chunk(2, 1)
        h = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(h) * (scale + 1.0) + shift))


class _PlaceMixer(nn.Module):
    def __init__(self, channels: int, num_places: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.linear1 = nn.Linear(num_places, 2 * num_places)
        self.linear2 = nn.Linear(2 * num_places, num_places)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.linear2(F.relu(self.linear1(self.norm(x).flatten(2)))).reshape(x.shape)
