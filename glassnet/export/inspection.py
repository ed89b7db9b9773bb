"""The graphs by which a page without a server looks into a network: its layers for one picture, the story of a weight.

Every gradient that such a page shows comes out of one of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassnet.autodiff import ArraySpec, Tensor
from glassnet.export.story import story_graphs, update_graph
from glassnet.graph import Graph, optimize, trace
from glassnet.insight.layers import SpokenLayer, listen
from glassnet.nn import Module
from glassnet.ops import Random, softmax
from glassnet.tasks.look import HalfWay
from glassnet.training import Settings, Task
from glassnet.training.step import below, under

_NUM_TOLD_OF = 8  # examples that the story of a weight is of: as many as a tab gets through in a moment


@dataclass(frozen=True)
class Inspection:
    """``graphs`` by name, and what a page has to know of them, by the names it has in the manifest."""

    graphs: Mapping[str, Graph]
    manifest: Mapping[str, Any]


def inspect_in_tab(task: Task, model: Module, settings: Settings) -> Inspection:
    """All of them, for any weights of that network."""
    layers, described = layers_graph(task, model, settings)
    stories, story = story_graphs(task, model, min(_NUM_TOLD_OF, settings.batch_size))
    stories["update"] = update_graph(model, settings)
    return Inspection({"layers": layers, **stories}, {"layers": described, "story": story})


def layers_graph(task: Task, model: Module, settings: Settings) -> tuple[Graph, list[dict[str, Any]]]:
    """What `look.look_inside` finds for one picture, and the layers as the manifest has them.

    Inputs: ``weights/<name>``, ``batch/<name>`` of one example, and what is random. Outputs: ``loss``, of a network
    that chooses ``probabilities``, and the tensors that the description of a layer names: what it says, and gradients.
    """
    described: list[dict[str, Any]] = []

    def look(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        batch = below(inputs, "batch")
        with model.holding(below(inputs, "weights")):
            model.train(False)
            loss, layers = listen(model, lambda: task.measure(model, batch, HalfWay(random))["loss"])
            names = {tensor: name for name, tensor in model.tensors().items()}
            outputs = {"loss": loss, **_probabilities(task, model, batch, settings)}
            model.train(True)
        for number, layer in enumerate(layers):
            held = [(name, *tensors, f"weights/{names[tensors[0]]}") for name, tensors in layer.held.items()]
            said = [(name, *tensors, f"said/{number}.{i}") for i, (name, tensors) in enumerate(layer.said.items())]
            outputs |= {name: values for _, values, _, name in said}
            outputs |= {_gradient(name): g for _, _, g, name in (*held, *said) if g is not None}
            described.append({**_described(layer), "held": _signals(held), "said": _signals(said)})
        return outputs

    specs = under("weights", {name: tensor.spec for name, tensor in model.tensors().items()})
    specs |= {f"batch/{n}": ArraySpec((1, *a.shape[1:]), a.dtype) for n, a in task.validation.items()}
    return optimize(trace(look, specs)), described


def _probabilities(task: Task, model: Module, batch: Mapping[str, Tensor], settings: Settings) -> dict[str, Tensor]:
    """(1, K), of a network that chooses; those of persons are cosines before."""
    if task.facts.keys().isdisjoint(("classes", "people")):
        return {}
    logits = model(batch["images"])
    return {"probabilities": softmax(logits * settings.logit_scale if "people" in task.facts else logits)}


def _described(layer: SpokenLayer) -> dict[str, Any]:
    learned = [values.size for values, gradient in layer.held.values() if gradient is not None]
    shape = None if layer.input_shape is None else list(layer.input_shape)
    return {"name": layer.name, "kind": layer.kind, "num_weights": sum(learned), "input_shape": shape}


def _signals(named: Sequence[tuple[str, Tensor, Tensor | None, str]]) -> list[dict[str, Any]]:
    """For each signal of a layer where its values and its gradient are, among the inputs and outputs of the graph."""
    return [
        {"name": name, "values": place, "gradient": None if gradient is None else _gradient(place)}
        for name, _, gradient, place in named
    ]


def _gradient(place: str) -> str:
    return f"gradient/{place}"
