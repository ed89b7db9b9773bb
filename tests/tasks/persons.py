"""Folders of invented persons: photos of 64 x 80 pixels, each the person's own pattern in noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_persons(folder: Path, nums: dict[str, int], seed: int = 0) -> Path:
    """So many photos of each, numbered from 1; who has the same place in the order has the same pattern everywhere."""
    patterns = np.random.default_rng(0).choice([50.0, 190.0], (len(nums), 5, 4))
    drawn = np.random.default_rng(seed + 1)
    for (name, num), pattern in zip(nums.items(), patterns, strict=True):
        (folder / name).mkdir(parents=True)
        for i in range(1, num + 1):
            photo = pattern.repeat(16, 0).repeat(16, 1) + drawn.normal(0.0, 30.0, (80, 64))
            Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i}.png")
    return folder
