"""The arithmetic of the small networks of How it works: outputs, loss, slopes in both ways, steps downhill.

All by the engine that trains the large ones, in float64. Knows nothing of requests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, final

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tape, Tensor, backward, tensor
from glassnet.errors import SettingsError
from glassnet.graph import Graph
from glassnet.insight.landscape import Landscape, trace_loss
from glassnet.models import CLASSIFIERS, FaceNet, classifier
from glassnet.nn import Linear, Module, binary_cross_entropy_with_logits, mse_loss
from glassnet.ops import relu, sigmoid

MAX_WEIGHTS = 200
_NUM_POINTS, _NUM_ALONG = 48, 61
_NUM_CLASSES, _NUM_PEOPLE = 10, 40
_PHOTOS, _FACES = (2, 3, 32, 32), (80, 64)


@final
class Neuron(Module):
    """A sum of products without a bias: (N, inputs) -> (N, 1)."""

    def __init__(self, num_inputs: int, generator: np.random.Generator):
        self.last = Linear(num_inputs, 1, generator=generator, has_bias=False, dtype="float64")

    def values(self, x: Tensor) -> dict[str, Tensor]:
        """What goes in and what comes out, and all between, by name and in order."""
        return {"inputs": x, "outputs": self.last(x)}

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)


@final
class PointNetwork(Module):
    """Which of two kinds is a point of the plane? (N, 2) -> logits (N, 1), by hidden neurons with a corner, if any."""

    def __init__(self, num_hidden: int, generator: np.random.Generator):
        self.num_hidden = num_hidden
        self.hidden = Linear(2, num_hidden, generator=generator, dtype="float64") if num_hidden else None
        self.last = Linear(num_hidden or 2, 1, generator=generator, dtype="float64")

    def values(self, x: Tensor) -> dict[str, Tensor]:
        """What goes in and what comes out, and all between, by name and in order."""
        if self.hidden is None:
            return {"inputs": x, "outputs": self.last(x)}
        sums = self.hidden(x)
        bent = relu(sums)
        return {"inputs": x, "sums": sums, "hidden": bent, "outputs": self.last(bent)}

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(outputs, targets)


@dataclass(frozen=True)
class Lesson:
    """A small network with the weights it has, and examples: inputs (N, inputs), targets (N, 1)."""

    network: Neuron | PointNetwork
    inputs: Array
    targets: Array

    @cached_property
    def weights(self) -> dict[str, Array]:
        """By name, in the order in which they are counted."""
        return {name: tensor.numpy() for name, tensor in self.network.parameters().items()}

    @property
    def names(self) -> list[str]:
        """Of every single weight, as in `hidden.weight[3,1]`."""
        return [
            f"{name}[{','.join(map(str, index))}]" for name, array in self.weights.items() for index in _places(array)
        ]

    @cached_property
    def landscape(self) -> Landscape:
        num_hidden = self.network.num_hidden if isinstance(self.network, PointNetwork) else None
        graphs = _graphs(num_hidden, *self.inputs.shape)
        return Landscape(*graphs, {"inputs": self.inputs, "targets": self.targets})

    def place(self, number: int) -> tuple[str, tuple[int, ...]]:
        """The tensor and the index in it of the weight with that number."""
        places = [(name, index) for name, array in self.weights.items() for index in _places(array)]
        if number >= len(places):
            raise SettingsError(
                f"expected the number of one of {len(places)} weights; got {number}. To fix: count from 0."
            )
        return places[number]


def open_lesson(
    network: str, *, num_hidden: int, inputs: Array, targets: Array, weights: Sequence[float] | None, seed: int
) -> Lesson:
    """With the weights given, one after another, or with random ones. Raises SettingsError."""
    made = _new(None if network == "neuron" else num_hidden, inputs.shape[1], np.random.default_rng(seed))
    if weights is not None:
        _put(made, np.array(weights, np.float64))
    return Lesson(made, inputs, targets)


def _new(num_hidden: int | None, num_inputs: int, generator: np.random.Generator) -> Neuron | PointNetwork:
    return Neuron(num_inputs, generator) if num_hidden is None else PointNetwork(num_hidden, generator)


def _put(network: Module, flat: Array) -> None:
    num = network.num_weights()
    if len(flat) != num:
        raise SettingsError(f"expected {num} weights for this network; got {len(flat)}. To fix: give one for each.")
    ends = np.cumsum([tensor.size for tensor in network.parameters().values()])[:-1]
    parts = zip(network.parameters().items(), np.split(flat, ends), strict=True)
    network.load({name: tensor(part.reshape(old.shape)) for (name, old), part in parts})


def _places(array: Array) -> list[tuple[int, ...]]:
    return list(np.ndindex(array.shape))


@lru_cache(maxsize=32)
def _graphs(num_hidden: int | None, num_examples: int, num_inputs: int) -> tuple[Graph, Graph]:
    """Of the loss and of the loss with its gradient; ``num_hidden`` is None for a neuron."""
    network = _new(num_hidden, num_inputs, np.random.default_rng(0))
    number = np.dtype(np.float64)
    specs = {"inputs": ArraySpec((num_examples, num_inputs), number), "targets": ArraySpec((num_examples, 1), number)}
    return trace_loss(
        network, lambda given, _: network.loss(network.values(given["inputs"])["outputs"], given["targets"]), specs
    )


def flat(arrays: Mapping[str, Array]) -> list[float]:
    """All numbers of all tensors, one after another."""
    return [float(number) for array in arrays.values() for number in np.ravel(array)]


def look(lesson: Lesson, example: int) -> dict[str, Any]:
    """One pass forwards and one sweep back: the loss, what every neuron said of one example and its blame for it."""
    network, weights = lesson.network, list(lesson.network.parameters().values())
    with Tape() as tape:
        values = network.values(tensor(lesson.inputs))
        loss = network.loss(values["outputs"], tensor(lesson.targets))
    one = tensor(1.0, "float64")
    found = backward(tape.calls, loss, one, [*values.values(), *weights])
    blames = dict(zip(values, found, strict=False))
    nodes = {
        name: {"values": values[name].numpy()[example].tolist(), "blames": blames[name].numpy()[example].tolist()}
        for name in values
    }
    outputs = values["outputs"].numpy()[:, 0]
    is_right = None
    if isinstance(network, PointNetwork):
        is_right = float(np.mean((outputs > 0.0) == (lesson.targets[:, 0] > 0.5)))
    return {
        "loss": loss.item(), "outputs": outputs.tolist(), "nodes": nodes, "accuracy": is_right,
        "slopes": [float(number) for slopes in found[len(values) :] for number in np.ravel(slopes.numpy())],
        "calls": len(tape.calls),
    }  # fmt: skip


def nudge(lesson: Lesson, number: int, by: float) -> dict[str, Any]:
    """What the loss becomes when one weight is moved up and down, all others as they are, and the slope from that."""
    name, index = lesson.place(number)
    up, down = (lesson.landscape.loss(_moved(lesson.weights, name, index, amount)) for amount in (by, -by))
    return {"by": by, "up": up, "down": down, "slope": (up - down) / (2.0 * by)}


def sweep(lesson: Lesson, by: float) -> dict[str, Any]:
    """Every weight nudged alone, one after another: two forward passes for each."""
    slopes = [nudge(lesson, number, by)["slope"] for number in range(len(lesson.names))]
    return {"by": by, "slopes": slopes, "forward_passes": 2 * len(slopes)}


def along(lesson: Lesson, number: int, low: float, high: float) -> dict[str, Any]:
    """The loss for values of one weight from low to high."""
    name, index = lesson.place(number)
    values = np.linspace(low, high, _NUM_ALONG)
    amounts = values - lesson.weights[name][index]
    return {"values": values.tolist(), "losses": lesson.landscape.along(lesson.weights, name, index, amounts).tolist()}


def terms(lesson: Lesson, number: int) -> list[dict[str, float]]:
    """The slope of one weight as a sum over the examples: (signal coming in) times (blame coming back)."""
    name, index = lesson.place(number)
    network = lesson.network
    with Tape() as tape:
        values = network.values(tensor(lesson.inputs))
        loss = network.loss(values["outputs"], tensor(lesson.targets))
    order = list(values)
    told = "sums" if name.startswith("hidden") else "outputs"
    (blame,) = backward(tape.calls, loss, tensor(1.0, "float64"), [values[told]])
    heard = values[order[order.index(told) - 1]].numpy()
    signals = heard[:, index[1]] if len(index) == 2 else np.ones(len(heard))
    blames = blame.numpy()[:, index[0]]
    return [
        {"signal": float(signal), "blame": float(back), "product": float(signal * back)}
        for signal, back in zip(signals, blames, strict=True)
    ]


def descend(lesson: Lesson, rate: float, num_steps: int, followed: int | None) -> dict[str, Any]:
    """Steps of gradient descent, to the last one with a finite loss: the losses on the way, and one weight's path."""
    weights, losses, path = lesson.weights, [lesson.landscape.loss(lesson.weights)], []
    place = None if followed is None else lesson.place(followed)
    path += [] if place is None else [float(weights[place[0]][place[1]])]
    for _ in range(num_steps):
        _, gradient = lesson.landscape.gradient(weights)
        moved = {name: weights[name] - rate * gradient[name] for name in weights}
        loss = lesson.landscape.loss(moved)
        if not math.isfinite(loss):
            return {"losses": losses, "weights": flat(weights), "path": path, "is_diverged": True}
        weights = moved
        losses.append(loss)
        path += [] if place is None else [float(weights[place[0]][place[1]])]
    return {"losses": losses, "weights": flat(weights), "path": path, "is_diverged": False}


