"""What can be trained: each task binds data, network and loss, and is short."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from glassnet.baselines.machine import machine
from glassnet.data.storage import is_url
from glassnet.errors import SettingsError
from glassnet.runtimes import Runtime
from glassnet.tasks import classification, faces, houses
from glassnet.tasks.classification import CIFAR10, FOLDER, Classification
from glassnet.training import Settings, Task
from glassnet.training.settings import BUDGETS

TASKS = (CIFAR10, faces.NAME, houses.NAME)
_OF_FACES = {"crop": True, "sampled_classes": None, "fpir": 0.01}
_BFLOAT16 = {"amx_bf16", "avx512_bf16"}  # processors that multiply in it
_FEW = 16  # examples in a batch of a small folder, if there are as many


def settings_for(task: str, given: Mapping[str, Any]) -> Settings:
    """The task's own settings with those that were given in their place; a given budget replaces the task's.

    ``task`` is one of `TASKS`, the path of a folder of pictures or of shards of them, or the URL of such shards.
    """
    own: dict[str, Any]
    if task == houses.NAME:
        own = {"task": task, **houses.DEFAULTS}
    elif task == CIFAR10:
        own = {"task": task, **classification.recipe(task, given.get("model"))}
    elif task == faces.NAME:
        own = {"task": task, **faces.DEFAULTS, "steps": faces.LEAST_STEPS}
        if "data" in given:
            given = {**given, "data": str(Path(given["data"]).expanduser().absolute())}
    elif is_url(task) or os.path.isdir(task):
        place = task.rstrip("/") if is_url(task) else str(Path(task).resolve())
        own = {"task": FOLDER, **classification.recipe(FOLDER, given.get("model")), "data": place}
        if "data" in given:
            raise SettingsError(
                f"expected no --data with the folder {task}; got {given['data']}. To fix: leave it out."
            )
    else:
        raise SettingsError(
            f"expected a task ({', '.join(TASKS)}) or a folder of pictures; got '{task}'. To fix: choose one of these."
        )
    for option, default in _OF_FACES.items():
        if task != faces.NAME and given.get(option, default) != default:
            typed = option.replace("_", "-")
            raise SettingsError(
                f"expected --{typed} with the task {faces.NAME} only; got it with '{task}'. To fix: leave it out."
            )
    if any(budget in given for budget in BUDGETS):
        own = {name: value for name, value in own.items() if name not in BUDGETS}
    if given.get("optimizer") not in (None, own.get("optimizer")):
        own.pop("momentum", None)  # it was chosen for the task's own rule
    return Settings(**{**own, **given})


def on_this_machine(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """The settings with the fastest runtime there is, for faces, which take minutes, and who did not choose."""
    is_chosen = not given.keys().isdisjoint(("runtime", "device", "precision"))
    if settings.task != faces.NAME or is_chosen or find_spec("torch") is None:
        return settings
    has_bfloat16 = not _BFLOAT16.isdisjoint(machine()["instructions"])
    return dataclasses.replace(settings, runtime="torch", precision="bfloat16" if has_bfloat16 else "auto")


def open_task(settings: Settings, runtime: Runtime) -> Task:
    """The task with its data loaded."""
    if settings.task == houses.NAME:
        return houses.Houses(settings, runtime)
    return faces.Faces(settings) if settings.task == faces.NAME else Classification(settings)


def fit_to_data(settings: Settings, task: Task, given: Mapping[str, Any]) -> Settings:
    """The settings with what was not ``given`` and hangs on the number of examples: the size of a batch, the steps.

    A batch is not larger than what there is to learn from. That of a folder is a quarter of its pictures at most:
    whole rounds of a few pictures would be few steps.
    """
    num = len(next(iter(task.training.values())))
    if "batch_size" not in given:
        largest = max(num // 4, min(num, _FEW)) if settings.task in (FOLDER, faces.NAME) else num
        settings = dataclasses.replace(settings, batch_size=min(settings.batch_size, largest))
    if isinstance(task, faces.Faces) and not any(budget in given for budget in BUDGETS):
        settings = dataclasses.replace(settings, steps=faces.steps_for(len(task.people.training.labels)))
    return settings


__all__ = ["TASKS", "fit_to_data", "on_this_machine", "open_task", "settings_for"]
