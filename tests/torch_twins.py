"""glassnet's networks written once more in PyTorch, parameter for parameter, under the same dotted names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from glassnet.baselines.torch_unet import TorchUNet

__all__ = ["TorchConvNet", "TorchMLP", "TorchUNet", "load"]


class TorchMLP(nn.Sequential):
    """`Sequential(Linear, ReLU, Linear, ReLU, ..., Linear)` of the given widths."""

    def __init__(self, *widths: int) -> None:
        layers: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            layers += [nn.Linear(inner, outer), nn.ReLU()]
        super().__init__(*layers[:-1])


class TorchConvNet(nn.Sequential):
    """ConvNetJS's network for CIFAR-10: images (B, 3, 32, 32) -> logits (B, 10)."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for inner, outer in ((3, 16), (16, 20), (20, 20)):
            layers += [nn.Conv2d(inner, outer, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
        super().__init__(*layers, nn.Flatten(), nn.Linear(320, 10))


def load(twin: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give the twin its weights; every name must be there."""
    twin.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
