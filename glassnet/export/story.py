"""The graphs by which a page without a server tells the story of a weight, of the first examples of a batch.

They take what is learned as ``weights/<name>``, what is kept beside it as ``buffers/<name>``, examples as
``batch/<name>``, and random numbers.

loss     the loss of the training
story    ``loss``, ``gradient/<name>`` of every weight, and for each call in which weights meet the examples ``signal/<k>``
         and ``blame/<k>``, whose product is to be summed (see `insight.chain_rule`): the signal of the weights that
         ``nudge/<name>`` says, 1 where it is the one weight. ``picture/<j>``: the examples as the network sees them
patch    ``influence/<j>``: how far the numbers at ``place/<k>`` (B,) of what the calls result in, one for each example,
         move with each pixel; ``strength/<k>`` (B,) is 1 for those that are meant
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.autodiff import ArraySpec, Tape, Tensor, backward
from glassnet.graph import Graph, optimize, trace
from glassnet.insight.chain_rule import Replay
from glassnet.nn import Module
from glassnet.ops import Random, one_hot, reshape, sum
from glassnet.training import Task
from glassnet.training.step import below, under

_FLOAT, _INT = np.dtype(np.float32), np.dtype(np.int64)


def story_graphs(task: Task, model: Module, batch_size: int) -> tuple[dict[str, Graph], dict[str, Any]]:
    """The graphs by name, and what the manifest says of them."""
    loss = loss_graph(task, model, batch_size)
    story, meetings = _story(loss, model, batch_size)
    described = {"batch_size": batch_size, "meetings": meetings}
    graphs = {"loss": loss, "story": story}
    if any(meeting["picture"] is not None for meeting in meetings):
        graphs["patch"] = _patch(loss, model, batch_size)
    return graphs, described


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


def _replayed(loss: Graph, inputs: Mapping[str, Tensor], random: Random) -> Replay:
    specs = loss.input_specs()
    drawn = {name: _draw(random, kind, specs[name]) for name, kind in loss.random.items()}
    examples = [name for name in specs if name.startswith("batch/") or name in drawn]
    return Replay(loss, {name: drawn.get(name) or inputs[name] for name in specs}, examples)


def _draw(random: Random, kind: str, spec: ArraySpec) -> Tensor:
    return random.normal(spec.shape) if kind == "normal" else random.uniform(spec.shape)


def _given(loss: Graph) -> dict[str, ArraySpec]:
    return {name: spec for name, spec in loss.input_specs().items() if name not in loss.random}


def _story(loss: Graph, model: Module, batch_size: int) -> tuple[Graph, list[dict[str, Any]]]:
    meetings: list[dict[str, Any]] = []

    def tell(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        replay = _replayed(loss, inputs, random)
        weights = below(inputs, "weights")
        one = Tensor(np.ones((), _FLOAT))
        gradients = backward(replay.calls, replay.loss, one, list(weights.values()))
        outputs = {"loss": replay.loss, **under("gradient", dict(zip(weights, gradients, strict=True)))}
        pictures: dict[Tensor, str] = {}
        for number, met in enumerate(replay.meet(below(inputs, "nudge"))):
            outputs |= {f"signal/{number}": met.signal, f"blame/{number}": met.blame}
            picture = replay.picture(met.position, batch_size)
            if picture is not None:
                pictures.setdefault(picture, f"{len(pictures)}")
            meetings.append({
                "call": replay.calls[met.position].primitive.name,
                "shape": list(met.output.shape),
                "weights": [name for name in weights if name in met.weights],
                "picture": None if picture is None else pictures[picture],
            })  # fmt: skip
        return outputs | {f"picture/{number}": tensor for tensor, number in pictures.items()}

    nudges = under("nudge", {name: tensor.spec for name, tensor in model.parameters().items()})
    return optimize(trace(tell, {**_given(loss), **nudges})), meetings


def _patch(loss: Graph, model: Module, batch_size: int) -> Graph:
    """Going back from what is chosen, as the blame comes back from the loss."""
    
