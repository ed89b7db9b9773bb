"""What the layers over images (batch, channels, height, width) have in common."""

from __future__ import annotations

from glassnet.autodiff import Tensor
from glassnet.errors import SettingsError, ShapeError
from glassnet.ops import reshape


def check_images(x: Tensor, channels: int | None = None) -> None:
    """``x`` must be (B, channels, H, W); any number of channels if none is given."""
    if x.ndim != 4 or channels not in (None, x.shape[1]):
        raise ShapeError(
            f"expected images (B, {'C' if channels is None else channels}, H, W); got {x.spec}. "
            "To fix: check the number of channels and put them second."
        )


def check_divisible(what: str, channels: int, groups: int) -> None:
    """The channels must fall into ``groups`` equal groups."""
    if groups < 1 or channels % groups:
        raise SettingsError(
            f"expected {what} divisible by the number of groups; got {channels} in {groups} groups. "
            "To fix: choose a divisor."
        )


def per_channel(vector: Tensor, x: Tensor) -> Tensor:
    """(C,) -> (C, 1, ..., 1), which broadcasts along the channels of ``x`` (B, C, ...)."""
    return reshape(vector, (vector.size, *(1 for _ in x.shape[2:])))
