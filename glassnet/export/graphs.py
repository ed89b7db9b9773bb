"""Everything that a page computes, as graphs by name; the weights are inputs of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import onnx

from glassnet.autodiff import ArraySpec
from glassnet.errors import MissingRuleError, SettingsError
from glassnet.graph import Graph
from glassnet.nn import Module
from glassnet.runtimes.onnx_lowering import to_onnx
from glassnet.tasks import houses
from glassnet.tasks.answers import answer_graph, num_at_once
from glassnet.training import Settings, Task
from glassnet.training.step import TrainingStep, build_step, build_validation
from glassnet.training.validation import chunks_of

NUM_PREDICTED = 8  # pictures of one's own
_BATCH_SIZES: Mapping[str, tuple[int, ...]] = {houses.NAME: (8, 16, 32)}
_OTHER_BATCH_SIZES = (16, 32, 64, 128)


def batch_sizes(settings: Settings, num_examples: int) -> list[int]:
    """Those that a page offers: a step for each is exported. Raises SettingsError if there are too few examples."""
    if settings.batch_size > num_examples:
        raise SettingsError(
            f"expected a batch size of at most {num_examples}, the number of training examples; got "
            f"{settings.batch_size}. To fix: lower --batch-size or add data."
        )
    usual = _BATCH_SIZES.get(settings.task, _OTHER_BATCH_SIZES)
    return sorted({settings.batch_size, *(size for size in usual if size <= num_examples)})


def steps(task: Task, model: Module, settings: Settings) -> dict[int, TrainingStep]:
    """The training step, by batch size."""
    sizes = batch_sizes(settings, len(next(iter(task.training.values()))))
    return {size: build_step(task, model, dataclasses.replace(settings, batch_size=size)) for size in sizes}


def others(task: Task, model: Module, settings: Settings) -> dict[str, Graph]:
    """What measures, answers and draws; the network's ``weights/<name>`` are inputs."""
    sizes = {len(chunk) for chunk in chunks_of(len(next(iter(task.validation.values()))))}
    graphs = {f"measure/{size}": build_validation(task, model, size) for size in sorted(sizes)}
    if "image_shape" in task.facts:
        shape = tuple(task.training["images"].shape[1:])
        for name, num, is_averaged in (("answer", num_at_once(shape), False), ("predict", NUM_PREDICTED, True)):
            images = ArraySpec((num, *shape), np.dtype(np.uint8))
            graphs[name] = answer_graph(model, settings, images, is_averaged)
    else:
        graphs["walk"] = houses.walk_step(model, houses.NUM_SEEDS)
    return graphs


def lowered(graph: Graph) -> onnx.ModelProto:
    """The graph in ONNX, found to be sound. Raises MissingRuleError for what ONNX cannot do."""
    try:
        model = to_onnx(graph)
    except MissingRuleError as error:
        raise MissingRuleError(f"{str(error).partition(' To fix:')[0]} To fix: choose another --model.") from error
    onnx.checker.check_model(model, full_check=True)
    return model
