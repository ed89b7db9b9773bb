"""What can be trained on this machine, and what is missing for the rest; for the worker, as it asks all tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from glassnet.baselines.machine import machine
from glassnet.data import cifar10, facefinder, houses, people, quickdraw
from glassnet.errors import DataError
from glassnet.models import CLASSIFIERS
from glassnet.tasks import TASKS, settings_for
from glassnet.tasks.faces import NAME as FACES
from glassnet.tasks.houses import NAME as HOUSES

_TOLD = ("processor", "system", "python")


def of_this_machine(num_cores: int) -> dict[str, Any]:
    facts = machine()
    return {
        "version": version("glassnet"),
        "machine": {**{name: facts[name] for name in _TOLD}, "cores": num_cores},
        "tasks": [_task(name) for name in TASKS],
    }


def _task(name: str) -> dict[str, Any]:
    needs = _needs(name)
    return {
        "name": name,
        "models": _models(name),
        "defaults": dataclasses.asdict(settings_for(name, {})),
        "data": _data(name),
        "is_available": needs is None,
        "needs": needs,
    }


def _models(name: str) -> Sequence[str]:
    return {HOUSES: ["unet"], FACES: ["facenet"]}.get(name, list(CLASSIFIERS))


def _data(name: str) -> list[str]:
    """What --data may name besides a path; the first is what is taken where nothing is chosen."""
    if name != HOUSES:
        return []
    return [houses.QUICKDRAW, houses.GENERATED] if quickdraw.find() else [houses.GENERATED]


def _needs(name: str) -> str | None:
    if name == HOUSES:
        return None
    try:
        if name == FACES:
            people.find_default()
            return facefinder.missing()
        return None if cifar10.find() else "expected CIFAR-10; got none. To fix: glassnet data get cifar10"
    except DataError as error:
        return str(error)
