"""Where the story of a weight is told: a network of any task in float64, examples, their loss and its gradient, and the
step that the optimizer takes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.errors import SettingsError
from glassnet.graph import Graph
from glassnet.insight.landscape import Landscape, Weights, in_float64, trace_loss
from glassnet.insight.step_story import Step
from glassnet.nn import Module
from glassnet.ops import Random
from glassnet.ops.random import draw
from glassnet.tasks.race import random_dtype_of
from glassnet.tasks.subject import Example, Subject, names_of
from glassnet.training import Checkpoint, Run, Settings, Task
from glassnet.training.adjusting import in_force_at
from glassnet.training.batches import Batches
from glassnet.training.budget import Budget
from glassnet.training.events import Started
from glassnet.training.loop import schedule_of
from glassnet.training.randomness import generator
from glassnet.training.step import below, optimizer_of, packing_of

_NUM_EXAMPLES = 64  # unless more are asked for: the whole of most tasks' batches, in seconds
# Shares of the highest learning rate. A step of a schedule that has run out shows nothing; one with the highest is too
# large for weights that have settled.
_LEAST_FACTOR, _SHOWN_FACTOR = 0.01, 0.1
_NOT_KEPT = (
    "What the optimizer makes of the slope is known at the newest checkpoint only: of other moments the weights were "
    "kept, not what it remembered of earlier steps."
)


@dataclass(frozen=True)
class Scene:
    """``weights``, ``loss`` and ``gradient`` are those of the landscape; all weights are as they were learned.

    update: None where what the optimizer remembers of earlier steps was not kept. averages: None likewise. labels: the
    class or person of each example, empty where there are none. notices: in which way the step that is shown is not the
    one that the training takes next.
    """

    run: Run
    step: int
    landscape: Landscape
    weights: Weights
    loss: float
    gradient: Weights
    update: Step | None
    averages: Weights | None
    examples: str
    labels: Sequence[str]
    batch_size: int
    notices: Sequence[str]


@dataclass(frozen=True)
class _Shown:
    """Examples, and the loss that they are to be judged by."""

    batch: Mapping[str, Array]
    words: str
    is_picture: bool
    source: np.random.Generator

    @property
    def num(self) -> int:
        return len(next(iter(self.batch.values())))


def open_scene(subject: Subject, example: Example | None = None, batch_size: int | None = None) -> Scene:
    """At the examples of the next step of the training, varied as they will be, or at the first ``batch_size`` of them;
    or at an example as it is, in the way the network is used after training. Raises GlassnetError.
    """
    run, task, checkpoint, network = subject.run, subject.task, subject.checkpoint, subject.model
    settings, given_rate = in_force_at(run, subject.step)
    if checkpoint is not None:
        network.load({n: Tensor(array) for n, array in below(checkpoint.tensors, "parameters").items()})
    in_float64(network)
    batches = Batches(task.training, settings.batch_size, settings.seed)
    if checkpoint is not None and checkpoint.num_seen is not None:
        batches.resize(settings.batch_size, checkpoint.step, checkpoint.num_seen)
    try:
        shown = (
            _next_batch(settings, batches, subject.step, batch_size) if example is None else _picture(subject, example)
        )
    finally:
        batches.close()
    landscape = _landscape(settings, task, network, shown)
    weights = {name: tensor.numpy() for name, tensor in network.parameters().items()}
    loss, gradient = landscape.gradient(weights)
    update, averages, notices = None, None, [*_notices(run, settings, task, shown)]
    if checkpoint is None:
        notices.append(_NOT_KEPT)
    else:
        averages = below(checkpoint.tensors, "averages")
        rate, factor = (given_rate, 1.0) if given_rate else _learning_rate(settings, batches.num_examples, checkpoint)
        update = _step(settings, checkpoint, weights, gradient, rate)
        notices += _rate_notices(settings, factor)
    return Scene(
        run, subject.step, landscape, weights, loss, gradient, update, averages, shown.words, _labels(run, shown),
        shown.num, notices,
    )  # fmt: skip


def _next_batch(settings: Settings, batches: Batches, step: int, batch_size: int | None) -> _Shown:
    num = min(settings.batch_size, _NUM_EXAMPLES) if batch_size is None else batch_size
    if num > settings.batch_size:
        raise SettingsError(
            f"expected --batch-size to be at most {settings.batch_size}, that of the training; got {num}. "
            "To fix: choose a smaller one."
        )
    batch = {name: array[:num] for name, array in batches.batch(step).items()}
    words = f"the {num} examples of step {step + 1:,}"
    if num < settings.batch_size:
        words = f"the first {num} of the {settings.batch_size} examples of step {step + 1:,}"
    return _Shown(batch, words, False, generator(settings.seed, "step", step))


def _picture(subject: Subject, example: Example) -> _Shown:
    """A picture with its class, else with what the network says it is."""
    run, network = subject.run, subject.model
    source, images, name = generator(run.settings.seed, "validation"), example.image[None], example.source
    names = names_of(run)
    if not names:
        return _Shown({"images": images[:, 0]}, f"the drawing {name}", True, source)
    number, why = example.label, "as its folder says"
    if number is None:
        network.train(False)
        number, why = int(np.argmax(network(Tensor(images)).numpy()[0])), "as the network itself says"
    batch = {"images": images, "labels": np.array([number])}
    return _Shown(batch, f"the picture {name}, taken for {names[number]}, {why}", True, source)


def _landscape(settings: Settings, task: Task, network: Module, shown: _Shown) -> Landscape:
    """In training the loss of the training; of a picture what is measured of held-out examples."""
    network.train(not shown.is_picture)

    def loss(batch: Mapping[str, Tensor], random: Random) -> Tensor:
        if shown.is_picture:
            return task.measure(network, batch, random)["loss"]
        return task.loss(network, batch, random)

    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in shown.batch.items()}
    graph, gradient_graph = trace_loss(network, loss, specs, random_dtype_of(task))
    return Landscape(graph, gradient_graph, {**shown.batch, **_drawn(graph, shown.source)})


def _drawn(graph: Graph, source: np.random.Generator) -> dict[str, Array]:
    """The random numbers of the training, which draws them in float32."""
    specs = graph.input_specs()
    return {
        name: draw(source, kind, specs[name].shape, np.dtype(np.float32)).astype(specs[name].dtype)
        for name, kind in graph.random.items()
    }


def _learning_rate(settings: Settings, num_examples: int, checkpoint: Checkpoint) -> tuple[float, float]:
    """That of the step that is shown, and the share of the highest that the schedule would let the next one have."""
    progress = Budget.of(settings, num_examples).progress(checkpoint.step, checkpoint.elapsed_s)
    factor = schedule_of(settings)(progress)
    return settings.learning_rate * (factor if factor >= _LEAST_FACTOR else _SHOWN_FACTOR), factor


def _step(settings: Settings, checkpoint: Checkpoint, weights: Weights, gradient: Weights, rate: float) -> Step:
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in weights.items()}
    optimizer = optimizer_of(settings)
    state = {name: array.astype(np.float64) for name, array in below(checkpoint.tensors, "optimizer").items()}
    hyper = {**optimizer.hyperparameters(), "learning_rate": rate, "weight_decay": settings.weight_decay}
    return Step(
        optimizer, packing_of(specs, settings.optimizer), weights, gradient, state, checkpoint.step + 1, hyper,
        settings.max_gradient_norm,
    )  # fmt: skip


def _labels(run: Run, shown: _Shown) -> list[str]:
    names = names_of(run)
    return [names[label] for label in shown.batch["labels"].tolist()] if "labels" in shown.batch else []


def _notices(run: Run, settings: Settings, task: Task, shown: _Shown) -> list[str]:
    started, notices = run.last(Started), []
    if shown.is_picture:
        notices.append("This is no step of the training: it learns from many examples at once, not from one picture.")
    elif shown.num < settings.batch_size:
        notices.append(f"The training itself learns from {settings.batch_size} examples at once, not from {shown.num}.")
    if started is not None and started.source != task.source:
        notices.append(f"The run has learned from {started.source}; these examples are from {task.source}.")
    return notices


def _rate_notices(settings: Settings, factor: float) -> list[str]:
    if factor >= _LEAST_FACTOR:
        return []
    return [
        f"By the schedule the learning rate is {settings.learning_rate * factor:.2g} now. The step shown has a "
        f"tenth of the highest, {settings.learning_rate * _SHOWN_FACTOR:g}."
    ]
