"""The first layer of a network that sees pictures: from bytes to numbers with mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.errors import SettingsError
from glassnet.nn.channels import check_images, per_channel
from glassnet.nn.module import Module
from glassnet.ops import cast


@final
class Standardize(Module):
    """Images (B, C, H, W), uint8 or floats from 0 to 255 -> floats (x / 255 - mean) / std, by channel.

    ``mean`` and ``std`` (C,) are those of the pictures trained on, in which white is 1.
    """

    buffer_names: ClassVar[tuple[str, ...]] = ("mean", "std")

    def __init__(self, mean: Sequence[float] | Array, std: Sequence[float] | Array, *, dtype: str = "float32"):
        if len(mean) != len(std) or min(std) <= 0.0:
            raise SettingsError(
                f"expected one mean and one std > 0 per channel; got {list(mean)} and {list(std)}. "
                "To fix: give a channel that never varies the std 1."
            )
        self.mean = Tensor(np.asarray(mean, dtype))
        self.std = Tensor(np.asarray(std, dtype))

    def __call__(self, images: Tensor) -> Tensor:
        check_images(images, self.mean.size)
        x = cast(images, self.mean.dtype)
        # As one product and one sum over the pictures; all else is done to C numbers.
        return x * per_channel(1.0 / (self.std * 255.0), x) + per_channel(-self.mean / self.std, x)
