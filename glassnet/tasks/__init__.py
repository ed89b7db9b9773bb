"""What can be trained: each task binds data, network and loss, and is short."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from glassnet.errors import SettingsError
from glassnet.runtimes import Runtime
from glassnet.tasks import classification, houses
from glassnet.tasks.classification import CIFAR10, FOLDER, Classification
from glassnet.training import Settings, Task
from glassnet.training.settings import BUDGETS

TASKS = (CIFAR10, houses.NAME)
_FEW = 16  # examples in a batch of a small folder, if there are as many


def settings_for(task: str, given: dict[str, Any]) -> Settings:
    """The task's own settings with those that were given in their place; a given budget replaces the task's.

    ``task`` is one of `TASKS` or the path of a folder of pictures.
    """
    own: dict[str, Any]
    if task == houses.NAME:
        own = {"task": task, **houses.DEFAULTS}
    elif task == CIFAR10:
        own = {"task": task, **classification.recipe(task, given.get("model"))}
    elif os.path.isdir(task):
        own = {"task": FOLDER, **classification.recipe(FOLDER, given.get("model")), "data": str(Path(task).resolve())}
        if "data" in given:
            raise SettingsError(
                f"expected no --data with the folder {task}; got {given['data']}. To fix: leave it out."
            )
    else:
        raise SettingsError(
            f"expected a task ({', '.join(TASKS)}) or a folder of pictures; got '{task}'. To fix: choose one of these."
        )
    if any(budget in given for budget in BUDGETS):
        own = {name: value for name, value in own.items() if name not in BUDGETS}
    return Settings(**{**own, **given})


def open_task(settings: Settings, runtime: Runtime) -> Task:
    """The task with its data loaded."""
    return houses.Houses(settings, runtime) if settings.task == houses.NAME else Classification(settings)


def fit_batch(settings: Settings, task: Task) -> Settings:
    """The settings with a batch that is not too large for the examples there are, for who did not choose its size.

    A folder's is a quarter of its pictures at most: whole rounds of a few pictures would be few steps.
    """
    num = len(next(iter(task.training.values())))
    largest = max(num // 4, min(num, _FEW)) if settings.task == FOLDER else num
    return dataclasses.replace(settings, batch_size=min(settings.batch_size, largest))


__all__ = ["TASKS", "fit_batch", "open_task", "settings_for"]
