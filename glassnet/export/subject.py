"""What is exported: a task and where its training begins, or a run and where it goes on."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.data.stream import Stream
from glassnet.errors import DataError, SettingsError
from glassnet.export.first_weights import Draw, Recorder
from glassnet.export.graphs import steps
from glassnet.models.described import is_description
from glassnet.nn import Module
from glassnet.runtimes import get_runtime
from glassnet.tasks import TASKS, faces, fit_to_data, houses, open_task, settings_for
from glassnet.tasks.classification import CIFAR10, FOLDER, MODEL
from glassnet.training import Checkpoint, Run, Settings, Task
from glassnet.training.randomness import generator
from glassnet.training.settings import BUDGETS
from glassnet.training.start import check_newest, first_state
from glassnet.training.step import TrainingStep

_HERE: Mapping[str, Any] = {"runtime": "onnx", "device": "cpu", "precision": "float32"}
_MINUTES = {houses.NAME: 2.0, CIFAR10: 10.0}  # WebAssembly takes longer than a processor's own code
_MOST_BYTES = 2**30


@dataclass(frozen=True)
class Subject:
    """A training that can begin, or go on, anywhere."""

    name: str
    settings: Settings
    task: Task
    model: Module
    steps: Mapping[int, TrainingStep]  # by batch size
    start: Checkpoint
    draws: Sequence[Draw]  # of which its weights are
    notices: Sequence[str]


def open_subject(what: str, given: Mapping[str, Any]) -> Subject:
    """A task with the settings that are ``given``, else its own; or a run, of which only the budget can be changed.

    Raises GlassnetError for what cannot be had, or cannot be trained in a browser.
    """
    if what not in TASKS and os.path.isfile(os.path.join(what, "settings.json")):
        return _of_run(Run(Path(what)), given)
    _check_what(what)
    settings = _settings(what, given)
    task = _opened(settings)
    settings = fit_to_data(settings, task, given)
    name = Path(settings.data).name if settings.task == FOLDER and settings.data else settings.task
    recorder = Recorder(settings.seed)
    model = task.model(recorder)
    by_size = steps(task, model, settings)
    named, words = first_state(by_size[settings.batch_size], model, settings.start)
    notices = [*task.notices, *([f"starting from {words}"] if words else [])]
    start = Checkpoint(0, 0.0, named, num_seen=0)
    return Subject(name, settings, task, model, by_size, start, recorder.draws, notices)


def _of_run(run: Run, given: Mapping[str, Any]) -> Subject:
    run.adopt(given)
    settings = dataclasses.replace(run.settings, **_HERE)
    newest, complaints = run.newest_checkpoint()
    task = _opened(settings)
    model = task.model(generator(settings.seed, "initialization"))
    by_size = steps(task, model, settings)
    check_newest(run, newest, task, by_size[settings.batch_size])
    num_seen = newest.step * settings.batch_size if newest.num_seen is None else newest.num_seen
    notices = [f"{line} Using step {newest.step}." for line in complaints]
    name = run.path.resolve().name
    start = dataclasses.replace(newest, num_seen=num_seen)
    return Subject(name, settings, task, model, by_size, start, [], notices)


def _check_what(what: str) -> None:
    """A folder may be pictures to learn from; a path that does not exist is no run."""
    if what in TASKS or os.path.isdir(what):
        return
    raise SettingsError(
        f"expected a task ({', '.join(TASKS)}), a run or a folder of pictures; got '{what}'. To fix: choose one of "
        "these; `glassnet runs` lists the runs."
    )


def _settings(task: str, given: Mapping[str, Any]) -> Settings:
    budget = {"minutes": _MINUTES[task]} if task in _MINUTES and not set(BUDGETS) & set(given) else {}
    settings = settings_for(task, {**budget, **given, **_HERE})
    small = {} if "batch_size" in given else _small_steps(settings)
    return dataclasses.replace(settings, **{name: value for name, value in small.items() if name not in given})


def _small_steps(settings: Settings) -> Mapping[str, Any]:
    """A tab takes few steps a second, and small ones teach more in the first minute."""
    if settings.task == faces.NAME:
        return {"batch_size": 16, "learning_rate": 0.05}
    is_small = settings.model == MODEL or is_description(settings.model)
    return {"batch_size": 32} if settings.task == CIFAR10 and is_small else {}


def _opened(settings: Settings) -> Task:
    task = open_task(settings, get_runtime("onnx"))
    sizes = [0 if isinstance(array, Stream) else array.nbytes for array in task.training.values()]
    if any(isinstance(array, Stream) for array in task.training.values()) or sum(sizes) > _MOST_BYTES:
        raise DataError(
            f"expected examples that a browser can hold in its memory, up to {_MOST_BYTES / 1e9:.1f} GB; got more, "
            f"{task.source}. To fix: choose fewer of them."
        )
    return task
