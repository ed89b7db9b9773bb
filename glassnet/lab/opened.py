"""What the worker keeps open between requests: data sets, networks at a moment, and networks compiled for all moments.

All functions here are for the worker process, which does one thing at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from glassnet.autodiff import Array
from glassnet.data import cifar10
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.errors import CheckpointError, DataError
from glassnet.lab.answers import NotFoundError
from glassnet.nn import Module
from glassnet.runtimes import Runtime, get_runtime
from glassnet.tasks import houses, open_task
from glassnet.tasks.answers import Answerer
from glassnet.tasks.classification import CIFAR10, Classification
from glassnet.tasks.subject import Subject, has_names_of, load
from glassnet.training import Checkpoint, Run, Settings, Task, history
from glassnet.training.checkpoint import steps_in
from glassnet.training.moments import network_at
from glassnet.training.randomness import generator
from glassnet.training.step import weights_of

_FEW = 64


@dataclass(frozen=True, eq=False)
class Moment:
    """The network of a run after ``step`` steps: of the newest checkpoint, with averaged weights, or as it was kept.

    weights: by their names in the model, buffers among them. A moment equals nothing but itself: caches go by it.
    """

    step: int
    weights: Mapping[str, Array]
    checkpoint: Checkpoint | None


def moment_of(run: Run, step: int | None) -> Moment:
    """The newest checkpoint if ``step`` is None, else the weights that were kept at that step or last before it."""
    try:
        return _moment(run, step)
    except CheckpointError:
        # A training may have put a newer one in its place while it was read.
        return _moment(run, step)


def subject_of(run: Run, step: int | None, needs_training: bool = False) -> Subject:
    """The network of a moment with its task, of which the training pictures are there only if they are needed."""
    task, model = _task_and_model(_data_settings(run.settings), needs_training, _data_stamp(run.settings))
    moment = moment_of(run, step)
    load(run, task, model, moment.weights)
    return Subject(run, moment.step, moment.checkpoint, runtime(), task, model)


def held_out(run: Run) -> Mapping[str, Array]:
    """The pictures that were held out of the training, with their labels; raises DataError if there are none."""
    task, _ = _task_and_model(_data_settings(run.settings), False, _data_stamp(run.settings))
    if not has_names_of(run, task):
        raise CheckpointError(
            f"expected the data that the run was trained on; got others in {task.source}. To fix: put them back."
        )
    if not len(task.validation["images"]):
        raise DataError("expected pictures that were held out of the training; got none. To fix: add pictures.")
    return task.validation


def answerer_of(run: Run) -> Answerer:
    """The network of the run, compiled for the weights of all its moments."""
    return _answerer(run.path, stamp(run.path / "task.json"))


@lru_cache(maxsize=1)
def runtime() -> Runtime:
    """Whatever the training ran on: every one of them can be asked on the processor."""
    return get_runtime("onnx")


def stamp(file: Path) -> tuple[int, ...]:
    """Something else if the file is another one, or was changed; nothing if it does not exist."""
    try:
        about = file.stat()
    except OSError:
        return ()
    return about.st_ino, about.st_mtime_ns


def _moment(run: Run, step: int | None) -> Moment:
    if step is None:
        steps = steps_in(run.checkpoints)
        newest = steps[-1] if steps else 0
        return _newest(run.path, newest, stamp(run.checkpoints / f"{newest:08d}" / "checkpoint.json"))
    kept = history.last_before(run, step)
    if kept is None:
        raise NotFoundError(
            f"expected weights that were kept up to step {step}; got none. To fix: choose a later step, or none at all."
        )
    at, file = kept
    return _kept(run.path, at, stamp(file))


@lru_cache(maxsize=4)
def _newest(path: Path, step: int, stamped: tuple[int, ...]) -> Moment:
    checkpoint, _ = Run(path).newest_checkpoint()
    return Moment(checkpoint.step, weights_of(checkpoint.tensors), checkpoint)


@lru_cache(maxsize=16)
def _kept(path: Path, step: int, stamped: tuple[int, ...]) -> Moment:
    newest = moment_of(Run(path), None).weights
    _, kept = network_at(Run(path), step)
    # An older version did not keep buffers.
    return Moment(step, {name: kept.get(name, array) for name, array in newest.items()}, None)


@lru_cache(maxsize=8)
def _answerer(path: Path, stamped: tuple[int, ...]) -> Answerer:
    return Answerer(Run(path), runtime())


@lru_cache(maxsize=4)
def _task_and_model(settings: Settings, needs_training: bool, stamped: Any) -> tuple[Task, Module]:
    """The network is for whoever asks next: they load what they need into it."""
    if settings.task == CIFAR10:
        task: Task = _cifar10(settings, needs_training)
    else:
        task = open_task(settings, runtime())
    return task, task.model(generator(settings.seed, "initialization"))


def _cifar10(settings: Settings, needs_training: bool) -> Classification:
    """Two runs share the photos. Without those for training, of which a few stand for all, it takes a sixth."""
    if needs_training:
        return Classification(settings, _cifar10_photos(settings.data))
    loaded = _cifar10_test(settings.data)
    few = Pictures(loaded.test.images[:_FEW], loaded.test.labels[:_FEW])
    return Classification(settings, dataclasses.replace(loaded, training=few))


@lru_cache(maxsize=1)
def _cifar10_photos(data: str | None) -> LabeledPictures:
    return cifar10.load(data)


@lru_cache(maxsize=1)
def _cifar10_test(data: str | None) -> LabeledPictures:
    return cifar10.load_test(data)


def _data_settings(settings: Settings) -> Settings:
    """Without what does not change the task: how long it is trained, and on what."""
    return dataclasses.replace(
        settings, minutes=None, epochs=None, steps=1, runtime="auto", device="auto", precision="auto"
    )


def _data_stamp(settings: Settings) -> tuple[tuple[int, ...], ...]:
    """Of a folder of pictures: something else once pictures come or go."""
    if settings.data is None or settings.task in (CIFAR10, houses.NAME):
        return ()
    folder = Path(settings.data)
    inner = sorted(path for path in folder.glob("*/") if path.is_dir()) if folder.is_dir() else []
    return tuple(stamp(path) for path in (folder, *inner, *(deeper for path in inner for deeper in path.glob("*/"))))
