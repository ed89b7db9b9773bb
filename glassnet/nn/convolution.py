"""Convolution layers: the same small kernel at every place of the image, and the way back up."""

from __future__ import annotations

import math
from typing import final

import numpy as np

from glassnet.autodiff import Shape, Tensor
from glassnet.nn import init
from glassnet.nn.channels import check_divisible, check_images, per_channel
from glassnet.nn.module import Module
from glassnet.ops import conv2d, conv_transpose2d
from glassnet.ops.convolution import Pair, as_pair


@final
class Conv2d(Module):
    """(B, in_channels, H, W) -> (B, out_channels, H', W'), H' = (H + 2 padding - kernel) // stride + 1.

    weight (out_channels, in_channels / groups, kH, kW) and bias (out_channels,) start uniform on
    +-1 / sqrt(fan_in). With groups > 1 each group of outputs sees its own group of inputs only.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        generator: np.random.Generator,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        groups: int = 1,
        has_bias: bool = True,
        dtype: str = "float32",
    ):
        check_divisible("in_channels", in_channels, groups)
        check_divisible("out_channels", out_channels, groups)
        self.stride, self.padding, self.groups = stride, padding, groups
        shape = (out_channels, in_channels // groups, *as_pair(kernel_size))
        self.weight, self.bias = _first_weights(shape, out_channels if has_bias else 0, generator, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        check_images(x, self.weight.shape[1] * self.groups)
        y = conv2d(x, self.weight, self.stride, self.padding, self.groups)
        return y if self.bias is None else y + per_channel(self.bias, y)


@final
class ConvTranspose2d(Module):
    """`Conv2d` run backwards: (B, in_channels, H, W) -> (B, out_channels, H', W').

    H' = (H - 1) stride - 2 padding + kernel. weight (in_channels, out_channels / groups, kH, kW) and bias
    (out_channels,) start uniform on +-1 / sqrt(weight.shape[1] kH kW), as in PyTorch.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        generator: np.random.Generator,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        groups: int = 1,
        has_bias: bool = True,
        dtype: str = "float32",
    ):
        check_divisible("in_channels", in_channels, groups)
        check_divisible("out_channels", out_channels, groups)
        self.stride, self.padding, self.groups = stride, padding, groups
        shape = (in_channels, out_channels // groups, *as_pair(kernel_size))
        self.weight, self.bias = _first_weights(shape, out_channels if has_bias else 0, generator, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        check_images(x, self.weight.shape[0])
        y = conv_transpose2d(x, self.weight, self.stride, self.padding, self.groups)
        return y if self.bias is None else y + per_channel(self.bias, y)


def _first_weights(
    shape: Shape, num_biases: int, generator: np.random.Generator, dtype: str
) -> tuple[Tensor, Tensor | None]:
    """PyTorch's default: kernel and bias uniform on +-1 / sqrt(fan_in); no bias if there are none to draw."""
    weight = init.kaiming_uniform(shape, generator, math.sqrt(5.0), dtype)
    bias = init.uniform((num_biases,), init.fan_in(shape) ** -0.5, generator, dtype) if num_biases else None
    return weight, bias
