"""A look inside a run of any task: its layers for one picture, its weights over time, the loss around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from glassnet.autodiff import Array, ArraySpec, Shape, Tensor
from glassnet.data import people
from glassnet.data.facecrop import Framing
from glassnet.data.pictures import read_picture
from glassnet.errors import CheckpointError, DataError
from glassnet.insight.landscape import trace_loss
from glassnet.insight.layers import Layer, inspect
from glassnet.insight.names import label
from glassnet.insight.pictures import layer_pages, weights_over_time
from glassnet.insight.slice_sheet import along_gradient_chart, slice_sheet
from glassnet.insight.slices import AlongGradient, Slice, along_gradient, by_filter, loss_slice, random_direction
from glassnet.nn import Module
from glassnet.ops import Random
from glassnet.runtimes import Runtime
from glassnet.tasks import houses, open_task
from glassnet.training import Checkpoint, Run, Task, history
from glassnet.training.batches import Batches
from glassnet.training.randomness import draw_inputs, generator
from glassnet.training.step import below, weights_of

Plane = Literal["random", "gradient"]

_MOST_EXAMPLES = 32  # that the loss is of, along lines and planes
_NUM_SAID = 3


@dataclass(frozen=True)
class Subject:
    """A run with its task and its network, which holds the averaged weights of the checkpoint."""

    run: Run
    checkpoint: Checkpoint
    runtime: Runtime
    task: Task
    model: Module

    @property
    def title(self) -> str:
        settings = self.run.settings
        return f"{settings.task}, {settings.model}, {self.model.num_weights():,} weights"

    @property
    def when(self) -> str:
        return f"after {self.checkpoint.step:,} steps"


@dataclass(frozen=True)
class Example:
    """One picture as the network learns from it, uint8 (C, H, W), and the number of its class if it is known."""

    image: Array
    label: int | None
    source: str


@dataclass(frozen=True)
class Inside:
    """What happens in the network for one picture; ``answers``: the likeliest classes with their probabilities."""

    example: Example
    loss: float
    layers: list[Layer]
    answers: list[tuple[str, float]]
    words: str


@dataclass(frozen=True)
class Surroundings:
    """The loss around the weights, for the same examples, augmentation and noise everywhere."""

    num_examples: int
    along: AlongGradient
    plane: Slice
    directions: tuple[str, str]


class _HalfWay:
    """Noise from a generator, and 0.5 for every number between 0 and 1: a drawing halfway to noise."""

    def __init__(self, source: np.random.Generator):
        self._source = source

    def uniform(self, shape: Shape) -> Tensor:
        return Tensor(np.full(shape, 0.5, np.float32))

    def normal(self, shape: Shape) -> Tensor:
        return Tensor(self._source.standard_normal(shape, np.float32))


def open_look(run: Run, checkpoint: Checkpoint, runtime: Runtime) -> Subject:
    """The run with its data, which must be where they were in the training."""
    task = open_task(run.settings, runtime)
    model = task.model(generator(run.settings.seed, "initialization"))
    subject = Subject(run, checkpoint, runtime, task, model)
    weights = weights_of(checkpoint.tensors)
    shapes = {name: tensor.shape for name, tensor in model.tensors().items()}
    if shapes != {name: array.shape for name, array in weights.items()}:
        raise CheckpointError(
            f"expected the data that {run.path} was trained on; got {task.source}, for which the network has other "
            "shapes. To fix: put the data back as they were."
        )
    model.load({name: Tensor(array) for name, array in weights.items()})
    return subject


def read_example(subject: Subject, path: Path | None) -> Example:
    """The picture at ``path``, or else the first that was held out of the training."""
    if path is not None:
        return Example(_read(subject, path), None, str(path))
    held_out = subject.task.validation
    if len(held_out["images"]):
        examples, source = held_out, "the first picture that was held out of the training"
    else:
        examples, source = _batch(subject, 1), "the first picture of the training"
    image = examples["images"][0]
    number = int(examples["labels"][0]) if "labels" in examples else None
    return Example(image if image.ndim == 3 else image[None], number, source)


def _read(subject: Subject, path: Path) -> Array:
    facts = subject.run.facts
    if "people" in facts:
        (face,) = people.read_faces([path], Framing.from_json(facts["framing"]))
        if isinstance(face, str):
            raise DataError(f"expected a face in {path}; got {face}. To fix: choose another photo.")
        return face
    if "classes" in facts:
        channels, size_px, _ = facts["image_shape"]
        return read_picture(path, size_px, channels)
    drawing = read_picture(path, houses.SIZE, 1)
    # Drawings are ink 255 on 0; on paper it is the other way round.
    return 255 - drawing if drawing.mean() > 127 else drawing


def look_inside(subject: Subject, example: Example) -> Inside:
    """One picture through the network and back, as it is in use: without augmentation, without dropout."""
    subject.model.train(False)
    probabilities = _probabilities(subject, example)
    number = example.label
    if number is None and probabilities is not None:
        number = int(probabilities.argmax())
    batch = {"images": Tensor(example.image[None])}
    if number is None:
        batch["images"] = Tensor(example.image)
    else:
        batch["labels"] = Tensor(np.array([number], np.int64))
    random = _HalfWay(generator(subject.run.settings.seed, "pictures"))
    loss, layers = inspect(subject.model, lambda: subject.task.measure(subject.model, batch, random)["loss"])
    answers = _answers(subject, probabilities)
    return Inside(example, loss, layers, answers, _in_words(subject, example, loss, answers))


def _names(subject: Subject) -> list[str]:
    facts = subject.run.facts
    return list(facts.get("classes") or facts.get("people") or [])


def _probabilities(subject: Subject, example: Example) -> Array | None:
    """(K,), or None of a network that does not choose."""
    if not _names(subject):
        return None
    logits = subject.model(Tensor(example.image[None])).numpy()[0].astype(np.float64)
    if "people" in subject.run.facts:  # these are cosines
        logits *= subject.run.settings.logit_scale
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())


def _answers(subject: Subject, probabilities: Array | None) -> list[tuple[str, float]]:
    if probabilities is None:
        return []
    best = (-probabilities).argsort(kind="stable")[:_NUM_SAID]
    return [(_names(subject)[i], float(probabilities[i])) for i in best]


def _in_words(subject: Subject, example: Example, loss: float, answers: list[tuple[str, float]]) -> str:
    """What was shown and what came of it, a line each."""
    if not answers:
        return f"Shown: {example.source}, halfway hidden by noise.\nThe loss is {loss:.4g}."
    names = _names(subject)
    said = ", ".join(f"{label(names.index(name), name)} {100 * share:.1f} %" for name, share in answers)
    if example.label is None:
        right = f"The loss is {loss:.4g}, taking {label(names.index(answers[0][0]), answers[0][0])} for right."
    else:
        right = f"It is {label(example.label, names[example.label])}; the loss is {loss:.4g}."
    return f"Shown: {example.source}.\nThe answer: {said}. {right}"


def weights_in_time(subject: Subject) -> dict[int, Mapping[str, Array]]:
    """The learned weights by the number of steps: those that the run kept, the random ones, and the newest."""
    settings = subject.run.settings
    moments: dict[int, Mapping[str, Array]] = {
        step: history.load(path) for step, path in history.snapshots(subject.run)
    }
    first = subject.task.model(generator(settings.seed, "initialization"))
    moments.setdefault(0, {name: tensor.numpy() for name, tensor in first.parameters().items()})
    moments[subject.checkpoint.step] = below(subject.checkpoint.tensors, "parameters")
    return moments


def surroundings(subject: Subject, plane: Plane) -> Surroundings:
    """The loss of the first examples of the training, along its gradient and over a plane."""
    subject.model.train(True)
    batch = _batch(subject, min(_MOST_EXAMPLES, subject.run.settings.batch_size))
    seed = subject.run.settings.seed
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in batch.items()}

    def loss_of(inputs: Mapping[str, Tensor], random: Random) -> Tensor:
        return subject.task.loss(subject.model, inputs, random)

    graph, gradient_graph = trace_loss(subject.model, loss_of, specs, "float32")
    inputs = {**batch, **draw_inputs(gradient_graph, generator(seed, "step"))}
    executable = subject.runtime.compile(graph)
    weights = {name: tensor.numpy() for name, tensor in subject.model.parameters().items()}

    def run(weights: Mapping[str, Array]) -> dict[str, Array]:
        return {**inputs, **{f"weights/{name}": array for name, array in weights.items()}}

    def loss(weights: Mapping[str, Array]) -> float:
        return float(executable(run(weights))["loss"])

    gradient = below(subject.runtime.compile(gradient_graph)(run(weights)), "gradients")
    along = along_gradient(loss, weights, gradient, seed)
    across = gradient if plane == "gradient" else random_direction(weights, seed, 1)
    up = random_direction(weights, seed, 2)
    found = loss_slice(loss, weights, by_filter(across, weights), by_filter(up, weights))
    names = ("a random direction", "another one")
    if plane == "gradient":
        names = ("the gradient, uphill to the right", "a random direction")
    return Surroundings(len(batch["images"]), along, found, names)


def _batch(subject: Subject, num: int) -> dict[str, Array]:
    """The first examples of the training."""
    batches = Batches(subject.task.training, min(num, len(subject.task.training["images"])), subject.run.settings.seed)
    batch = batches.batch(0)
    batches.close()
    return batch


def draw_inside(subject: Subject, inside: Inside) -> dict[str, Image.Image]:
    """By the names of their files."""
    title = f"{subject.title}, {subject.when}"
    pages = layer_pages(inside.layers, title, inside.example.image, inside.words, _names(subject))
    if len(pages) == 1:
        return {"layers": pages[0]}
    return {f"layers_{number}": page for number, page in enumerate(pages, 1)}


def draw_time(subject: Subject, moments: Mapping[int, Mapping[str, Array]]) -> Image.Image:
    return weights_over_time(moments, f"{subject.title}: their values, from random to trained")


def draw_surroundings(subject: Subject, around: Surroundings) -> dict[str, Image.Image]:
    """By the names of their files."""
    of = f"{subject.title}, {subject.when}, {around.num_examples} examples"
    across, up = (f"{name} (1: as long as each filter is)" for name in around.directions)
    return {
        "loss_along_gradient": along_gradient_chart(around.along, f"Loss along the gradient: {of}"),
        "loss_slice": slice_sheet(around.plane, f"Loss around the weights: {of}", (across, up)),
    }


def values_of(subject: Subject, inside: Inside, moments: Mapping[int, object], around: Surroundings) -> dict[str, Any]:
    """The numbers behind the pictures, as JSON has them; null where a loss is no number."""
    along, plane = around.along, around.plane
    return {
        "step": subject.checkpoint.step,
        "weights": subject.model.num_weights(),
        "shown": inside.example.source,
        "loss": inside.loss,
        "answers": [{"name": name, "probability": share} for name, share in inside.answers],
        "layers": [
            {
                "name": layer.name,
                "held": {signal.name: list(signal.values.shape) for signal in layer.held},
                "said": {signal.name: list(signal.values.shape) for signal in layer.said},
            }
            for layer in inside.layers
        ],
        "moments": sorted(moments),
        "loss_along_gradient": {
            "step_sizes": along.step_sizes.tolist(), "down": _numbers(along.down), "random": _numbers(along.random),
            "loss": along.loss, "slope": along.slope,
        },
        "loss_slice": {
            "directions": list(around.directions), "across": plane.across.tolist(), "up": plane.up.tolist(),
            "losses": [_numbers(row) for row in plane.losses],
        },
    }  # fmt: skip


def _numbers(values: Array) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
