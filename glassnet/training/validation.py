"""What a task measures of the examples that were held out, for any weights of its network."""

from __future__ import annotations

import numpy as np

from glassnet.autodiff import Array
from glassnet.nn import Module
from glassnet.runtimes import Runtime
from glassnet.training.randomness import draw_inputs, generator
from glassnet.training.step import build_validation, under
from glassnet.training.task import Task

CHUNK = 500  # examples at a time, so that many held-out ones take no more memory than a few


class Validation:
    """The measures of held-out examples, always with the same random numbers, so that only the weights change them."""

    def __init__(self, task: Task, model: Module, runtime: Runtime, seed: int):
        self.num_examples = len(next(iter(task.validation.values())))
        self._chunks = chunks_of(self.num_examples)
        graphs = {len(chunk): build_validation(task, model, len(chunk)) for chunk in self._chunks}
        self._executables = {size: runtime.compile(graph) for size, graph in graphs.items()}
        self._fixed = [
            {
                **{f"batch/{name}": array[chunk] for name, array in task.validation.items()},
                **draw_inputs(graphs[len(chunk)], generator(seed, "validation", i)),
            }
            for i, chunk in enumerate(self._chunks)
        ]

    def measure(self, weights: dict[str, Array]) -> dict[str, float]:
        """The measures of the task, averaged over all held-out examples."""
        total: dict[str, float] = {}
        named = under("weights", weights)
        for chunk, fixed in zip(self._chunks, self._fixed, strict=True):
            for name, value in self._executables[len(chunk)]({**named, **fixed}).items():
                total[name] = total.get(name, 0.0) + float(value) * len(chunk)
        return {name: value / self.num_examples for name, value in total.items()}


def chunks_of(num_examples: int) -> list[Array]:
    """Which examples are measured together; there are at most two sizes, one apart."""
    num_chunks = max(1, -(-num_examples // CHUNK))
    return [chunk for chunk in np.array_split(np.arange(num_examples), num_chunks) if len(chunk)]
