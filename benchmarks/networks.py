"""The three networks of benchmarks/step.py, ours and the same in PyTorch, from the same weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from glassnet.autodiff import Array, Tensor
from glassnet.baselines.torch_training import drawing_loss
from glassnet.models import UNet
from glassnet.nn import Conv2d, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential, cross_entropy
from glassnet.ops import Random
from glassnet.tasks import houses
from tests.torch_twins import TorchConvNet, TorchMLP, TorchUNet

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


def mlp() -> Module:
    """784-512-512-10 with relu."""
    generator = np.random.default_rng(0)
    sizes = ((784, 512), (512, 512), (512, 10))
    layers = [layer for n, m in sizes for layer in (Linear(n, m, generator=generator), ReLU())]
    return Sequential(*layers[:-1])


def _houses_loss(model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
    return houses.loss(model, batch["images"], batch["noise"], batch["uniform"])


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
    Network("unet", 16, _unet, _houses_loss, TorchUNet, drawing_loss, _drawings),
    Network("unet-64", 64, _unet, _houses_loss, TorchUNet, drawing_loss, _drawings),
    Network("convnetjs", 32, convnetjs, _classes_loss, TorchConvNet, _torch_classes_loss, _classes((3, 32, 32))),
    Network("mlp", 128, mlp, _classes_loss, lambda: TorchMLP(784, 512, 512, 10), _torch_classes_loss, _classes((784,))),
]
