"""The story of one weight of a run of any task: its network, the examples of its next step or a picture, and the step
that its optimizer takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.errors import CheckpointError, SettingsError
from glassnet.graph import Graph
from glassnet.insight.chain_rule import Term
from glassnet.insight.landscape import Landscape, Weights, in_float64, trace_loss
from glassnet.insight.step_story import Step
from glassnet.insight.weight_story import EPSILON, Place, WeightStory, check_epsilon, find, tell
from glassnet.nn import Module
from glassnet.ops import Random
from glassnet.ops.random import draw
from glassnet.runtimes import get_runtime
from glassnet.tasks.race import random_dtype_of
from glassnet.tasks.subject import Subject, open_subject, read_example
from glassnet.training import Checkpoint, Run, Settings, Task, history
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


@dataclass(frozen=True)
class Told:
    """A story, and what it is told of. labels: the class or person of each example, empty where there are none.

    notices: in which way the step that is shown is not the one that the training takes next.
    """

    story: WeightStory
    run: Run
    step: int
    averaged: float
    examples: str
    labels: Sequence[str]
    batch_size: int
    notices: Sequence[str]


@dataclass(frozen=True)
class _Scene:
    """Examples, and the loss that they are to be judged by."""

    batch: Mapping[str, Array]
    words: str
    is_picture: bool
    source: np.random.Generator


def explain(
    run: Run,
    checkpoint: Checkpoint,
    weight: str,
    *,
    picture: Path | None = None,
    batch_size: int | None = None,
    epsilon: float = EPSILON,
) -> Told:
    """The story of ``weight``, such as ``conv1.weight[3,0,2,2]``, at the checkpoint.

    It is told at the examples of the next step of the training, varied as they will be, or at the first ``batch_size``
    of them; or at a picture as it is, in the way the network is used after training. Raises GlassnetError.
    """
    check_epsilon(epsilon)
    learned = below(checkpoint.tensors, "parameters")
    place = find(weight, {n: a.shape for n, a in learned.items()}, list(below(checkpoint.tensors, "buffers")))
    subject = open_subject(run, checkpoint, get_runtime("numpy"))
    task, network = subject.task, _network(subject)
    batches = Batches(task.training, run.settings.batch_size, run.settings.seed)
    try:
        scene = (
            _next_batch(run.settings, batches, checkpoint.step, batch_size)
            if picture is None
            else _picture(subject, picture)
        )
    finally:
        batches.close()
    landscape = _landscape(run.settings, task, network, scene)
    weights = {name: tensor.numpy() for name, tensor in network.parameters().items()}
    loss, gradient = landscape.gradient(weights)
    rate, factor = _learning_rate(run.settings, batches.num_examples, checkpoint)
    num = len(next(iter(scene.batch.values())))
    story = tell(
        landscape,
        _step(run.settings, checkpoint, weights, gradient, rate),
        place,
        loss=loss,
        batch_size=num,
        epsilon=epsilon,
        history=_history(run, checkpoint, place),
    )
    averaged = float(checkpoint.tensors[f"averages/{place.name}"][place.index])
    notices = _notices(run, task, scene, num, factor)
    return Told(story, run, checkpoint.step, averaged, scene.words, _labels(run, scene), num, notices)


def facts(told: Told) -> dict[str, Any]:
    """The story as JSON has it."""
    story, settings = told.story, told.run.settings
    nudges, terms, outcome = story.nudges, story.sum, story.outcome
    return {
        "task": settings.task, "model": settings.model, "step": told.step,
        "weight": str(story.place), "tensor": story.place.name, "index": list(story.place.index),
        "shape": list(story.shape), "weights": story.num_weights,
        "value": story.value, "averaged": told.averaged, "share_smaller": story.share_smaller,
        "history": [{"step": step, "value": value} for step, value in story.history],
        "examples": told.examples, "batch_size": told.batch_size, "notices": list(told.notices),
        "epsilon": nudges.epsilon, "loss": nudges.loss, "loss_up": nudges.up, "loss_down": nudges.down,
        "curve": {"value": (story.value + nudges.amounts).tolist(), "loss": nudges.losses.tolist()},
        "slope_by_nudge": nudges.by_nudge, "slope_by_backpropagation": nudges.by_backpropagation,
        "corners": nudges.corners, "doubts": list(nudges.doubts),
        "chain_rule": {
            "calls": list(terms.calls), "terms": terms.num_terms, "nonzero": terms.num_nonzero,
            "positive": terms.positive, "negative": terms.negative, "sum": terms.total,
            "by_example": None if terms.by_example is None else terms.by_example.tolist(),
            "largest": [_term(told, term) for term in terms.largest],
        },
        "optimizer": settings.optimizer,
        "parts": [dataclasses.asdict(part) for part in outcome.parts],
        "change": outcome.change, "expected_change_of_loss": outcome.expected,
        "loss_after": outcome.loss, "loss_after_this_weight_alone": outcome.loss_alone,
    }  # fmt: skip


def _term(told: Told, term: Term) -> dict[str, Any]:
    label = told.labels[term.example] if told.labels and term.example is not None else None
    return {
        "example": term.example, "label": label, "place": list(term.index), "signal": term.signal, "blame": term.blame,
        "term": term.value, "patch": None if term.patch is None else list(term.patch),
    }  # fmt: skip


def _network(subject: Subject) -> Module:
    """In float64, with the weights as they were learned, not averaged."""
    run, task, network = subject.run, subject.task, subject.model
    for kind in ("classes", "people"):
        if task.facts.get(kind) != run.facts.get(kind):
            raise CheckpointError(
                f"expected the classes that {run.path} has learned to tell apart; got others in {task.source}. "
                "To fix: put the data back as it was."
            )
    learned = below(subject.checkpoint.tensors, "parameters")
    network.load({name: Tensor(array) for name, array in learned.items()})
    in_float64(network)
    return network


def _next_batch(settings: Settings, batches: Batches, step: int, batch_size: int | None) -> _Scene:
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
    return _Scene(batch, words, False, generator(settings.seed, "step", step))


def _picture(subject: Subject, path: Path) -> _Scene:
    """The picture with the class of its folder, if that is one of the run, else with what the network says it is."""
    run, network = subject.run, subject.model
    source, images = generator(run.settings.seed, "validation"), read_example(subject, path).image[None]
    names = _names(run)
    if not names:
        return _Scene({"images": images[:, 0]}, f"the drawing {path.name}", True, source)
    label, why = path.absolute().parent.name, "as its folder says"
    if label not in names:
        network.train(False)
        label, why = names[int(np.argmax(network(Tensor(images)).numpy()[0]))], "as the network itself says"
    batch = {"images": images, "labels": np.array([names.index(label)])}
    return _Scene(batch, f"the picture {path.name}, taken for {label}, {why}", True, source)


def _landscape(settings: Settings, task: Task, network: Module, scene: _Scene) -> Landscape:
    """In training the loss of the training; of a picture what is measured of held-out examples."""
    network.train(not scene.is_picture)

    def loss(batch: Mapping[str, Tensor], random: Random) -> Tensor:
        if scene.is_picture:
            return task.measure(network, batch, random)["loss"]
        return task.loss(network, batch, random)

    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in scene.batch.items()}
    graph, gradient_graph = trace_loss(network, loss, specs, random_dtype_of(task))
    return Landscape(graph, gradient_graph, {**scene.batch, **_drawn(graph, scene.source)})


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


def _history(run: Run, checkpoint: Checkpoint, place: Place) -> list[tuple[int, float]]:
    """What the weight was, up to the checkpoint."""
    now = checkpoint.tensors[f"parameters/{place.name}"]
    points = []
    for step, path in history.snapshots(run):
        weights = history.load(path)
        if place.name not in weights or weights[place.name].shape != now.shape:
            raise CheckpointError(f"expected {place.name} in {path}; got other weights. To fix: delete that file.")
        if step < checkpoint.step:
            points.append((step, float(weights[place.name][place.index])))
    return [*points, (checkpoint.step, float(now[place.index]))]


def _names(run: Run) -> list[str]:
    facts = run.facts
    return [str(name) for name in facts.get("classes", facts.get("people", ()))]


def _labels(run: Run, scene: _Scene) -> list[str]:
    names = _names(run)
    return [names[label] for label in scene.batch["labels"].tolist()] if "labels" in scene.batch else []


def _notices(run: Run, task: Task, scene: _Scene, num: int, factor: float) -> list[str]:
    settings, started, notices = run.settings, run.last(Started), []
    if scene.is_picture:
        notices.append("This is no step of the training: it learns from many examples at once, not from one picture.")
    elif num < settings.batch_size:
        notices.append(f"The training itself learns from {settings.batch_size} examples at once, not from {num}.")
    if started is not None and started.source != task.source:
        notices.append(f"The run has learned from {started.source}; these examples are from {task.source}.")
    if factor < _LEAST_FACTOR:
        notices.append(
            f"By the schedule the learning rate is {settings.learning_rate * factor:.2g} now. The step shown has a "
            f"tenth of the highest, {settings.learning_rate * _SHOWN_FACTOR:g}."
        )
    return notices
