"""A training in memory, with the step graph and the order of `training`; without run directory, clock and events."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.errors import DivergedError
from glassnet.graph import optimize, trace
from glassnet.nn import Module
from glassnet.ops import Random
from glassnet.runtimes import Executable, get_runtime
from glassnet.training import Settings, Task
from glassnet.training.budget import Budget
from glassnet.training.loop import schedule_of
from glassnet.training.randomness import generator
from glassnet.training.settings import BUDGETS
from glassnet.training.step import weights_of
from glassnet.training.stepper import Stepper

# A network from a generator and examples (N, ...), of which blank ones will do if tensors are loaded afterwards.
Build: TypeAlias = Callable[[np.random.Generator, Array], Module]
Loss: TypeAlias = Callable[[Module, Mapping[str, Tensor], Random], Tensor]
Answers: TypeAlias = Callable[[Module, Tensor], Tensor]
ROWS_RECIPE: Mapping[str, Any] = {
    "batch_size": 32, "learning_rate": 0.01, "schedule": "one_cycle", "weight_decay": 0.01, "ema_decay": 0.0,
}  # fmt: skip
"""What suits small networks on rows of numbers."""
_FEW, _SOME = 16, 32  # examples in a batch of a small set
_NUM_AT_ONCE = 64  # always as many: kernels round differently for other numbers


class Estimator(Protocol):
    """What both estimators have to say about their training."""

    epochs: float
    learning_rate: float | None
    batch_size: int | None
    runtime: str
    random_state: int | np.random.RandomState | None


def settings_of(estimator: Estimator, recipe: Mapping[str, Any], num_examples: int) -> Settings:
    """The recipe, with what the estimator says in its place; without a word from it, batches suit a small set too."""
    suits_the_set = max(_FEW, min(num_examples // 4, _SOME), num_examples // 25)
    usual = min(recipe["batch_size"], suits_the_set)
    batch_size = min(usual if estimator.batch_size is None else estimator.batch_size, num_examples)
    learning_rate = recipe["learning_rate"] if estimator.learning_rate is None else estimator.learning_rate
    seed = int(check_random_state(estimator.random_state).randint(2**31 - 1))
    budget = {**dict.fromkeys(BUDGETS), "epochs": estimator.epochs}
    own = {"batch_size": batch_size, "learning_rate": learning_rate, "runtime": estimator.runtime, "seed": seed}
    return Settings(**{"task": "arrays", **recipe, **budget, **own})


@dataclass
class Arrays:
    """The task of learning from arrays that somebody has: ``inputs`` among them go into the network."""

    training: Mapping[str, Array]
    build: Build
    objective: Loss
    name: str = "arrays"
    source: str = "arrays in memory"
    notices: Sequence[str] = ()
    validation: Mapping[str, Array] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)

    def model(self, generator: np.random.Generator) -> Module:
        return self.build(generator, self.training["inputs"])

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        return self.objective(model, batch, random)

    def measure(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        return {"loss": self.loss(model, batch, random)}

    def pictures(self, weights: Mapping[str, Array]) -> None:
        return None


def learn(task: Task, settings: Settings) -> tuple[dict[str, Array], list[float]]:
    """(weights by dotted name, the loss of each step). Raises DivergedError."""
    stepper = Stepper(task, settings, get_runtime(settings.runtime))
    stepper.load(stepper.graph.named(stepper.graph.initial))
    num_steps = int(Budget.of(settings, stepper.batches.num_examples).steps)
    schedule, losses = schedule_of(settings), []
    for step in range(num_steps):
        learning_rate = settings.learning_rate * schedule(step / num_steps)
        outputs = stepper.take(step, {"learning_rate": learning_rate, "weight_decay": settings.weight_decay})
        losses.append(float(outputs["loss"]))
        if not math.isfinite(losses[-1]):
            raise DivergedError(
                f"expected finite numbers; got the loss {losses[-1]:g} at step {step + 1}. To fix: lower "
                f"learning_rate (now {settings.learning_rate:g}) or check X for extreme values."
            )
    return weights_of(stepper.state()), losses


@final
class Network:
    """A trained network, ready to be asked: examples (N, ...) -> its answers (N, ...), float32.

    Pickled it is its weights; it is compiled when it is first asked.
    """

    def __init__(self, build: Build, answers: Answers, weights: Mapping[str, Array], example: ArraySpec, runtime: str):
        self.build, self.answers, self.weights, self.example, self.runtime = build, answers, weights, example, runtime
        self._executable: Executable | None = None

    def __call__(self, examples: Array) -> Array:
        executable = self._executable = self._executable or self._compiled()
        answers = []
        for start in range(0, len(examples), _NUM_AT_ONCE):
            some = examples[start : start + _NUM_AT_ONCE]
            whole = np.zeros((_NUM_AT_ONCE, *self.example.shape), self.example.dtype)
            whole[: len(some)] = some
            answers.append(executable({"inputs": whole})["answers"][: len(some)])
        return np.concatenate(answers)

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_executable": None}

    def _compiled(self) -> Executable:
        spec = ArraySpec((_NUM_AT_ONCE, *self.example.shape), self.example.dtype)
        model = self.build(generator(0, "initialization"), np.zeros(spec.shape, spec.dtype))
        model.load({name: Tensor(array) for name, array in self.weights.items()})
        model.train(False)
        graph = trace(lambda inputs, random: {"answers": self.answers(model, inputs["inputs"])}, {"inputs": spec})
        return get_runtime(self.runtime).compile(optimize(graph))


def softmax(logits: Array) -> NDArray[np.float64]:
    """(N, K) -> (N, K), rows adding up to 1 as closely as float64 can."""
    powers = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
