"""Drawings of houses made here, each unlike the others, for a machine that has no data: houses from a seed."""

from random import Random

import numpy as np
from numpy.typing import NDArray

from glassnet.data.normal import fit
from glassnet.data.raster import Drawing, rasterize
from glassnet.data.sketch import draw_house

LIGHT_PEN, HEAVY_PEN = 13.5, 16.5


def draw_houses(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw `count` houses, (count, 28, 28), ink up to 255; house i depends on seed and i alone."""
    if count < 1 or seed < 0:
        raise ValueError(
            f"expected count >= 1 and seed >= 0; got {count} and {seed}. To fix: ask for a positive number"
        )
    houses = [_house(seed, index) for index in range(count)]
    return rasterize([drawing for drawing, _ in houses], [pen for _, pen in houses])


def _house(seed: int, index: int) -> tuple[Drawing, float]:
    """House number `index`, on the sheet from 0 to 255, and the width of the pen that draws it."""
    # Random takes whole numbers of any size: two numbers side by side, so that no two pairs meet.
    random = Random((seed << 64) + index)
    drawing = draw_house(random)
    return [np.rint(stroke) for stroke in fit(drawing)], random.uniform(LIGHT_PEN, HEAVY_PEN)
