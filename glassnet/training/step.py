"""The training step as one graph: forward, loss, backward, update. Knows nothing of engines or clocks."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard, TypeVar

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, value_and_grad
from glassnet.data.stream import Stream
from glassnet.errors import SettingsError
from glassnet.graph import Graph, bucket_gradients, optimize, trace
from glassnet.nn import Module
from glassnet.ops import Random, SharedRandom, cast, mean_gradient, num_processes, sharing_statistics, slice_axis, take
from glassnet.optim import SGD, AdamW, Muon, Optimizer, Packing, clip_by_global_norm, decays_kernels, update_averages
from glassnet.training.settings import Settings
from glassnet.training.task import Task
from glassnet.trees import leaves, rebuild

T = TypeVar("T")
Step: TypeAlias = Callable[[Mapping[str, Tensor], Random], dict[str, Tensor]]
_MAX_PACKED_SIZE = 50_000
_DECAYED, _PLAIN, _MATRIX = "decayed", "plain", "matrix"


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """The graph of a step, what it starts from, and how its packed state reads by name.

    Carried inputs: ``parameters/<pack>``, ``averages/<pack>``, ``optimizer/<state>``, ``buffers/<name>``. Other
    inputs: ``batch/<name>``, ``batch/epoch`` among them, the scalars ``step``, ``ema_decay``, ``max_gradient_norm``
    and ``hyper/<name>``, and what is random. Other outputs: the scalars ``loss`` and ``gradient_norm``.
    """

    graph: Graph
    initial: dict[str, Array]
    hyperparameters: dict[str, float]
    packing: Packing
    random_specs: Mapping[str, ArraySpec]  # of the whole batch, of which this may be the step of a part

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


def build_step(task: Task, model: Module, settings: Settings) -> TrainingStep:
    """Trace one step of ``task`` on ``model``: clipped gradients, an update, and a running average of the weights.

    Of the settings it takes the optimizer, the batch size and its parts, the device and whose statistics are shared;
    what may change from step to step is an input. Of several processes each has the step of its equal part of the
    batch, with the means of all gradients. Raises SettingsError if the parts are not equal. On a GPU all examples are
    one input, ``examples/<name>``, that stays there, and ``batch/indices`` (B,) says which of them are the batch.
    """
    parameters = {name: tensor.numpy() for name, tensor in model.parameters().items()}
    buffers = {f"buffers/{name}": tensor.numpy() for name, tensor in model.buffers().items()}
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in parameters.items()}
    packing = packing_of(specs, settings.optimizer)
    optimizer = optimizer_of(settings)
    packs = packing.pack_arrays(parameters)
    state = {f"optimizer/{name}": spec for name, spec in optimizer.init(packing.specs()).items()}
    initial: dict[str, Array] = {
        **under("parameters", packs),
        **under("averages", packs),
        **{name: np.zeros(spec.shape, spec.dtype) for name, spec in state.items()},
        **buffers,
    }
    scalar = ArraySpec((), next(iter(packs.values())).dtype)
    hyperparameters = optimizer.hyperparameters()
    others = {
        **{name: ArraySpec(array.shape, array.dtype) for name, array in initial.items()},
        **dict.fromkeys(("step", "ema_decay", "max_gradient_norm"), scalar),
        **under("hyper", dict.fromkeys(hyperparameters, scalar)),
    }
    step = _step_of(task, model, packing, optimizer, settings)

    num_parts = num_processes() * settings.micro_batches
    if settings.batch_size % num_parts:
        raise SettingsError(
            f"expected a batch that can be shared in {num_parts} equal parts; got {settings.batch_size} examples. To "
            f"fix: --batch-size {max(1, settings.batch_size // num_parts) * num_parts}."
        )

    def traced(batch_size: int) -> Graph:
        batch = _batch_specs(task.training, batch_size, are_examples_held(task.training, settings))
        epoch = ArraySpec((batch_size,), np.dtype(np.float32))
        with sharing_statistics(settings.sync_batchnorm and num_processes() > 1):
            return trace(step, {**others, **batch, "batch/epoch": epoch}, tuple(initial), scalar.dtype.name)

    whole = traced(settings.batch_size)
    random_specs = {name: whole.input_specs()[name] for name in whole.random}
    if num_processes() == 1:
        return TrainingStep(optimize(whole), initial, hyperparameters, packing, random_specs)
    graph = bucket_gradients(optimize(traced(settings.batch_size // num_processes())))
    return TrainingStep(graph, initial, hyperparameters, packing, random_specs)


def are_examples_held(examples: Mapping[str, Array | Stream], settings: Settings) -> TypeGuard[Mapping[str, Array]]:
    """Whether all examples are kept where the graph runs, instead of each batch being brought there."""
    return settings.device == "cuda" and not any(isinstance(array, Stream) for array in examples.values())


def _batch_specs(examples: Mapping[str, Array | Stream], batch_size: int, are_held: bool) -> dict[str, ArraySpec]:
    if are_held:
        held = {f"examples/{name}": ArraySpec(array.shape, array.dtype) for name, array in examples.items()}
        return {**held, "batch/indices": ArraySpec((batch_size,), np.dtype(np.int64))}
    return {f"batch/{n}": ArraySpec((batch_size, *a.shape[1:]), a.dtype) for n, a in examples.items()}


def optimizer_of(settings: Settings) -> Optimizer:
    """The rule that the settings name; it sees packs, and knows by their names which of them decay."""

    def decays(pack: str, spec: ArraySpec) -> bool:
        return pack.startswith(_DECAYED)

    if settings.optimizer == "sgd":
        return SGD(momentum=settings.momentum, nesterov=settings.momentum > 0.0, decays=decays)
    if settings.optimizer == "muon":
        # Where a normalization follows, the length of a matrix means nothing, and would only shrink the later steps.
        return Muon(
            momentum=settings.momentum, vector_ratio=settings.vector_ratio, keeps_norm=True, decays=decays,
            vector_momentum=0.85, num_iterations=3,
            is_matrix=lambda pack, spec: pack.startswith(_MATRIX),
        )  # fmt: skip
    return AdamW(beta1=settings.momentum, decays=decays)


def packing_of(specs: Mapping[str, ArraySpec], optimizer: str) -> Packing:
    """Muon has every matrix but the last, which makes the answers, by itself; all else is packed by size and decay."""
    matrices = [name for name, spec in specs.items() if len(spec.shape) >= 2][:-1] if optimizer == "muon" else []
    return Packing.by(
        lambda name, spec: f"{_MATRIX}.{name}" if name in matrices else _pack_of(name, spec),
        specs,
        is_matrix=lambda pack: pack.startswith(_MATRIX),
    )


def _pack_of(name: str, spec: ArraySpec) -> str:
    """Small tensors are packed by whether they decay; a large one is a pack of its own, since packing is copying."""
    pack = _DECAYED if decays_kernels(name, spec) else _PLAIN
    return pack if spec.size <= _MAX_PACKED_SIZE else f"{pack}.{name}"


def _step_of(task: Task, model: Module, packing: Packing, optimizer: Optimizer, settings: Settings) -> Step:
    """The function that is traced: everything that happens to the weights in one step."""

    def step(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        packs, averages, state = (below(inputs, kind) for kind in ("parameters", "averages", "optimizer"))
        buffers, batch = below(inputs, "buffers"), below(inputs, "batch")
        examples = below(inputs, "examples")
        batch |= {name: take(tensor, batch["indices"], axis=0) for name, tensor in examples.items()}

        parts = _parts(batch, random, settings.micro_batches)
        weights = packing.unpack(packs)
        pieces = (_gradient(task, model, weights, buffers, *part) for part in parts)
        loss, new_buffers, gradients = _mean(pieces, len(parts), is_exact=settings.device != "cuda")
        clipped, norm = clip_by_global_norm(packing.pack(gradients), inputs["max_gradient_norm"])
        new_packs, new_state = optimizer.update(packs, clipped, state, inputs["step"], below(inputs, "hyper"))
        new_averages = (
            update_averages(averages, new_packs, inputs["ema_decay"]) if settings.ema_decay > 0.0 else new_packs
        )
        return {
            **under("parameters", new_packs),
            **under("averages", new_averages),
            **under("optimizer", new_state),
            **under("buffers", new_buffers),
            "loss": loss,
            "gradient_norm": norm,
        }

    return step


def _gradient(
    task: Task,
    model: Module,
    parameters: Mapping[str, Tensor],
    buffers: Mapping[str, Tensor],
    batch: Mapping[str, Tensor],
    random: Random,
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    def loss_of(parameters: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        with model.holding({**parameters, **buffers}):
            return task.loss(model, batch, random), model.buffers()

    (loss, new_buffers), gradients = value_and_grad(loss_of, has_aux=True)(parameters)
    return loss, new_buffers, gradients


def _mean(pieces: Iterable[T], num: int, is_exact: bool) -> T:
    """Of what ``num`` pieces of the batch give, here and in each other process: tensors in a tree.

    ``is_exact``: in float64, where the order in which numbers of float32 are added hardly matters. So several processes
    end, to the last bit, where one does that computes as many pieces one after another.
    """
    if num * num_processes() == 1:
        return next(iter(pieces))
    sums: list[Tensor] = []
    for piece in pieces:  # added at once: a piece is not kept longer than it takes
        parts = [cast(part, "float64" if is_exact else part.dtype) for part in leaves(piece)]
        sums = list(map(operator.add, sums, parts)) if sums else parts
    means = [sum * (1.0 / num) for sum in sums]
    means = [mean_gradient(mean) for mean in means] if num_processes() > 1 else means
    mean: T = rebuild(piece, [cast(mean, part.dtype) for mean, part in zip(means, leaves(piece), strict=True)])
    return mean


def _parts(batch: Mapping[str, Tensor], random: Random, num: int) -> list[tuple[Mapping[str, Tensor], Random]]:
    """A batch in equal parts, each with its part of the random numbers that are drawn for all of it."""
    if num == 1:
        return [(batch, random)]
    size = batch["epoch"].size // num
    shared = SharedRandom(random, size, num)
    return [
        ({name: slice_axis(tensor, 0, i * size, (i + 1) * size) for name, tensor in batch.items()}, shared.part(i))
        for i in range(num)
    ]


def build_validation(task: Task, model: Module, batch_size: int) -> Graph:
    """The graph of what the task measures on held-out examples: inputs ``weights/<name>`` and ``batch/<name>``."""

    def measure(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        with model.holding(below(inputs, "weights")):
            model.train(False)
            measured = task.measure(model, below(inputs, "batch"), random)
            model.train(True)
        return dict(measured)

    inputs = under("weights", {name: tensor.spec for name, tensor in model.tensors().items()})
    inputs |= {f"batch/{n}": ArraySpec((batch_size, *a.shape[1:]), a.dtype) for n, a in task.validation.items()}
    return optimize(trace(measure, inputs))


def weights_of(named: Mapping[str, Array]) -> dict[str, Array]:
    """What draws and predicts: the averaged parameters and the buffers of a state, by their names in the model."""
    return {**below(named, "averages"), **below(named, "buffers")}


def under(kind: str, named: Mapping[str, T]) -> dict[str, T]:
    """The entries as ``kind/name``; `below` undoes it."""
    return {f"{kind}/{name}": value for name, value in named.items()}


def below(named: Mapping[str, T], kind: str) -> dict[str, T]:
    """The entries ``kind/name``, as ``name``."""
    return {name.removeprefix(f"{kind}/"): value for name, value in named.items() if name.startswith(f"{kind}/")}
