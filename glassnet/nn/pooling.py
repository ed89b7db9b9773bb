"""Layers that change the size of an image and learn nothing: pooling, up-sampling, flattening."""

from __future__ import annotations

from math import prod
from typing import final

from glassnet.autodiff import Tensor
from glassnet.nn.channels import check_images
from glassnet.nn.module import Module
from glassnet.ops import avg_pool2d, max_pool2d, mean, reshape, upsample_nearest
from glassnet.ops.convolution import Pair


@final
class MaxPool2d(Module):
    """(B, C, H, W) -> (B, C, H', W'): the largest number in each window; stride = kernel_size unless given."""

    def __init__(self, kernel_size: int | Pair, *, stride: int | Pair | None = None, padding: int | Pair = 0):
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def __call__(self, x: Tensor) -> Tensor:
        return max_pool2d(x, self.kernel_size, self.stride, self.padding)


@final
class AvgPool2d(Module):
    """(B, C, H, W) -> (B, C, H', W'): the average of each window; stride = kernel_size unless given."""

    def __init__(self, kernel_size: int | Pair, *, stride: int | Pair | None = None, padding: int | Pair = 0):
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def __call__(self, x: Tensor) -> Tensor:
        return avg_pool2d(x, self.kernel_size, self.stride, self.padding)


@final
class GlobalAvgPool(Module):
    """(B, C, H, W) -> (B, C): the average over the whole image."""

    def __call__(self, x: Tensor) -> Tensor:
        check_images(x)
        return mean(x, (2, 3))


@final
class GlobalMaxPool(Module):
    """(B, C, H, W) -> (B, C): the largest number of the whole image."""

    def __call__(self, x: Tensor) -> Tensor:
        check_images(x)
        return reshape(max_pool2d(x, (x.shape[2], x.shape[3])), x.shape[:2])


@final
class Upsample(Module):
    """(B, C, H, W) -> (B, C, scale_factor H, scale_factor W): each pixel repeated."""

    def __init__(self, scale_factor: int | Pair):
        self.scale_factor = scale_factor

    def __call__(self, x: Tensor) -> Tensor:
        check_images(x)
        return upsample_nearest(x, self.scale_factor)


@final
class Flatten(Module):
    """(B, ...) -> (B, the product of the rest)."""

    def __call__(self, x: Tensor) -> Tensor:
        return reshape(x, (x.shape[0], prod(x.shape[1:])))
