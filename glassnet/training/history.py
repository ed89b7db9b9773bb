"""The weights in the course of a training: ``history/<step>.safetensors``, thinned out as the steps grow.

A file holds what is learned by its names in the network, and what is kept beside it (running statistics) as
``buffers/<name>``. It is there to be looked at, and nothing hangs on it: training goes on from checkpoints alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError
from glassnet.training.run import Run
from glassnet.training.step import below, under

MAX_BYTES = 100_000_000
"""Of the history of a run. A network of which two would be more has none."""


def keep(directory: Path, step: int, weights: Mapping[str, Array], buffers: Mapping[str, Array]) -> None:
    """Write the network as it is after ``step`` steps; the caller holds the run's lock. Raises CheckpointError.

    Where `MAX_BYTES` are reached one is removed whose neighbors are near; never the first, nor this one.
    """
    tensors = {**weights, **under("buffers", buffers)}
    num_kept = MAX_BYTES // max(1, sum(array.nbytes for array in tensors.values()))
    if num_kept < 2:
        return
    unfinished = directory / "unfinished"
    with _writing(directory):
        directory.mkdir(exist_ok=True)
        unfinished.write_bytes(save_safetensors({name: np.ascontiguousarray(a) for name, a in tensors.items()}))
        unfinished.replace(_file(directory, step))
        while len(steps := _steps_in(directory)) > num_kept:
            _file(directory, _most_dispensable(steps)).unlink()


def forget_after(directory: Path, step: int) -> None:
    """Remove what a training wrote that is about to be repeated from ``step`` on."""
    with _writing(directory):
        for later in [kept for kept in _steps_in(directory) if kept > step]:
            _file(directory, later).unlink()


def snapshots(run: Run) -> list[tuple[int, Path]]:
    """Step and file of all weights that were kept, in order; none of a run that kept none."""
    return [(step, _file(run.history, step)) for step in _steps_in(run.history)]


def last_before(run: Run, step: int) -> tuple[int, Path] | None:
    """Step and file of the weights that were kept at that step, or last before it."""
    return next(((at, path) for at, path in reversed(snapshots(run)) if at <= step), None)


def load(path: Path) -> dict[str, Array]:
    """The learned weights of a snapshot by their names in the model, not averaged. Raises CheckpointError."""
    return {name: array for name, array in _read(path).items() if not name.startswith("buffers/")}


def load_buffers(path: Path) -> dict[str, Array]:
    """The buffers of a snapshot by their names in the model; none of one that an older version wrote."""
    return below(_read(path), "buffers")


def _read(path: Path) -> dict[str, Array]:
    try:
        return load_safetensors(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"expected weights in {path}; got {error}. To fix: delete that file.") from error


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"expected to write weights to {directory}; got '{error.strerror}'. To fix: free space or permissions "
            "there, then continue with --resume."
        ) from error


def _file(directory: Path, step: int) -> Path:
    return directory / f"{step:08d}.safetensors"


def _steps_in(directory: Path) -> list[int]:
    return sorted(int(path.stem) for path in directory.glob("*.safetensors") if path.stem.isdecimal())


def _most_dispensable(steps: list[int]) -> int:
    """The step, neither the first nor the last, whose neighbors are nearest to each other as shares of a training."""
    gaps = [math.log((after + 1) / (before + 1)) for before, after in zip(steps, steps[2:], strict=False)]
    return steps[1 + gaps.index(min(gaps))]
