"""A folder of pictures in three colors, and a network that was trained on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import once, run_outside

COLORS = {"blue": (40, 50, 220), "green": (40, 200, 60), "red": (220, 40, 40)}


def picture(color: str, seed: int) -> Image.Image:
    """32 x 32 pixels of about that color."""
    noise = np.random.default_rng(seed).normal(0.0, 30.0, (32, 32, 3))
    return Image.fromarray(np.clip(np.array(COLORS[color]) + noise, 0, 255).astype(np.uint8))


def write_colors(folder: Path, num: int, seed: int) -> Path:
    """``num`` pictures of each color, in a sub-folder of its name."""
    for color in COLORS:
        (folder / color).mkdir(parents=True)
        for i in range(num):
            picture(color, seed + i).save(folder / color / f"{i}.png")
    return folder


def trained_classifier(factory: pytest.TempPathFactory) -> Path:
    """A run for looking at, not for changing; `colors` beside it is what it was trained on. Made once a session."""

    def make(where: Path) -> None:
        write_colors(where / "colors", 20, seed=0)
        size = ("--model", "convnetjs", "--steps", 30, "--batch-size", 16)
        result = run_outside("train", "colors", *size, "--run", "run", where=where)
        assert result.returncode == 0, result.stderr

    return once(factory, "classifier", make) / "run"
