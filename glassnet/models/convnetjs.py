"""The small classifier of Karpathy's ConvNetJS demo: three convolutions and a linear layer, 22,466 weights on 32x32.

https://cs.stanford.edu/people/karpathy/convnetjs/demo/cifar10.html
"""

from __future__ import annotations

from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.models.sizes import check_sides, check_size
from glassnet.nn import Conv2d, Linear, Module, Standardize
from glassnet.ops import max_pool2d, relu, reshape

_SHRINKS = 8  # three poolings, each by 2


@final
class ConvNetJS(Module):
    """Images (B, C, H, W) from 0 to 255, of the one size it is made for -> logits (B, K)."""

    def __init__(
        self,
        generator: np.random.Generator,
        num_classes: int = 10,
        *,
        standardize: Standardize | None = None,
        image_size: tuple[int, int] = (32, 32),
    ):
        check_sides(image_size, _SHRINKS)
        self.image_size = image_size
        self.standardize = standardize or Standardize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        self.conv1 = Conv2d(self.standardize.mean.size, 16, 5, padding=2, generator=generator)
        self.conv2 = Conv2d(16, 20, 5, padding=2, generator=generator)
        self.conv3 = Conv2d(20, 20, 5, padding=2, generator=generator)
        places = (image_size[0] // _SHRINKS) * (image_size[1] // _SHRINKS)
        self.linear = Linear(20 * places, num_classes, generator=generator)

    def __call__(self, images: Tensor) -> Tensor:
        check_size(images, self.image_size)
        h = self.standardize(images)
        for conv in (self.conv1, self.conv2, self.conv3):
            # The largest of the positive parts is the positive part of the largest, at a quarter of the work.
            h = relu(max_pool2d(conv(h), 2))
        return self.linear(reshape(h, (h.shape[0], -1)))
