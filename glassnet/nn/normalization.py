"""Normalization layers: mean 0 and variance 1 over some axes, then a learned scale and shift.

    y = (x - mean) / sqrt(variance + eps) * weight + bias

They differ in what the mean is taken over: the batch and the image for each channel (BatchNorm2d), a group of
channels of one image (GroupNorm), the last axes of each element (LayerNorm).
"""

from __future__ import annotations

from math import prod
from typing import ClassVar, final

from glassnet.autodiff import Shape, Tensor
from glassnet.errors import ShapeError
from glassnet.nn import init
from glassnet.nn.channels import check_divisible, check_images, per_channel
from glassnet.nn.module import Module
from glassnet.ops import (
    mean,
    mean_over_processes,
    normalize,
    num_processes,
    reshape,
    shares_statistics,
    sqrt,
    square,
    variance,
)


@final
class BatchNorm2d(Module):
    """(B, C, H, W) -> the same shape, each channel normalized over batch, height and width.

    In training the batch's own statistics are used, and the running ones follow them,

        running <- (1 - momentum) running + momentum batch        (variance unbiased: times n / (n - 1)),

    by assignment of new tensors to ``running_mean`` and ``running_var`` (C,): a traced step reads them back with
    ``buffers()``. In evaluation the running ones are used. Without ``has_scale`` there is no weight, as if it were 1.
    Ioffe & Szegedy 2015 (https://arxiv.org/abs/1502.03167).
    """

    buffer_names: ClassVar[tuple[str, ...]] = ("running_mean", "running_var")

    def __init__(
        self,
        num_features: int,
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
        has_scale: bool = True,
        dtype: str = "float32",
    ):
        self.eps, self.momentum = eps, momentum
        self.weight = init.ones((num_features,), dtype) if has_scale else None
        self.bias = init.zeros((num_features,), dtype)
        self.running_mean = init.zeros((num_features,), dtype)
        self.running_var = init.ones((num_features,), dtype)

    def __call__(self, x: Tensor) -> Tensor:
        check_images(x, self.bias.size)
        if self.is_training:
            y = self._over_processes(x) if shares_statistics() else self._over_batch(x)
            if self.weight is not None:
                y = y * per_channel(self.weight, x)
            return y + per_channel(self.bias, x)
        deviation = sqrt(self.running_var + self.eps)
        scale = 1.0 / deviation if self.weight is None else self.weight / deviation
        return x * per_channel(scale, x) + per_channel(self.bias - self.running_mean * scale, x)

    def _over_batch(self, x: Tensor) -> Tensor:
        self._follow(x, x.size // x.shape[1], mean(x, (0, 2, 3)), variance(x, (0, 2, 3)))
        return normalize(x, axes=(0, 2, 3), eps=self.eps)

    def _over_processes(self, x: Tensor) -> Tensor:
        """As if the batches of all processes were one."""
        center = mean_over_processes(mean(x, (0, 2, 3)))
        centered = x - per_channel(center, x)
        spread = mean_over_processes(mean(square(centered), (0, 2, 3)))
        self._follow(x, x.size // x.shape[1] * num_processes(), center, spread)
        return centered / per_channel(sqrt(spread + self.eps), x)

    def _follow(self, x: Tensor, count: int, center: Tensor, spread: Tensor) -> None:
        """Move the running statistics towards mean and variance of ``count`` values per channel."""
        if count < 2:
            raise ShapeError(f"expected several values per channel to train on; got {x.spec}. To fix: use a batch > 1.")
        unbiased = spread * (count / (count - 1))
        self.running_mean = self.running_mean + (center - self.running_mean) * self.momentum
        self.running_var = self.running_var + (unbiased - self.running_var) * self.momentum


@final
class GroupNorm(Module):
    """(B, C, ...) -> the same shape, each image normalized over each of ``num_groups`` groups of channels.

    Wu & He 2018 (https://arxiv.org/abs/1803.08494).
    """

    def __init__(self, num_groups: int, num_channels: int, *, eps: float = 1e-5, dtype: str = "float32"):
        check_divisible("num_channels", num_channels, num_groups)
        self.num_groups, self.eps = num_groups, eps
        self.weight = init.ones((num_channels,), dtype)
        self.bias = init.zeros((num_channels,), dtype)

    def __call__(self, x: Tensor) -> Tensor:
        if x.shape[1:2] != self.weight.shape:
            raise ShapeError(f"expected x (B, {self.weight.size}, ...); got {x.spec}. To fix: put the channels second.")
        groups = reshape(x, (x.shape[0], self.num_groups, prod(x.shape[1:]) // self.num_groups))  # (B, G, C/G * H * W)
        y = reshape(normalize(groups, axes=(2,), eps=self.eps), x.shape)
        return y * per_channel(self.weight, x) + per_channel(self.bias, x)


@final
class LayerNorm(Module):
    """(..., *normalized_shape) -> the same shape, normalized over the last axes, those of ``normalized_shape``.

    Ba et al. 2016 (https://arxiv.org/abs/1607.06450).
    """

    def __init__(self, normalized_shape: int | Shape, *, eps: float = 1e-5, dtype: str = "float32"):
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.eps = eps
        self.weight = init.ones(shape, dtype)
        self.bias = init.zeros(shape, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        lead = x.ndim - self.weight.ndim
        if lead < 0 or x.shape[lead:] != self.weight.shape:
            raise ShapeError(
                f"expected x (..., {', '.join(map(str, self.weight.shape))}); got {x.spec}. "
                "To fix: put the normalized axes last."
            )
        return normalize(x, axes=tuple(range(lead, x.ndim)), eps=self.eps) * self.weight + self.bias
