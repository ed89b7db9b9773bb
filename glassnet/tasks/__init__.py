"""What can be trained: each task binds data, network and loss, and is short."""

from __future__ import annotations

from typing import Any

from glassnet.errors import SettingsError
from glassnet.runtimes import Runtime
from glassnet.tasks import houses
from glassnet.training import Settings, Task
from glassnet.training.settings import BUDGETS

_DEFAULTS = {houses.NAME: houses.DEFAULTS}


def settings_for(task: str, given: dict[str, Any]) -> Settings:
    """The task's own settings with those that were given in their place; a given budget replaces the task's."""
    if task not in _DEFAULTS:
        raise SettingsError(f"expected a task ({', '.join(_DEFAULTS)}); got '{task}'. To fix: choose one of these.")
    defaults = dict(_DEFAULTS[task])
    if any(budget in given for budget in BUDGETS):
        defaults = {name: value for name, value in defaults.items() if name not in BUDGETS}
    return Settings(task=task, **{**defaults, **given})


def open_task(settings: Settings, runtime: Runtime) -> Task:
    """The task with its data loaded."""
    assert settings.task == houses.NAME, settings.task
    return houses.Houses(settings, runtime)


__all__ = ["open_task", "settings_for"]
