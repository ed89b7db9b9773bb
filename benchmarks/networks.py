"""The three networks of benchmarks/step.py, ours and the same in PyTorch, from the same weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from glassnet.autodiff import Array, Tensor
from glassnet.models import UNet
from glassnet.nn import Conv2d, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential, cross_entropy
from glassnet.ops import Random, cast, reshape
from glassnet.tasks import houses

Batch = Mapping[str, Array]


@dataclass(frozen=True)
class Network:
    """One network in both worlds: how to build it, how to feed it, how wrong it is."""

    name: str
    batch_size: int
    ours: Callable[[], Module]
    our_loss: Callable[[Module, Mapping[str, Tensor], Random], Tensor]
    theirs: Callable[[], nn.Module]
    their_loss: Callable[[nn.Module, Mapping[str, torch.Tensor]], torch.Tensor]
    batch: Callable[[np.random.Generator, int], Batch]


def convnetjs() -> Module:
    """conv5-16, pool, conv5-20, pool, conv5-20, pool, fc10: the CIFAR-10 network of the ConvNetJS demo page."""
    generator = np.random.default_rng(0)
    layers: list[Module] = []
    for in_channels, out_channels in ((3, 16), (16, 20), (20, 20)):
        layers += [Conv2d(in_channels, out_channels, 5, padding=2, generator=generator), MaxPool2d(2), ReLU()]
    return Sequential(*layers, Flatten(), Linear(320, 10, generator=generator))


def torch_convnetjs() -> nn.Module:
    """As people write it, relu before the pool; the largest number of a window is the same either way."""
    layers: list[nn.Module] = []
    for in_channels, out_channels in ((3, 16), (16, 20), (20, 20)):
        layers += [nn.Conv2d(in_channels, out_channels, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(320, 10))


def mlp() -> Module:
    """784-512-512-10 with relu."""
    generator = np.random.default_rng(0)
    sizes = ((784, 512), (512, 512), (512, 10))
    layers = [layer for n, m in sizes for layer in (Linear(n, m, generator=generator), ReLU())]
    return Sequential(*layers[:-1])


def torch_mlp() -> nn.Module:
    sizes = ((784, 512), (512, 512), (512, 10))
    return nn.Sequential(*[layer for n, m in sizes for layer in (nn.Linear(n, m), nn.ReLU())][:-1])


class TorchUNet(nn.Module):
    """`glassnet.models.UNet` in PyTorch, parameter for parameter."""

    def __init__(self, outer: int = 48, inner: int = 64, features: int = 128):
        super().__init__()
        self.time = nn.ModuleDict({"linear": nn.Linear(64, features)})
        self.conv_in = nn.Conv2d(4, outer, 3, padding=1)
        self.places = nn.Parameter(torch.zeros(1, outer, 14, 14))
        self.down_block = TorchResidualBlock(outer, features)
        self.down = nn.Conv2d(outer, inner, 2, stride=2)
        self.blocks = nn.ModuleList(TorchResidualBlock(inner, features) for _ in range(2))
        self.mixers = nn.ModuleList(TorchPlaceMixer(inner, 49) for _ in range(2))
        self.up = nn.ConvTranspose2d(inner, outer, 2, stride=2)
        self.merge = nn.Conv2d(2 * outer, outer, 1)
        self.up_block = TorchResidualBlock(outer, features)
        self.norm_out = nn.GroupNorm(8, outer)
        self.conv_out = nn.Conv2d(outer, 4, 3, padding=1)
        self.register_buffer("frequencies", torch.from_numpy(np.geomspace(1.0, 100.0, 32)).float() * (math.pi / 2))

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        angles = t[:, None] * self.frequencies
        time = F.relu(self.time["linear"](torch.cat([angles.sin(), angles.cos()], 1)))
        skip = self.down_block(self.conv_in(F.pixel_unshuffle(x, 2)) + self.places, time)
        h = self.down(skip)
        for block, mixer in zip(self.blocks, self.mixers, strict=True):
            h = mixer(block(h, time))
        h = self.merge(torch.cat([skip, self.up(h)], 1))
        h = self.up_block(h, time)
        return F.pixel_shuffle(self.conv_out(F.relu(self.norm_out(h))), 2)


class TorchResidualBlock(nn.Module):
    def __init__(self, channels: int, features: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.time = nn.Linear(features, 2 * channels)
        self.norm2 = nn.GroupNorm(8, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        scale, shift = self.time(time)[:, :, None, None].chunk(2, 1)
        h = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(h) * (1 + scale) + shift))


class TorchPlaceMixer(nn.Module):
    def __init__(self, channels: int, num_places: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.linear1 = nn.Linear(num_places, 2 * num_places)
        self.linear2 = nn.Linear(2 * num_places, num_places)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear2(F.relu(self.linear1(self.norm(x).flatten(2))))
        return x + y.reshape(x.shape)


def _houses_loss(model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
    return houses.loss(model, batch["images"], batch["noise"], batch["uniform"])


def _torch_houses_loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    x = batch["images"][:, None].float() * (2.0 / 255.0) - 1.0
    num = len(x)
    u = (batch["uniform"] + torch.arange(num)) / num
    start, end = u.clamp(min=1e-6) ** (1 / 1.702), (1 - u).clamp(min=1e-6) ** (1 / 1.702)
    t = start / (start + end)
    column = t[:, None, None, None]
    x_t = batch["noise"] * (1 - column) + x * column
    return (((model(x_t, t) - x) / (1 - column).clamp(min=0.05)) ** 2).mean()


def _classes_loss(model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
    return cross_entropy(model(batch["x"]), batch["labels"])


def _torch_classes_loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return F.cross_entropy(model(batch["x"]), batch["labels"])


def _classes(shape: tuple[int, ...]) -> Callable[[np.random.Generator, int], Batch]:
    return lambda generator, num: {
        "x": generator.standard_normal((num, *shape), np.float32),
        "labels": generator.integers(0, 10, num),
    }


def _drawings(generator: np.random.Generator, num: int) -> Batch:
    return {
        "images": generator.integers(0, 256, (num, 28, 28)).astype(np.uint8),
        "noise": generator.standard_normal((num, 1, 28, 28), np.float32),
        "uniform": generator.random(num, np.float32),
    }


def _unet() -> Module:
    return UNet(np.random.default_rng(0))


NETWORKS = [
    Network("unet", 16, _unet, _houses_loss, TorchUNet, _torch_houses_loss, _drawings),
    Network("unet-64", 64, _unet, _houses_loss, TorchUNet, _torch_houses_loss, _drawings),
    Network("convnetjs", 32, convnetjs, _classes_loss, torch_convnetjs, _torch_classes_loss, _classes((3, 32, 32))),
    Network("mlp", 128, mlp, _classes_loss, torch_mlp, _torch_classes_loss, _classes((784,))),
]
