"""The graphs by which a page without a server tells the story of a weight, of the first examples of a batch.

They take what is learned as ``weights/<name>``, what is kept beside it as ``buffers/<name>``, examples as
``batch/<name>``, and random numbers.

loss     the loss of the training
story    ``loss``, ``gradient/<name>`` of every weight, and for each call in which weights meet the examples
         ``signal/<k>`` and ``blame/<k>``, whose products are to be summed (see `insight.chain_rule`): the signal of the
         weight at which ``nudge/<name>`` is 1. ``picture/<j>``: the examples as the network sees them
patch    ``influence/<j>``: how far a number of each example moves with each pixel of ``picture/<j>``; it is that of
         the call ``meeting`` (B,) at ``place`` (B,) among those of the example, of none where that is -1
update   what the optimizer makes of ``gradient/<name>`` and what it remembers: ``next/<name>``, the weight, and
         ``next/optimizer/<kind>/<name>``; and how long all of it is as a vector, ``gradient_norm``
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassnet.autodiff import ArraySpec, Tape, Tensor, backward
from glassnet.graph import Graph, optimize, trace
from glassnet.graph.passes import remove_dead_code
from glassnet.insight.chain_rule import Replay
from glassnet.nn import Module
from glassnet.ops import Random, cast, equal, minimum, reshape, sum, take
from glassnet.optim import clip_by_global_norm
from glassnet.training import Settings, Task
from glassnet.training.step import below, optimizer_of, packing_of, under

_FLOAT = np.dtype(np.float32)


def story_graphs(task: Task, model: Module, batch_size: int) -> tuple[dict[str, Graph], dict[str, Any]]:
    """The graphs by name, and what the manifest says of them."""
    loss = loss_graph(task, model, batch_size)
    traced, meetings = _traced(loss, model, batch_size)
    graphs = {"loss": loss, "story": _part(traced, ("place", "meeting"), "influence/")}
    if any(name.startswith("influence/") for name in traced.outputs):
        nudges = [name for name in traced.inputs if name.startswith("nudge/")]
        graphs["patch"] = _part(traced, nudges, *(name for name in traced.outputs if not name.startswith("influence/")))
    return graphs, {"batch_size": batch_size, "meetings": meetings}


def _part(graph: Graph, inputs: Collection[str], *outputs: str) -> Graph:
    """Without these inputs and the outputs whose names begin so."""
    kept = {name: value for name, value in graph.outputs.items() if not name.startswith(outputs)}
    given = {name: value for name, value in graph.inputs.items() if name not in inputs}
    return optimize(replace(remove_dead_code(replace(graph, outputs=kept)), inputs=given))


def loss_graph(task: Task, model: Module, batch_size: int) -> Graph:
    """The loss of a step of the training."""

    def loss(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        with model.holding({**below(inputs, "weights"), **below(inputs, "buffers")}):
            model.train(True)
            return {"loss": task.loss(model, below(inputs, "batch"), random)}

    specs = under("weights", {name: tensor.spec for name, tensor in model.parameters().items()})
    specs |= under("buffers", {name: tensor.spec for name, tensor in model.buffers().items()})
    specs |= {f"batch/{n}": ArraySpec((batch_size, *a.shape[1:]), a.dtype) for n, a in task.training.items()}
    specs["batch/epoch"] = ArraySpec((batch_size,), _FLOAT)
    return optimize(trace(loss, specs))


def update_graph(model: Module, settings: Settings) -> Graph:
    """The update of a step of the training by itself, for a gradient of any examples."""
    weights = {name: tensor.spec for name, tensor in model.parameters().items()}
    packing, optimizer = packing_of(weights, settings.optimizer), optimizer_of(settings)
    kinds = list(dict.fromkeys(name.partition("/")[0] for name in optimizer.init(packing.specs())))

    def update(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        packs, gradients = (packing.pack(below(inputs, kind)) for kind in ("weights", "gradient"))
        state: dict[str, Tensor] = {}
        for kind in kinds:
            state |= under(kind, packing.pack(below(inputs, f"optimizer/{kind}")))
        clipped, norm = clip_by_global_norm(gradients, inputs["max_gradient_norm"])
        moved, remembered = optimizer.update(packs, clipped, state, inputs["step"], below(inputs, "hyper"))
        new = packing.unpack(moved)
        for kind in kinds:
            new |= under(f"optimizer/{kind}", packing.unpack(below(remembered, kind)))
        return {**under("next", new), "gradient_norm": norm}

    specs = {f"{kind}/{n}": s for kind in ("weights", "gradient", *(f"optimizer/{k}" for k in kinds))
             for n, s in weights.items()}  # fmt: skip
    scalars = ["step", "max_gradient_norm", *under("hyper", optimizer.hyperparameters())]
    return optimize(trace(update, specs | dict.fromkeys(scalars, ArraySpec((), _FLOAT))))


def _replayed(loss: Graph, inputs: Mapping[str, Tensor], random: Random) -> Replay:
    specs = loss.input_specs()
    drawn = {name: _draw(random, kind, specs[name]) for name, kind in loss.random.items()}
    examples = [name for name in specs if name.startswith("batch/") or name in drawn]
    return Replay(loss, {name: {**inputs, **drawn}[name] for name in specs}, examples)


def _draw(random: Random, kind: str, spec: ArraySpec) -> Tensor:
    ways = {"normal": random.normal, "uniform": random.uniform, "stratified": random.stratified}
    return ways[kind](spec.shape)


def _traced(loss: Graph, model: Module, batch_size: int) -> tuple[Graph, list[dict[str, Any]]]:
    """What is told of a weight, and of its largest terms, in one: both begin with the loss."""
    meetings: list[dict[str, Any]] = []

    def tell(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        replay = _replayed(loss, inputs, random)
        weights, one = below(inputs, "weights"), Tensor(np.ones((), _FLOAT))
        gradients = backward(replay.calls, replay.loss, one, list(weights.values()))
        outputs = {"loss": replay.loss, **under("gradient", dict(zip(weights, gradients, strict=True)))}
        met = replay.meet(below(inputs, "nudge"))
        seen = [replay.picture(one.position, batch_size) for one in met]
        pictures = list(dict.fromkeys(picture for picture in seen if picture is not None))
        for number, (one_met, picture) in enumerate(zip(met, seen, strict=True)):
            outputs |= {f"signal/{number}": one_met.signal, f"blame/{number}": one_met.blame}
            meetings.append({
                "call": replay.calls[one_met.position].primitive.name,
                "shape": list(one_met.output.shape),
                "weights": [name for name in weights if name in one_met.weights],
                "picture": None if picture is None else pictures.index(picture),
            })  # fmt: skip
        influences = _influences(replay, [one.output for one in met], pictures, inputs["place"], inputs["meeting"])
        for number, (picture, influence) in enumerate(zip(pictures, influences, strict=True)):
            outputs |= {f"picture/{number}": picture, f"influence/{number}": influence}
        return outputs

    specs = {name: spec for name, spec in loss.input_specs().items() if name not in loss.random}
    specs |= under("nudge", {name: tensor.spec for name, tensor in model.parameters().items()})
    specs |= dict.fromkeys(("place", "meeting"), ArraySpec((batch_size,), np.dtype(np.int64)))
    return trace(tell, specs), meetings


def _influences(
    replay: Replay, outputs: Sequence[Tensor], pictures: Sequence[Tensor], place: Tensor, meeting: Tensor
) -> list[Tensor]:
    """Back from a chosen number of each example to the pictures, as the blame comes back from the loss."""
    num, total = place.shape[0], Tensor(np.zeros((), _FLOAT))
    with Tape() as tape:
        for number, output in enumerate(outputs):
            if output.ndim and output.shape[0] % num == 0:
                size = output.size // num
                # The place is meant for one call; in another there may be fewer.
                at = minimum(place, size - 1) + np.arange(num) * size
                said = take(reshape(output, (-1,)), at, axis=0)
                total = total + sum(said * cast(equal(meeting, number), _FLOAT))
    return backward([*replay.calls, *tape.calls], total, Tensor(np.ones((), _FLOAT)), pictures)
