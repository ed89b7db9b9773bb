"""Small networks without corners: tanh everywhere, average pooling, at most a few thousand weights.

Small enough that every weight can be nudged, and smooth enough that every slope is one number.
"""

from __future__ import annotations

from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.nn import Conv2d, Cosine, Linear, Module, Standardize
from glassnet.ops import Random, avg_pool2d, broadcast_to, concatenate, depth_to_space, reshape, space_to_depth, tanh

_SIDE_PX = 8  # about what pictures are reduced to
_CHANNELS, _HIDDEN, _BLOCK = 8, 6, 4


@final
class SmoothClassifier(Module):
    """Images (B, C, H, W) from 0 to 255 -> logits (B, K), or with ``has_cosines`` cosines (B, K) as faces have them."""

    def __init__(
        self,
        generator: np.random.Generator,
        num_classes: int,
        image_shape: tuple[int, int, int],
        has_cosines: bool = False,
    ):
        channels, height, width = image_shape
        self.window = (-(-height // _SIDE_PX), -(-width // _SIDE_PX))
        self.standardize = Standardize((0.5,) * channels, (0.25,) * channels)
        self.conv = Conv2d(channels, _CHANNELS, 3, padding=1, generator=generator)
        places = (height // self.window[0] // 2) * (width // self.window[1] // 2)
        last = Cosine if has_cosines else Linear
        self.last = last(_CHANNELS * places, num_classes, generator=generator)

    def __call__(self, images: Tensor, random: Random | None = None) -> Tensor:
        small = avg_pool2d(self.standardize(images), self.window)  # (B, C, 8, 8) or about that
        h = avg_pool2d(tanh(self.conv(small)), 2)
        return self.last(reshape(h, (h.shape[0], -1)))


@final
class SmoothDenoiser(Module):
    """x_t (B, 1, H, W) and t (B,) -> the estimated drawing (B, 1, H, W), as `UNet` gives it; H and W multiples of 4."""

    def __init__(self, generator: np.random.Generator):
        self.conv1 = Conv2d(_BLOCK**2 + 1, _HIDDEN, 3, padding=1, generator=generator)
        self.conv2 = Conv2d(_HIDDEN, _BLOCK**2, 3, padding=1, generator=generator)

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        blocks = space_to_depth(x, _BLOCK)  # (B, 16, H / 4, W / 4)
        batch, _, height, width = blocks.shape
        time = broadcast_to(reshape(t, (batch, 1, 1, 1)), shape=(batch, 1, height, width))
        h = tanh(self.conv1(concatenate([blocks, time], axis=1)))
        return depth_to_space(tanh(self.conv2(h)), _BLOCK)
