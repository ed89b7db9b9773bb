"""A task that trains in milliseconds, and whatever else the tests of training share."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.nn import BatchNorm2d, Conv2d, Flatten, Linear, Module, ReLU, Sequential, mse_loss
from glassnet.ops import Random
from glassnet.runtimes import get_runtime
from glassnet.training import Run, Settings, create, train
from glassnet.training.events import Event, Stepped


class Toy:
    """Pictures (4, 4) to one number; its loss has noise in it, and its network running statistics."""

    name = "toy"
    source = "numbers from a seed"
    notices = ()
    facts: ClassVar[dict[str, object]] = {}

    def __init__(self, num: int = 50, can_learn: bool = True):
        generator = np.random.default_rng(3)
        x = generator.standard_normal((num + 10, 1, 4, 4)).astype(np.float32)
        y = x[:, 0, :2].mean((1, 2)) - x[:, 0, 2:].mean((1, 2))
        y = (y if can_learn else generator.standard_normal(len(x))).astype(np.float32)[:, None]
        self.training: Mapping[str, Array] = {"x": x[10:], "y": y[10:]}
        self.validation: Mapping[str, Array] = {"x": x[:10], "y": y[:10]}

    def model(self, generator: np.random.Generator) -> Module:
        conv = Conv2d(1, 4, 3, padding=1, has_bias=False, generator=generator)
        return Sequential(conv, BatchNorm2d(4), ReLU(), Flatten(), Linear(64, 1, generator=generator))

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        x = batch["x"]
        return mse_loss(model(x + random.normal(x.shape) * 0.05), batch["y"])

    def measure(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        return {"loss": self.loss(model, batch, random)}

    def pictures(self, weights: Mapping[str, Array]) -> Array:
        kernels = np.nan_to_num(weights["0.weight"][:, 0], posinf=0.0, neginf=0.0)
        return np.clip(kernels * 100 + 128, 0, 255).astype(np.uint8)


def settings(**given: Any) -> Settings:
    budget = {} if any(name in given for name in ("minutes", "epochs", "steps")) else {"steps": 20}
    return Settings(**{"task": "toy", "batch_size": 8, "learning_rate": 0.03, **budget, **given})


def new_run(path: Path, **given: Any) -> Run:
    return create(path, settings(**given))


def all_events(run: Run, runtime: str = "numpy", resume: bool = False, task: Toy | None = None) -> list[Event]:
    return list(train(task or Toy(), run, get_runtime(runtime), resume))


def stop_after(num_steps: int, run: Run, runtime: str = "numpy", resume: bool = False) -> list[Event]:
    """Train and close right after the event of that step; what had been yielded till then."""
    seen: list[Event] = []
    training = train(Toy(), run, get_runtime(runtime), resume)
    for event in training:
        seen.append(event)
        if isinstance(event, Stepped) and event.step == num_steps:
            break
    training.close()
    return seen


def state(run: Run) -> dict[str, Array]:
    return dict(run.newest_checkpoint()[0].tensors)


def assert_same_state(one: Run, other: Run) -> None:
    mine, theirs = state(one), state(other)
    assert mine.keys() == theirs.keys()
    for name, array in theirs.items():
        assert mine[name].tobytes() == array.tobytes(), name


def kinds(events: list[Event]) -> list[str]:
    """The kinds of the events in order, repetitions once."""
    return [name for name, _ in itertools.groupby(type(event).__name__ for event in events)]
