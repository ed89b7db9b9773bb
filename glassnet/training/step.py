"""The training step as one graph: forward, loss, backward, update. Knows nothing of engines or clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, value_and_grad
from glassnet.graph import Graph, optimize, trace
from glassnet.nn import Module
from glassnet.ops import Random
from glassnet.optim import AdamW, Optimizer, Packing, clip_by_global_norm, decays_kernels, update_averages
from glassnet.training.task import Task

T = TypeVar("T")
Step: TypeAlias = Callable[[Mapping[str, Tensor], Random], dict[str, Tensor]]
_MAX_PACKED_SIZE = 50_000
_DECAYED, _PLAIN = "decayed", "plain"


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """The graph of a step, what it starts from, and how its packed state reads by name.

    Carried inputs: ``parameters/<pack>``, ``averages/<pack>``, ``optimizer/<state>``, ``buffers/<name>``. Other
    inputs: ``batch/<name>``, the scalars ``step``, ``ema_decay``, ``max_gradient_norm`` and ``hyper/<name>``, and
    what is random. Other outputs: the scalars ``loss`` and ``gradient_norm``.
    """

    graph: Graph
    initial: dict[str, Array]
    hyperparameters: dict[str, float]
    packing: Packing

    def named(self, carried: Mapping[str, Array]) -> dict[str, Array]:
        """The carried state with every packed tensor under its own name, as a checkpoint keeps it."""
        named = {name: array for name, array in carried.items() if name.startswith("buffers/")}
        for kind in self._packed_kinds():
            tensors = self.packing.unpack_arrays(below(carried, kind))
            named |= under(kind, tensors)
        return named

    def packed(self, named: Mapping[str, Array]) -> dict[str, Array]:
        """The carried state again, from what `named` gave."""
        carried = {name: array for name, array in named.items() if name.startswith("buffers/")}
        for kind in self._packed_kinds():
            carried |= under(kind, self.packing.pack_arrays(below(named, kind)))
        return carried

    def scalars(self, step: int, ema_decay: float, max_gradient_norm: float, **hyper: float) -> dict[str, Array]:
        """The numbers that step ``step`` takes, 1 being the first; ``hyper`` goes before the optimizer's own."""
        values = {"step": step, "ema_decay": ema_decay, "max_gradient_norm": max_gradient_norm}
        values |= under("hyper", {**self.hyperparameters, **hyper})
        specs = self.graph.input_specs()
        return {name: np.asarray(value, specs[name].dtype) for name, value in values.items()}

    def _packed_kinds(self) -> list[str]:
        """What there is of every parameter: the parameter, its average, and each moment that the optimizer keeps."""
        return list(dict.fromkeys(n.rpartition("/")[0] for n in self.initial if not n.startswith("buffers/")))


def build_step(task: Task, model: Module, batch_size: int) -> TrainingStep:
    """Trace one step of ``task`` on ``model``: AdamW with clipped gradients, and a running average of the weights."""
    parameters = {name: tensor.numpy() for name, tensor in model.parameters().items()}
    buffers = {f"buffers/{name}": tensor.numpy() for name, tensor in model.buffers().items()}
    packing = Packing.by(_pack_of, {name: ArraySpec(array.shape, array.dtype) for name, array in parameters.items()})
    optimizer = AdamW(decays=lambda pack, spec: pack.startswith(_DECAYED))
    packs = packing.pack_arrays(parameters)
    state = {f"optimizer/{name}": spec for name, spec in optimizer.init(packing.specs()).items()}
    initial: dict[str, Array] = {
        **under("parameters", packs),
        **under("averages", {pack: array.copy() for pack, array in packs.items()}),
        **{name: np.zeros(spec.shape, spec.dtype) for name, spec in state.items()},
        **buffers,
    }
    scalar = ArraySpec((), next(iter(packs.values())).dtype)
    hyperparameters = optimizer.hyperparameters()
    inputs = {
        **{name: ArraySpec(array.shape, array.dtype) for name, array in initial.items()},
        **{f"batch/{n}": ArraySpec((batch_size, *a.shape[1:]), a.dtype) for n, a in task.training.items()},
        **dict.fromkeys(("step", "ema_decay", "max_gradient_norm"), scalar),
        **under("hyper", dict.fromkeys(hyperparameters, scalar)),
    }
    step = _step_of(task, model, packing, optimizer)
    graph = optimize(trace(step, inputs, carried=tuple(initial), random_dtype=scalar.dtype.name))
    return TrainingStep(graph, initial, hyperparameters, packing)


def _pack_of(name: str, spec: ArraySpec) -> str:
    """Small tensors are packed by whether they decay; a large one is a pack of its own, since packing is copying."""
    pack = _DECAYED if decays_kernels(name, spec) else _PLAIN
    return pack if spec.size <= _MAX_PACKED_SIZE else f"{pack}.{name}"


def _step_of(task: Task, model: Module, packing: Packing, optimizer: Optimizer) -> Step:
    """The function that is traced: everything that happens to the weights in one step."""

    def step(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        packs, averages, state = (below(inputs, kind) for kind in ("parameters", "averages", "optimizer"))
        buffers, batch = below(inputs, "buffers"), below(inputs, "batch")

        def loss_of(parameters: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            with model.holding({**parameters, **buffers}):
                return task.loss(model, batch, random), model.buffers()

        (loss, new_buffers), gradients = value_and_grad(loss_of, has_aux=True)(packing.unpack(packs))
        clipped, norm = clip_by_global_norm(packing.pack(gradients), inputs["max_gradient_norm"])
        new_packs, new_state = optimizer.update(packs, clipped, state, inputs["step"], below(inputs, "hyper"))
        new_averages = update_averages(averages, new_packs, inputs["ema_decay"])
        return {
            **under("parameters", new_packs),
            **under("averages", new_averages),
            **under("optimizer", new_state),
            **under("buffers", new_buffers),
            "loss": loss,
            "gradient_norm": norm,
        }

    return step


def build_validation(task: Task, model: Module, batch_size: int) -> Graph:
    """The graph of the loss on held-out examples: inputs ``weights/<name>`` and ``batch/<name>``, output ``loss``."""

    def validation_loss(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        with model.holding(below(inputs, "weights")):
            model.train(False)
            loss = task.loss(model, below(inputs, "batch"), random)
            model.train(True)
        return {"loss": loss}

    inputs = under("weights", {name: tensor.spec for name, tensor in model.tensors().items()})
    inputs |= {f"batch/{n}": ArraySpec((batch_size, *a.shape[1:]), a.dtype) for n, a in task.validation.items()}
    return optimize(trace(validation_loss, inputs))


def weights_of(named: Mapping[str, Array]) -> dict[str, Array]:
    """What draws and predicts: the averaged parameters and the buffers of a state, by their names in the model."""
    return {**below(named, "averages"), **below(named, "buffers")}


def under(kind: str, named: Mapping[str, T]) -> dict[str, T]:
    """The entries as ``kind/name``; `below` undoes it."""
    return {f"{kind}/{name}": value for name, value in named.items()}


def below(named: Mapping[str, T], kind: str) -> dict[str, T]:
    """The entries ``kind/name``, as ``name``."""
    return {name.removeprefix(f"{kind}/"): value for name, value in named.items() if name.startswith(f"{kind}/")}
