"""Pictures of a training on disk, and sheets of many small pictures in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError


def keep_pictures(directory: Path, step: int, images: Array) -> Path:
    """Write uint8 ``images`` (num, height, width) as ``<step>.npy``, with a sheet to look at beside it."""
    file = directory / f"{step:08d}.npy"
    try:
        np.save(file, images)
        sheet(images, columns=len(images)).save(file.with_suffix(".png"))
    except OSError as error:
        raise CheckpointError(
            f"expected to write pictures to {directory}; got '{error.strerror}'. To fix: free space or permissions."
        ) from error
    return file


def sheet(images: Array, columns: int, scale: int = 2, gap_px: int = 4) -> Image.Image:
    """Small pictures (num, height, width) with ink on 0 as one grey picture with ink on white, row by row."""
    num, height, width = images.shape
    rows = -(-num // columns)
    cell_height, cell_width = height + gap_px, width + gap_px
    canvas = np.full((rows * cell_height + gap_px, columns * cell_width + gap_px), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = gap_px + i // columns * cell_height, gap_px + i % columns * cell_width
        canvas[top : top + height, left : left + width] = 255 - image
    picture = Image.fromarray(canvas)
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
