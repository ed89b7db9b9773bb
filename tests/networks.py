"""Training steps of small networks as graphs: what the tests of graphs and runtimes run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, value_and_grad
from glassnet.graph import Graph, optimize, trace
from glassnet.nn import (
    BatchNorm2d,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Residual,
    Sequential,
    cross_entropy,
)
from glassnet.ops import Random
from glassnet.optim import Optimizer

Loss = Callable[[Module, Mapping[str, Tensor]], Tensor]


def mlp(generator: np.random.Generator, *widths: int, dtype: str = "float32") -> Module:
    layers: list[Module] = []
    for inner, outer in pairwise(widths):
        layers += [Linear(inner, outer, generator=generator, dtype=dtype), ReLU()]
    return Sequential(*layers[:-1])


def conv_net(generator: np.random.Generator) -> Module:
    """ConvNetJS's network for CIFAR-10."""
    layers: list[Module] = []
    for inner, outer in ((3, 16), (16, 20), (20, 20)):
        layers += [Conv2d(inner, outer, 5, padding=2, generator=generator), ReLU(), MaxPool2d(2)]
    return Sequential(*layers, Flatten(), Linear(320, 10, generator=generator))


# Before a normalization a bias has no effect; its gradient would be rounding, which Adam makes as large as any.
def normalized_conv_net(generator: np.random.Generator) -> Module:
    return Sequential(
        Conv2d(3, 8, 3, padding=1, has_bias=False, generator=generator), BatchNorm2d(8), ReLU(), MaxPool2d(2),
        Conv2d(8, 12, 3, padding=1, has_bias=False, generator=generator), BatchNorm2d(12), ReLU(),
        MaxPool2d(3, stride=2, padding=1),
        Flatten(), Linear(12 * 4, 10, generator=generator),
    )  # fmt: skip


def odd_net(generator: np.random.Generator) -> Module:
    """For images of 11 by 11, which two poolings make 5 by 5 and 2 by 2: each leaves the last row and column out."""
    return Sequential(
        Conv2d(3, 8, 3, padding=1, has_bias=False, generator=generator), MaxPool2d(2), BatchNorm2d(8), ReLU(),
        Conv2d(8, 12, 3, padding=1, has_bias=False, generator=generator), MaxPool2d(2), BatchNorm2d(12), ReLU(),
        Flatten(), Linear(12 * 4, 10, generator=generator),
    )  # fmt: skip


def residual_net(generator: np.random.Generator) -> Module:
    inner = Sequential(
        Conv2d(8, 16, 3, stride=2, padding=1, has_bias=False, generator=generator), BatchNorm2d(16), ReLU(),
        Conv2d(16, 16, 3, padding=1, has_bias=False, generator=generator), BatchNorm2d(16),
    )  # fmt: skip
    shortcut = Conv2d(8, 16, 1, stride=2, generator=generator)
    return Sequential(
        Conv2d(3, 8, 3, padding=1, has_bias=False, generator=generator), BatchNorm2d(8), ReLU(),
        Residual(inner, shortcut), ReLU(),
        GlobalAvgPool(), Linear(16, 10, generator=generator),
    )  # fmt: skip


def classify(model: Module, batch: Mapping[str, Tensor]) -> Tensor:
    return cross_entropy(model(batch["x"]), batch["labels"])


def step_graph(
    model: Module, batch: Mapping[str, Array], optimizer: Optimizer, loss: Loss = classify
) -> tuple[Graph, dict[str, Array]]:
    """One step (forward, backward, update) and what it starts from; the loss is its only result that is not carried."""
    parameters = {f"p/{name}": tensor.numpy() for name, tensor in model.parameters().items()}
    buffers = {f"b/{name}": tensor.numpy() for name, tensor in model.buffers().items()}
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in parameters.items()}
    state = {f"s/{name}": np.zeros(spec.shape, spec.dtype) for name, spec in optimizer.init(specs).items()}
    initial = {**parameters, **buffers, **state}
    scalar = ArraySpec((), next(iter(specs.values())).dtype)
    inputs = {name: ArraySpec(array.shape, array.dtype) for name, array in (initial | dict(batch)).items()}
    inputs |= dict.fromkeys(("step", *optimizer.hyperparameters()), scalar)

    def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    def step(tensors: Mapping[str, Tensor], _: Random) -> dict[str, Tensor]:
        def loss_of(parameters: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            with model.holding({**below(parameters, "p/"), **below(tensors, "b/")}):
                return loss(model, tensors), model.buffers()

        held = {name: tensors[name] for name in parameters}
        (value, new_buffers), gradients = value_and_grad(loss_of, has_aux=True)(held)
        hyper = {name: tensors[name] for name in optimizer.hyperparameters()}
        new, new_state = optimizer.update(held, gradients, below(tensors, "s/"), tensors["step"], hyper)
        renewed = {f"s/{n}": t for n, t in new_state.items()} | {f"b/{n}": t for n, t in new_buffers.items()}
        return {**new, **renewed, "loss": value}

    return optimize(trace(step, inputs, carried=tuple(initial))), initial


def scalars(graph: Graph, optimizer: Optimizer, step: int) -> dict[str, Array]:
    """The inputs of `step_graph` that are neither carried nor a batch; ``step`` is 1 at the first update."""
    values = {"step": step, **optimizer.hyperparameters()}
    return {name: np.asarray(value, graph.input_specs()[name].dtype) for name, value in values.items()}


def images(num: int, size: int = 32, seed: int = 0, dtype: str = "float32") -> dict[str, Array]:
    """A batch of noise that has something to learn in it: each class is a colour and a brighter stripe."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, num)
    x = generator.standard_normal((num, 3, size, size)) * 0.5
    x += np.eye(10)[labels][:, :3, None, None]
    x[np.arange(num), :, labels * size // 10] += 2.0
    return {"x": x.astype(dtype), "labels": labels}
