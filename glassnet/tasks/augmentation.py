"""How the pictures of a batch are varied, as the settings say; shared by all tasks that see photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.nn.augmentation import (
    alternating_flips,
    blur,
    cutout,
    jitter,
    random_flips,
    random_shifts,
    shift_and_flip,
)  # fmt: skip
from glassnet.nn.warping import warp
from glassnet.ops import Random, cast, exp
from glassnet.training import Settings


def augmented(batch: Mapping[str, Tensor], random: Random, settings: Settings, mean: float) -> Tensor:
    """The images of the batch, uint8 (B, C, H, W), varied as the settings say: floats, about 0..255.

    Alternating flips use ``first_flip`` and ``epoch`` (B,) beside them. What is cut out gets the value ``mean``.
    """
    images = _moved(cast(batch["images"], "float32"), batch, random, settings)
    if settings.brightness or settings.contrast:
        images = jitter(images, random, settings.brightness * 255.0, settings.contrast)
    if settings.blur_px:
        images = blur(images, random.uniform(images.shape[:1]) * settings.blur_px)
    return cutout(images, random, settings.cutout_px, mean) if settings.cutout_px else images


def _moved(images: Tensor, batch: Mapping[str, Tensor], random: Random, settings: Settings) -> Tensor:
    """Mirrored and moved; where they are to be turned or enlarged too, all at once."""
    num = images.shape[0]
    flips: dict[str, Callable[[], Tensor | None]] = {
        "none": lambda: None,
        "random": lambda: random_flips(random, num),
        "alternating": lambda: alternating_flips(cast(batch["first_flip"], "float32"), batch["epoch"]),
    }
    rows, columns = (random_shifts(random, num, settings.shift_px) if settings.shift_px else None for _ in range(2))
    is_flipped = flips[settings.flip]()
    if not (settings.rotation_degrees or settings.zoom):
        return shift_and_flip(images, rows, columns, is_flipped)
    still = Tensor(np.zeros(num, images.dtype))
    angle = _even(random, num) * math.radians(settings.rotation_degrees)
    zoom = exp(_even(random, num) * math.log1p(settings.zoom))
    return warp(images, angle, zoom, *(still if amount is None else amount for amount in (rows, columns, is_flipped)))


def _even(random: Random, num: int) -> Tensor:
    """(B,), spread evenly over [-1, 1)."""
    return random.uniform((num,)) * 2.0 - 1.0
