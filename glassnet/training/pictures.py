"""Pictures of a training on disk: kept one by one, laid out as a sheet, and run as a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError, SettingsError


def keep_pictures(directory: Path, step: int, images: Array) -> Path:
    """Write uint8 ``images`` (num, height, width) as ``<step>.npy``, with a sheet to look at beside it."""
    file = directory / f"{step:08d}.npy"
    unfinished = directory / "unfinished"
    try:
        sheet(images, columns=len(images)).save(file.with_suffix(".png"))
        with unfinished.open("wb") as stream:
            np.save(stream, images)
        unfinished.replace(file)  # so that a film never meets half of one
    except OSError as error:
        raise CheckpointError(
            f"expected to write pictures to {directory}; got '{error.strerror}'. To fix: free space or permissions."
        ) from error
    return file


def kept_pictures(directory: Path) -> dict[int, Path]:
    """The files that `keep_pictures` wrote, by step, in order."""
    files = {int(file.stem): file for file in directory.glob("*.npy") if file.stem.isdecimal()}
    return dict(sorted(files.items()))


def read_pictures(file: Path) -> Array:
    """What `keep_pictures` wrote; unlike `np.load` it takes nothing else, and closes the file in any case."""
    with file.open("rb") as stream:
        return npy.read_array(stream, allow_pickle=False)


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


def check_output(path: Path, *suffixes: str) -> None:
    """Raise SettingsError unless ``path`` ends in one of the suffixes and its folder exists."""
    if path.suffix not in suffixes:
        choices = " or ".join(f"FILE{suffix}" for suffix in suffixes)
        raise SettingsError(f"expected --output {choices}; got {path}. To fix: choose one of these.")
    if not path.parent.is_dir():
        raise SettingsError(f"expected --output in a folder that exists; got {path}. To fix: make {path.parent}.")


def write_film(pictures: Path, output: Path, num_rows: int = 10) -> Path:
    """How the pictures kept in ``pictures`` came to be: a .png with a row for each moment, or a .gif that moves.

    Raises CheckpointError if there are none, or the file cannot be written, SettingsError if it cannot be meant.
    """
    files = sorted(pictures.glob("*.npy"))
    if not files:
        raise CheckpointError(f"expected pictures in {pictures}; got none. To fix: train this run first.")
    check_output(output, ".png", ".gif")
    try:
        frames = [read_pictures(file) for file in files]
        if output.suffix == ".png":
            chosen = np.unique(np.linspace(0, len(frames) - 1, num_rows).round().astype(int))
            rows = np.concatenate([frames[i] for i in chosen])
            sheet(rows, columns=len(frames[0])).save(output)
        else:
            sheets = [sheet(frame, columns=4, scale=4) for frame in frames]
            durations_ms = [250] * (len(sheets) - 1) + [3000]
            sheets[0].save(output, save_all=True, append_images=sheets[1:], duration=durations_ms, loop=0)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"expected to make a film of {pictures} in {output}; got '{error}'. To fix: choose another --output."
        ) from error
    return output
