"""The loss as a function of the weights alone: one batch, and random numbers that were drawn once. In float64."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, value_and_grad
from glassnet.graph import Graph, evaluate, optimize, trace
from glassnet.insight.nudge_graph import NudgedGraph, Portion, reached
from glassnet.nn import Module
from glassnet.ops import Random

Weights: TypeAlias = Mapping[str, Array]
LossFunction: TypeAlias = Callable[[Mapping[str, Tensor], Random], Tensor]

WEIGHTS, _GRADIENTS = "weights/", "gradients/"
_TRIED, _TRYING_S = 1e-4, 1.0


@dataclass(frozen=True, slots=True)
class Nudged:
    """The loss with each weight nudged alone, up and down by the same amount, in the shapes of the weights.

    crossed: how many corners (of relu, of max-pooling) lie between the two; 0 where they were not counted.
    """

    up: Weights
    down: Weights
    crossed: Weights


@dataclass(frozen=True, slots=True)
class Around:
    """The loss around certain weights, at which the graph was evaluated once."""

    graph: NudgedGraph

    def along(self, name: str, index: tuple[int, ...], amounts: Array) -> Array:
        """The loss with one weight changed by each of the amounts (N,)."""
        return self.graph.along(WEIGHTS + name, index, amounts)

    def num_crossed(self, name: str, index: tuple[int, ...], epsilon: float) -> int:
        """How many corners lie between one weight higher and lower by ``epsilon``."""
        return self.graph.num_crossed(WEIGHTS + name, index, epsilon)


@dataclass(frozen=True, slots=True)
class Landscape:
    """``graph`` has the output ``loss``, ``gradient_graph`` has ``gradients/<name>`` as well; `trace_loss` makes both.

    inputs: all that they take beside ``weights/<name>``.
    """

    graph: Graph
    gradient_graph: Graph
    inputs: Mapping[str, Array]

    def loss(self, weights: Weights) -> float:
        """One forward pass."""
        return float(evaluate(self.graph, self.with_weights(weights))["loss"])

    def gradient(self, weights: Weights) -> tuple[float, dict[str, Array]]:
        """The loss, and its slope along every weight by backpropagation."""
        outputs = evaluate(self.gradient_graph, self.with_weights(weights))
        return float(outputs["loss"]), {name: outputs[_GRADIENTS + name] for name in weights}

    def nudge(self, weights: Weights, epsilon: float, is_counting: bool = False, portion: Portion = range) -> Nudged:
        """The loss of each weight ``epsilon`` higher, and of each ``epsilon`` lower, all others as they are.

        ``is_counting``: count the corners, too. ``portion``: which pieces of each tensor; elsewhere are zeros.
        """
        graph = NudgedGraph(self.graph, self.with_weights(weights), "loss", is_counting)
        found = {name: graph.nudge(WEIGHTS + name, epsilon, portion) for name in weights}
        up, down, crossed = ({name: parts[i] for name, parts in found.items()} for i in range(3))
        return Nudged(up, down, crossed)

    def along(self, weights: Weights, name: str, index: tuple[int, ...], amounts: Array) -> Array:
        """The loss with one weight changed by each of the amounts (N,), all others as they are."""
        return self.around(weights).along(name, index, amounts)

    def around(self, weights: Weights) -> Around:
        """To change single weights, all others as they are."""
        return Around(NudgedGraph(self.graph, self.with_weights(weights), "loss", is_counting=True))

    def estimate_nudge_s(self, weights: Weights) -> float:
        """About how long `nudge` takes, found with a few weights of the largest tensors."""
        began = time.perf_counter()
        graph = NudgedGraph(self.graph, self.with_weights(weights), "loss")
        tried_s, num_tried = 0.0, 0
        for name in sorted(weights, key=lambda name: -weights[name].size):
            tried_s += weights[name].size * graph.seconds_each(WEIGHTS + name, _TRIED)
            num_tried += weights[name].size
            if time.perf_counter() - began > _TRYING_S:
                break
        return tried_s * sum(array.size for array in weights.values()) / num_tried

    def of_the_network(self) -> tuple[Graph, Graph]:
        """Both graphs without what does not depend on the weights: how the pictures are varied."""
        names = [name for name in self.graph.inputs if name.startswith(WEIGHTS)]
        graph, gradient_graph = (
            replace(graph, calls=tuple(reached(graph, names))) for graph in (self.graph, self.gradient_graph)
        )
        return graph, gradient_graph

    def with_weights(self, weights: Weights) -> dict[str, Array]:
        """All inputs of the graphs."""
        return {**self.inputs, **{WEIGHTS + name: array for name, array in weights.items()}}

    def at(self, inputs: Mapping[str, Array]) -> tuple[Landscape, dict[str, Array]]:
        """Of all inputs of the graphs the landscape and the weights: what `with_weights` put together."""
        weights = {name.removeprefix(WEIGHTS): inputs[name] for name in inputs if name.startswith(WEIGHTS)}
        return replace(self, inputs={name: inputs[name] for name in self.inputs}), weights


Nudge: TypeAlias = Callable[[Landscape, Weights, float, bool], Nudged]
"""As `Landscape.nudge`."""


def in_float64(model: Module) -> dict[str, Array]:
    """The parameters by name, after the network was put into float64."""
    model.load({name: Tensor(tensor.numpy().astype(np.float64)) for name, tensor in model.tensors().items()})
    return {name: tensor.numpy() for name, tensor in model.parameters().items()}


def trace_loss(
    model: Module, loss_of: LossFunction, inputs: Mapping[str, ArraySpec], random_dtype: str = "float64"
) -> tuple[Graph, Graph]:
    """The graphs of a `Landscape`: ``loss_of(inputs by name, random)``, and the same with its gradient."""
    specs = {WEIGHTS + name: tensor.spec for name, tensor in model.parameters().items()} | dict(inputs)

    def with_gradient(tensors: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        def loss(parameters: Mapping[str, Tensor]) -> Tensor:
            with model.holding(parameters):
                return loss_of({name: tensors[name] for name in inputs}, random)

        weights = {name: tensors[WEIGHTS + name] for name in model.parameters()}
        value, gradients = value_and_grad(loss)(weights)
        return {"loss": value, **{_GRADIENTS + name: gradient for name, gradient in gradients.items()}}

    traced = trace(with_gradient, specs, random_dtype=random_dtype)
    loss_alone = replace(traced, outputs={"loss": traced.outputs["loss"]})
    return optimize(loss_alone), optimize(traced)