def picture(lesson: Lesson, num_cells: int) -> list[float]:
    """How sure the network is of the second kind, in each cell of the plane from -1 to 1, by rows from above."""
    middles = (np.arange(num_cells) + 0.5) * (2.0 / num_cells) - 1.0
    rows, columns = np.meshgrid(-middles, middles, indexing="ij")
    cells = np.stack([columns.ravel(), rows.ravel()], axis=1)
    outputs = sigmoid(lesson.network.values(tensor(cells))["outputs"])
    return [round(float(share), 4) for share in outputs.numpy()[:, 0]]


def _moved(weights: Mapping[str, Array], name: str, index: tuple[int, ...], amount: float) -> dict[str, Array]:
    moved = weights[name].copy()
    moved[index] += amount
    return {**weights, name: moved}


def _halves(x: Array, y: Array) -> Array:
    return x + 0.6 * y > 0.1


def _corners(x: Array, y: Array) -> Array:
    return x * y > 0.0


def _ring(x: Array, y: Array) -> Array:
    return np.hypot(x, y) < 0.62


SETS = {"halves": _halves, "corners": _corners, "ring": _ring}


@lru_cache(maxsize=8)
def points(name: str) -> tuple[Array, Array]:
    """Points of the plane from -1 to 1 (N, 2) and which kind each is (N, 1); none lies close to a border."""
    generator = np.random.default_rng(5)
    chosen: list[tuple[float, float]] = []
    is_second = SETS[name]
    while len(chosen) < _NUM_POINTS:
        x, y = generator.uniform(-0.95, 0.95, 2)
        around = [is_second(x + a, y + b) for a in (-0.07, 0.07) for b in (-0.07, 0.07)]
        is_apart = all(math.hypot(x - a, y - b) > 0.12 for a, b in chosen)
        if is_apart and all(around) == any(around):
            chosen.append((round(x, 3), round(y, 3)))
    places = np.array(chosen)
    return places, is_second(places[:, 0], places[:, 1]).astype(np.float64)[:, None]


@lru_cache(maxsize=1)
def sizes() -> list[dict[str, Any]]:
    """The networks for photos and for faces, and how many weights each has."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, _PHOTOS, np.uint8)
    networks = {name: classifier(name, generator, _NUM_CLASSES, images) for name in CLASSIFIERS}
    networks["facenet"] = FaceNet(generator, _NUM_PEOPLE, image_size=_FACES)
    return [{"network": name, "num_weights": network.num_weights()} for name, network in networks.items()]
