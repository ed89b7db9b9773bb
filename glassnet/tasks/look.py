"""A look inside a run of any task: its layers for one picture, its weights over time, the loss around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from glassnet.autodiff import Array, ArraySpec, Shape, Tensor
from glassnet.insight.landscape import trace_loss
from glassnet.insight.layers import Layer, inspect
from glassnet.insight.names import label
from glassnet.insight.pictures import layer_pages, weights_over_time
from glassnet.insight.slice_sheet import along_gradient_chart, slice_sheet
from glassnet.insight.slices import AlongGradient, Slice, along_gradient, by_filter, loss_slice, random_direction
from glassnet.ops import EagerRandom, Random
from glassnet.tasks.classification import softmax
from glassnet.tasks.subject import Example, Subject, first_examples, names_of
from glassnet.training import Checkpoint, Run, history
from glassnet.training.randomness import draw_inputs, generator
from glassnet.training.step import below

Plane = Literal["random", "gradient"]

MOST_EXAMPLES = 32  # that the loss is of, along lines and planes
_NUM_SAID = 3


@dataclass(frozen=True)
class Inside:
    """What happens in the network for one picture; ``answers``: the likeliest classes by number, with probabilities."""

    example: Example
    loss: float
    layers: list[Layer]
    answers: list[tuple[int, float]]


@dataclass(frozen=True)
class Surroundings:
    """The loss around the weights, for the same examples, augmentation and noise everywhere."""

    num_examples: int
    along: AlongGradient
    plane: Slice
    directions: tuple[str, str]


class HalfWay:
    """Noise from another source, and 0.5 for every number between 0 and 1: a drawing halfway to noise."""

    def __init__(self, source: Random):
        self._source = source

    def uniform(self, shape: Shape) -> Tensor:
        return Tensor(np.full(shape, 0.5, np.float32))

    def stratified(self, shape: Shape) -> Tensor:
        return self.uniform(shape)

    def normal(self, shape: Shape) -> Tensor:
        return self._source.normal(shape)


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
    random = HalfWay(EagerRandom(generator(subject.run.settings.seed, "pictures")))
    loss, layers = inspect(subject.model, lambda: subject.task.measure(subject.model, batch, random)["loss"])
    return Inside(example, loss, layers, _answers(probabilities))


def _probabilities(subject: Subject, example: Example) -> Array | None:
    """(K,), or None of a network that does not choose."""
    if not names_of(subject.run):
        return None
    logits = subject.model(Tensor(example.image[None])).numpy()[0].astype(np.float64)
    if "people" in subject.run.facts:  # these are cosines
        logits *= subject.run.settings.logit_scale
    return softmax(logits)


def _answers(probabilities: Array | None) -> list[tuple[int, float]]:
    if probabilities is None:
        return []
    best = (-probabilities).argsort(kind="stable")[:_NUM_SAID]
    return [(int(i), float(probabilities[i])) for i in best]


def in_words(subject: Subject, inside: Inside, is_drawn: bool = False) -> str:
    """What was shown and what came of it, a line each; ``is_drawn``: with names as a picture can have them."""
    example, loss = inside.example, f"{inside.loss:.4g}"
    if not inside.answers:
        return f"Shown: {example.source}, halfway hidden by noise.\nThe loss is {loss}."
    names = [label(i, name) for i, name in enumerate(names_of(subject.run))] if is_drawn else names_of(subject.run)
    said = ", ".join(f"{names[i]} {100 * share:.1f} %" for i, share in inside.answers)
    if example.label is None:
        right = f"The loss is {loss}, taking {names[inside.answers[0][0]]} for right."
    else:
        right = f"It is {names[example.label]}; the loss is {loss}."
    return f"Shown: {example.source}.\nThe answer: {said}. {right}"


def weights_in_time(subject: Subject) -> dict[int, Mapping[str, Array]]:
    """The learned weights by the number of steps: those that the run kept, the random ones, and the newest."""
    moments = kept_weights(subject.run, subject.checkpoint)
    first = subject.task.model(generator(subject.run.settings.seed, "initialization"))
    moments.setdefault(0, {name: tensor.numpy() for name, tensor in first.parameters().items()})
    return moments


def kept_weights(run: Run, checkpoint: Checkpoint | None) -> dict[int, Mapping[str, Array]]:
    """The learned weights by the number of steps: those that the run kept, and those of the checkpoint."""
    moments: dict[int, Mapping[str, Array]] = {step: history.load(path) for step, path in history.snapshots(run)}
    if checkpoint is not None:
        moments[checkpoint.step] = below(checkpoint.tensors, "parameters")
    return moments


def surroundings(
    subject: Subject, plane: Plane, *, num_examples: int = MOST_EXAMPLES, num_along: int = 41, num_plane: int = 17
) -> Surroundings:
    """The loss of the first examples of the training, along its gradient and over a plane: so many numbers of it."""
    subject.model.train(True)
    batch = first_examples(subject, min(num_examples, subject.run.settings.batch_size))
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
    along = along_gradient(loss, weights, gradient, seed, num_along)
    across = gradient if plane == "gradient" else random_direction(weights, seed, 1)
    up = random_direction(weights, seed, 2)
    found = loss_slice(loss, weights, by_filter(across, weights), by_filter(up, weights), num_plane)
    names = ("a random direction", "another one")
    if plane == "gradient":
        names = ("the gradient, uphill to the right", "a random direction")
    return Surroundings(len(batch["images"]), along, found, names)


def draw_inside(subject: Subject, inside: Inside) -> dict[str, Image.Image]:
    """By the names of their files."""
    title = f"{subject.title}, {subject.when}"
    words = in_words(subject, inside, is_drawn=True)
    pages = layer_pages(inside.layers, title, inside.example.image, words, names_of(subject.run))
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
    names = names_of(subject.run)
    return {
        "step": subject.step,
        "weights": subject.model.num_weights(),
        "shown": inside.example.source,
        "loss": inside.loss,
        "answers": [{"name": names[i], "probability": share} for i, share in inside.answers],
        "layers": [
            {
                "name": layer.name,
                "held": {signal.name: list(signal.values.shape) for signal in layer.held},
                "said": {signal.name: list(signal.values.shape) for signal in layer.said},
            }
            for layer in inside.layers
        ],
        "moments": sorted(moments),
        **surroundings_values(around),
    }  # fmt: skip


def surroundings_values(around: Surroundings) -> dict[str, Any]:
    """The part of `values_of` that is about the loss."""
    along, plane = around.along, around.plane
    return {
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
