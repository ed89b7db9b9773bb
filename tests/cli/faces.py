"""A folder of persons, each a pattern of light and dark, and a network that was trained on it."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import once, quick_command, run_outside

PEOPLE = ("Avi", "Beth", "Chen", "דנה", "Eve")
NUM_PHOTOS = 10


def photo(person: str, seed: int) -> Image.Image:
    """64 x 80 pixels, the same ones for the same person but for light and noise."""
    pattern = np.random.default_rng(zlib.crc32(person.encode())).integers(0, 256, (5, 4), np.uint8)
    face = np.asarray(Image.fromarray(pattern).resize((64, 80), Image.Resampling.BICUBIC), np.float64)
    generator = np.random.default_rng(seed)
    light = generator.uniform(0.7, 1.0)
    return Image.fromarray(np.clip(light * face + generator.normal(0.0, 12.0, face.shape), 0, 255).astype(np.uint8))


def write_photos(folder: Path, person: str, num: int, seed: int = 0) -> list[Path]:
    """Photos of the person in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed + i}.png" for i in range(num)]
    for i, path in enumerate(paths):
        photo(person, seed + i).save(path)
    return paths


def trained_on_faces(factory: pytest.TempPathFactory) -> Path:
    """A run for looking at, not for changing; `people` beside it is what it was trained on. Made once a session."""

    def make(where: Path) -> None:
        for person in PEOPLE:
            write_photos(where / "people" / person, person, NUM_PHOTOS)
        how = ("--no-crop", "--steps", 16, "--batch-size", 15, "--run", "run")
        result = run_outside("train", "faces", "--data", "people", *how, where=where, command=quick_command())
        assert result.returncode == 0, result.stderr

    return once(factory, "faces", make) / "run"
