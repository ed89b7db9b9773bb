"""The network of a run as one ONNX file that holds its weights: pictures in, probabilities out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from onnx import helper

from glassnet.autodiff import Array, ArraySpec
from glassnet.errors import CheckpointError, SettingsError
from glassnet.export.graphs import lowered
from glassnet.graph import Graph, optimize
from glassnet.models import UNet
from glassnet.tasks import houses
from glassnet.tasks.answers import answer_graph, network_of
from glassnet.tasks.subject import names_of
from glassnet.training import Checkpoint, Run
from glassnet.training.step import below, under, weights_of


@dataclass(frozen=True)
class WrittenNetwork:
    """inputs, outputs: name -> shape."""

    num_bytes: int
    num_weights: int
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]


def write_network(run: Run, checkpoint: Checkpoint, file: Path) -> WrittenNetwork:
    """Write the averaged weights of the checkpoint and what is computed with them. Raises GlassnetError."""
    asking, weights = _graph(run), weights_of(checkpoint.tensors)
    wanted = {name: spec.shape for name, spec in below(asking.input_specs(), "weights").items()}
    if wanted != {name: array.shape for name, array in weights.items()}:
        raise CheckpointError(
            f"expected a checkpoint of the model '{run.settings.model}' in {run.path}; got other tensors. "
            "To fix: choose another run."
        )
    graph = holding(asking, weights)
    model = lowered(graph)
    said = {"task": run.settings.task, "model": run.settings.model, "step": str(checkpoint.step)}
    if names := names_of(run):
        said["names"] = json.dumps(names, ensure_ascii=False)
    helper.set_model_props(model, said)
    content = model.SerializeToString()
    temporary = file.with_name(f".{file.name}.unfinished")
    try:
        temporary.write_bytes(content)
        temporary.replace(file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise SettingsError(
            f"expected to write {file}; got '{error.strerror}'. To fix: choose another FILE.onnx."
        ) from error
    num_weights = sum(array.size for name, array in checkpoint.tensors.items() if name.startswith("parameters/"))
    return WrittenNetwork(len(content), num_weights, _shapes(graph.input_specs()), _shapes(graph.output_specs()))


def holding(graph: Graph, weights: Mapping[str, Array]) -> Graph:
    """The graph with these values in place of its inputs ``weights/<name>``."""
    values = {graph.inputs[name]: array for name, array in under("weights", weights).items()}
    inputs = {name: value for name, value in graph.inputs.items() if value not in values}
    return optimize(replace(graph, inputs=inputs, constants={**graph.constants, **values}))


def _graph(run: Run) -> Graph:
    if run.settings.task == houses.NAME:
        return houses.walk_step(UNet(np.random.default_rng(0)), 1)
    shape = tuple(run.facts.get("image_shape", ()))
    return answer_graph(network_of(run), run.settings, ArraySpec((1, *shape), np.dtype(np.uint8)), is_averaged=True)


def _shapes(specs: Mapping[str, ArraySpec]) -> dict[str, tuple[int, ...]]:
    return {name: spec.shape for name, spec in specs.items()}
