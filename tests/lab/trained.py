"""Small runs of every task, trained for a few steps once a session: for looking at, not for changing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.data.drawn import draw_houses
from glassnet.runtimes import get_runtime
from glassnet.tasks import open_task, settings_for
from glassnet.training import Settings, create, train
from tests.tasks.persons import write_persons

Make = Callable[[Path], Path]


def classifier(factory: pytest.TempPathFactory) -> Path:
    return _once(factory, "ants and bees", _classifier)


def denoiser(factory: pytest.TempPathFactory) -> Path:
    return _once(factory, "houses", _denoiser)


def recognizer(factory: pytest.TempPathFactory) -> Path:
    return _once(factory, "persons", _recognizer)


def untrained(where: Path) -> Path:
    """A run of houses that nobody trained."""
    return create(where / "untrained", Settings(task="houses", model="unet", steps=1)).path


def picture(size: int = 40, seed: int = 0, kind: str = "PNG") -> bytes:
    """The content of a file."""
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def checked(values: Any) -> Any:
    """The values, after JSON had them."""
    return json.loads(json.dumps(values, allow_nan=False))


def _once(factory: pytest.TempPathFactory, name: str, make: Make) -> Path:
    where = factory.getbasetemp() / name
    if not where.exists():
        where.mkdir()
        make(where)
    return where / "run"


def _classifier(where: Path) -> Path:
    numbers = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (where / "pictures" / name).mkdir(parents=True)
        for i in range(30):
            pixels = numbers.integers(0, 128, (32, 32, 3), np.uint8) + np.uint8(100 if name == "bee" else 0)
            Image.fromarray(pixels).save(where / "pictures" / name / f"{i}.png")
    return _run(where, str(where / "pictures"), steps=6)


def _denoiser(where: Path) -> Path:
    np.save(where / "houses.npy", draw_houses(40, seed=1))
    return _run(where, "houses", data=str(where / "houses.npy"), steps=3, runtime="onnx")


def _recognizer(where: Path) -> Path:
    people = write_persons(where / "people", {"Ann": 10, "Bob": 10})
    return _run(where, "faces", data=str(people), crop=False, steps=2, runtime="onnx")


def _run(where: Path, task: str, **given: Any) -> Path:
    settings = settings_for(task, {"batch_size": 4, "runtime": "numpy", "schedule": "constant", **given})
    opened = open_task(settings, get_runtime("numpy"))
    run = create(where / "run", settings, opened.facts)
    list(train(opened, run, get_runtime(settings.runtime)))
    return run.path
