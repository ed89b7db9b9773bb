"""What a training begins with: random weights, those of another run or a file, or its own newest checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError
from glassnet.nn import Module
from glassnet.training.checkpoint import Checkpoint
from glassnet.training.moments import network_at
from glassnet.training.randomness import generator
from glassnet.training.run import Run
from glassnet.training.settings import Settings
from glassnet.training.step import TrainingStep, below, under, weights_of
from glassnet.training.task import Task

_MOST_NAMED = 5


def first_weights(start: str, model: Module) -> tuple[dict[str, Array], str]:
    """Weights and buffers for all of ``model``, by name, and in words where they are from. Raises CheckpointError.

    ``start``: a run (its averaged weights), RUN@STEP (what it kept at that step, or last before it), or a file of
    safetensors.
    """
    found, words = _read(start)
    _check(found, model, start)
    wanted = model.tensors()
    return {name: found[name].astype(tensor.dtype) for name, tensor in wanted.items()}, words


def first_state(step: TrainingStep, model: Module, start: str | None) -> tuple[dict[str, Array], str | None]:
    """The state before the first step, by name, and in words where given weights are from. Raises CheckpointError.

    Given weights are their averages too, and the optimizer knows nothing yet.
    """
    named = step.named(step.initial)
    if start is None:
        return named, None
    weights, words = first_weights(start, model)
    given = {**under("parameters", weights), **under("averages", weights), **under("buffers", weights)}
    return {name: given.get(name, array) for name, array in named.items()}, words


def check_newest(run: Run, newest: Checkpoint, task: Task, step: TrainingStep) -> None:
    """Raise CheckpointError unless the run can go on from its checkpoint with the data and the network of now."""
    if task.facts != run.facts:
        raise CheckpointError(
            f"expected the classes that {run.path} has learned to tell apart; got others in {task.source}. "
            "To fix: put the data back as it was, or train anew."
        )
    expected = {name: array.shape for name, array in step.named(step.initial).items()}
    if expected != {name: array.shape for name, array in newest.tensors.items()}:
        raise CheckpointError(
            f"expected a checkpoint of the model '{run.settings.model}' in {run.path}; got other tensors. "
            "To fix: resume with the version of glassnet that wrote it, or train anew."
        )


def check_start(task: Task, settings: Settings) -> None:
    """Raise CheckpointError unless the network of the task can start as the settings say."""
    if settings.start is not None:
        first_weights(settings.start, task.model(generator(settings.seed, "initialization")))


def _read(start: str) -> tuple[Mapping[str, Array], str]:
    path = Path(start)
    if os.path.isfile(start):
        return _of_file(path), f"the weights in {path}"
    name, _, step = start.rpartition("@")
    if not os.path.exists(start) and name and step.isascii() and step.isdecimal():
        run = Run(Path(name))
        found, weights = network_at(run, int(step))
        return {**_buffers(run, weights), **weights}, f"the weights of {name} after step {found}"
    if not os.path.exists(start):
        raise CheckpointError(
            f"expected --start to be a run, RUN@STEP or a file of safetensors; got {start}, which is not there. "
            "To fix: `glassnet runs` lists what there is."
        )
    found, weights = network_at(Run(path))
    return weights, f"the averaged weights of {path} after step {found}"


def _buffers(run: Run, weights: Mapping[str, Array]) -> Mapping[str, Array]:
    """The newest, for a history that an older version wrote without any."""
    newest, _ = run.newest_checkpoint()
    return {name: array for name, array in below(newest.tensors, "buffers").items() if name not in weights}


def _of_file(path: Path) -> Mapping[str, Array]:
    """By their names in the model; that of a checkpoint or a history of ours will do as well."""
    try:
        tensors = load_safetensors(path.read_bytes())
    except (OSError, SafetensorError, KeyError) as error:
        raise CheckpointError(
            f"expected --start to be a run, RUN@STEP or a file of safetensors; got {path} ({error}). "
            "To fix: choose another one."
        ) from error
    if below(tensors, "averages"):
        return weights_of(tensors)
    return {name.removeprefix("buffers/"): array for name, array in tensors.items()}


def _check(found: Mapping[str, Array], model: Module, start: str) -> None:
    wanted = model.tensors()
    fix = "To fix: choose the --model (and as many classes) that these weights are of, or another --start."
    missing = [name for name in wanted if name not in found]
    if missing:
        named = ", ".join(missing[:_MOST_NAMED])
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        raise CheckpointError(f"expected weights for all of the network in {start}; got none for {named}{more}. {fix}")
    for name, array in found.items():
        if name not in wanted:
            raise CheckpointError(f"expected weights of the network in {start}; got '{name}', which it lacks. {fix}")
        if array.shape != wanted[name].shape:
            raise CheckpointError(f"expected '{name}' {wanted[name].shape} in {start}; got {array.shape}. {fix}")
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise CheckpointError(
                f"expected finite floating point numbers for '{name}' in {start}; got others. To fix: choose another "
                "--start."
            )
