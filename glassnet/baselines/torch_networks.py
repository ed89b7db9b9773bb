"""The classifiers as a user of PyTorch would write them, their tensors under the same names as in `glassnet.models`.

Needs PyTorch, and nothing of ours: that is what makes an agreement worth something.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn


def torch_twin(name: str, num_classes: int, image_size: tuple[int, int], in_channels: int = 3) -> nn.Module:
    """The twin of the classifier ``name``, for pictures of ``image_size`` (H, W); KeyError if there is none."""
    if name == "convnetjs":
        return TorchConvNetJS(num_classes, image_size, in_channels)
    if name == "batchnorm":
        return TorchBatchNorm(num_classes, image_size, in_channels)
    if "," in name:
        return TorchDescribed(name, num_classes, image_size, in_channels)
    return {"fast": TorchFast, "resnet": TorchResNet}[name](num_classes, in_channels)


def load(twin: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give the twin its parameters and buffers by name; all must be there, none may be left over."""
    result = twin.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()}, strict=False)
    # PyTorch counts the batches that a normalization has seen, and uses the count for nothing here.
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    if missing or result.unexpected_keys:
        raise KeyError(f"expected the twin's tensors; got none for {missing}, and {result.unexpected_keys} beside them")


class TorchConvNetJS(nn.Module):
    """Images (B, C, H, W) from 0 to 255 -> logits (B, K)."""

    def __init__(self, num_classes: int, image_size: tuple[int, int], in_channels: int = 3) -> None:
        super().__init__()
        self.standardize = _Standardize(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 20, 5, padding=2)
        self.conv3 = nn.Conv2d(20, 20, 5, padding=2)
        self.linear = nn.Linear(20 * (image_size[0] // 8) * (image_size[1] // 8), num_classes)

    def forward(self, images: Tensor) -> Tensor:
        h = self.standardize(images)
        for conv in (self.conv1, self.conv2, self.conv3):
            h = F.relu(F.max_pool2d(conv(h), 2))
        return self.linear(h.flatten(1))


class TorchBatchNorm(nn.Module):
    """Images (B, C, H, W) from 0 to 255 -> logits (B, K)."""

    def __init__(self, num_classes: int, image_size: tuple[int, int], in_channels: int = 3) -> None:
        super().__init__()
        self.standardize = _Standardize(in_channels)
        self.blocks = nn.Sequential(
            _NormBlock(in_channels, 32, pool=True),
            _NormBlock(32, 64, pool=True),
            _NormBlock(64, 64),
            _NormBlock(64, 96, pool=True),
        )
        self.linear = nn.Linear(96 * (image_size[0] // 8) * (image_size[1] // 8), num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(self.blocks(self.standardize(images)).flatten(1))


class TorchDescribed(nn.Sequential):
    """Images (B, C, H, W) from 0 to 255 -> logits (B, K), by a list of layers that is known to be right."""

    def __init__(self, text: str, num_classes: int, image_size: tuple[int, int], in_channels: int = 3) -> None:
        super().__init__()
        self.add_module("standardize", _Standardize(in_channels))
        lines = [part.split() for part in text.split(",")]
        if lines[-1] != ["linear", str(num_classes)]:
            lines.append(["linear", str(num_classes)])
        counts: dict[str, int] = {}
        for (word, *said), (following, *_) in pairwise([*lines, ["end"]]):
            with torch.no_grad():
                before = self.eval()(torch.zeros(1, in_channels, *image_size)).shape[1:]
            if word == "linear" and len(before) > 1:
                self.add_module("flatten", nn.Flatten())
            counts[word] = counts.get(word, 0) + 1
            self.add_module(f"{word}{counts[word]}", _described(word, said, before, following != "norm"))
        self.train()


def _described(word: str, said: Sequence[str], before: Sequence[int], has_bias: bool) -> nn.Module:
    if word == "conv":
        height, width = map(int, said[1].split("x"))
        options = {name: int(value) for name, value in zip(said[2::2], said[3::2], strict=True)}
        padding = options.get("padding", ((height - 1) // 2, (width - 1) // 2))
        stride = options.get("stride", 1)
        return nn.Conv2d(before[0], int(said[0]), (height, width), stride, padding, bias=has_bias)
    if word in ("pool", "average"):
        pool = nn.MaxPool2d if word == "pool" else nn.AvgPool2d
        return pool(int(said[0]), int(said[2]) if said[1:] else None)
    if word == "linear":
        return nn.Linear(math.prod(before), int(said[0]))
    plain = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
    return nn.BatchNorm2d(before[0]) if word == "norm" else nn.Dropout(float(said[0])) if said else plain[word]()


class TorchResNet(nn.Module):
    """Images (B, C, H, W) from 0 to 255 -> logits (B, K)."""

    def __init__(self, num_classes: int, in_channels: int = 3) -> None:
        super().__init__()
        self.standardize = _Standardize(in_channels)
        self.stem = _ConvBlock(in_channels, 64)
        self.layer1 = _ConvBlock(64, 128, pool=True)
        self.residual1 = _Residual(128)
        self.layer2 = _ConvBlock(128, 256, pool=True)
        self.layer3 = _ConvBlock(256, 512, pool=True)
        self.residual2 = _Residual(512)
        self.linear = nn.Linear(512, num_classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        h = self.residual1(self.layer1(self.stem(self.standardize(images))))
        h = self.residual2(self.layer3(self.layer2(h)))
        return self.linear(h.amax((2, 3))) * 0.125


class TorchFast(nn.Module):
    """Images (B, C, H, W) from 0 to 255 -> logits (B, K); the filters of ``whiten`` are to be loaded."""

    def __init__(self, num_classes: int, in_channels: int = 3) -> None:
        super().__init__()
        self.standardize = _Standardize(in_channels)
        self.whiten = nn.Conv2d(in_channels, 8 * in_channels, 2, bias=False).requires_grad_(False)
        self.groups = nn.Sequential(*(_ConvGroup(i, o) for i, o in pairwise((8 * in_channels, 64, 256, 256))))
        self.linear = nn.Linear(256, num_classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        h = self.groups(F.gelu(self.whiten(self.standardize(images))))
        return self.linear(h.amax((2, 3))) * 0.4


class _Standardize(nn.Module):
    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((channels,), 0.5))
        self.register_buffer("std", torch.full((channels,), 0.5))

    def forward(self, images: Tensor) -> Tensor:
        return (images.to(self.mean.dtype) / 255 - self.mean[:, None, None]) / self.std[:, None, None]


class _ConvBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, pool: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pool(self.norm(self.conv(x))))


class _NormBlock(_ConvBlock):
    """The largest of each window, then its normalization."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.pool(self.conv(x))))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(_ConvBlock(channels, channels), _ConvBlock(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


class _ConvGroup(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = _dirac(nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False))
        self.norm1 = _without_scale(nn.BatchNorm2d(out_channels, momentum=0.4))
        self.conv2 = _dirac(nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False))
        self.norm2 = _without_scale(nn.BatchNorm2d(out_channels, momentum=0.4))

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(h)))


def _dirac(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.dirac_(conv.weight.data[: conv.in_channels])
    return conv


def _without_scale(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """With ones that are not learned for a weight, which is what the fast kernels want, and not saved either."""
    ones = norm.weight.detach()
    del norm.weight
    norm.register_buffer("weight", ones, persistent=False)
    return norm
