"""Checkpoints: the whole state on disk, or nothing; a crash at any moment leaves the previous one whole.

``checkpoints/<step>/`` holds ``state.safetensors`` (every tensor by name) and ``checkpoint.json``. Both are written
and flushed under a temporary name, and the folder is renamed when they are complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError

FORMAT_VERSION = 1
KEPT = 2  # the newest, and one before it in case the newest is damaged
_NUMBERS = ("step", "elapsed_s", "best_validation_loss", "evaluations_since_best", "num_evaluations", "num_seen")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training after ``step`` steps and ``elapsed_s`` seconds of them."""

    step: int
    elapsed_s: float
    tensors: Mapping[str, Array]
    best_validation_loss: float | None = None  # before the first evaluation
    evaluations_since_best: int = 0
    num_evaluations: int = 0
    num_seen: int | None = None  # examples in all batches so far; None of an older version: as many as the steps had


def save(directory: Path, checkpoint: Checkpoint) -> Path:
    """Write below ``directory``, for which the caller holds the run's lock. Raises CheckpointError.

    Older checkpoints beyond `KEPT` are removed, and later ones: they were damaged, or this one would not be new.
    """
    target = directory / f"{checkpoint.step:08d}"
    temporary = directory / ".unfinished"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        # A page goes on from the file alone.
        told = {name: getattr(checkpoint, name) for name in ("step", "elapsed_s", "num_seen")}
        tensors = {name: np.ascontiguousarray(array) for name, array in checkpoint.tensors.items()}
        data = save_safetensors(tensors, {"glassnet": json.dumps(told)})
        write_durably(temporary / "state.safetensors", data)
        write_durably(temporary / "checkpoint.json", _describe(checkpoint, data).encode())
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
        flush_directory(directory)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(
            f"expected to write a checkpoint to {directory}; got '{error.strerror}'. To fix: free space or permissions "
            "there, then continue with --resume."
        ) from error
    steps = steps_in(directory)
    kept = [step for step in steps if step <= checkpoint.step][-KEPT:]
    for step in set(steps) - set(kept):
        shutil.rmtree(directory / f"{step:08d}", ignore_errors=True)
    return target


def load_newest(directory: Path) -> tuple[Checkpoint, list[str]]:
    """The newest whole checkpoint, and a line for each damaged one that was passed over on the way to it."""
    complaints: list[str] = []
    for step in reversed(steps_in(directory)):
        try:
            return _load(directory / f"{step:08d}"), complaints
        except CheckpointError as error:
            complaints.append(str(error))
    found = f"only damaged ones ({' '.join(complaints)})" if complaints else "none"
    raise CheckpointError(f"expected a checkpoint in {directory}; got {found}. To fix: train this run first.")


def steps_in(directory: Path) -> list[int]:
    """The steps of all complete checkpoints, in order."""
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal() and path.is_dir())


def _describe(checkpoint: Checkpoint, data: bytes) -> str:
    described = {"format": FORMAT_VERSION, "sha256": hashlib.sha256(data).hexdigest()}
    described |= {name: getattr(checkpoint, name) for name in _NUMBERS}
    return json.dumps(described, indent=2, allow_nan=False)


def _load(path: Path) -> Checkpoint:
    try:
        described = json.loads((path / "checkpoint.json").read_bytes())
        data = (path / "state.safetensors").read_bytes()
        if described["format"] != FORMAT_VERSION:
            raise ValueError(f"format {described['format']} instead of {FORMAT_VERSION}")
        if hashlib.sha256(data).hexdigest() != described["sha256"]:
            raise ValueError("a wrong checksum")
        return Checkpoint(
            tensors=load_safetensors(data), **{name: described[name] for name in _NUMBERS if name in described}
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(
            f"expected a whole checkpoint at {path}; got {error}. To fix: delete that folder."
        ) from error


def write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_directory(path: Path) -> None:
    """Make the rename itself survive a power cut, where the system lets a directory be opened (not on Windows)."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
