"""The torch runtime: the graph as a straight line of calls of PyTorch's kernels, without its autograd."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from glassnet.autodiff import Array
from glassnet.errors import RuntimeUnavailableError
from glassnet.graph import Graph, checked_inputs
from glassnet.runtimes.torch_lowering import to_source

LOW = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
_NAMESPACE = {"torch": torch, "aten": torch.ops.aten, "nn": torch._C._nn, "inf": math.inf, "nan": math.nan}


class TorchRuntime:
    """Runs graphs on PyTorch's kernels, on a CPU."""

    name = "torch"

    def __init__(self, device: str = "cpu", precision: str = "float32"):
        self._device, self._low = torch.device(device), LOW[precision]

    def compile(self, graph: Graph) -> TorchExecutable:
        return TorchExecutable(graph, self._low)


class TorchExecutable:
    """A compiled function and the tensors that are carried from one call to the next."""

    def __init__(self, graph: Graph, low: torch.dtype | None):
        builder = to_source(graph, None if low is None else str(low))
        self.source = builder.source("step")
        namespace: dict[str, Any] = {**_NAMESPACE, **{n: torch.from_numpy(a) for n, a in builder.constants.items()}}
        exec(compile(self.source, "<glassnet step>", "exec"), namespace)
        self._function: Callable[..., tuple[torch.Tensor, ...]] = namespace["step"]
        self._graph = graph
        self._carried: dict[str, torch.Tensor] = {}

    def load(self, carried: Mapping[str, Array]) -> None:
        self._carried = {name: torch.tensor(carried[name]) for name in self._graph.carried}

    def carried(self) -> dict[str, Array]:
        return {name: tensor.numpy().copy() for name, tensor in self._carried.items()}

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        given = {name: _tensor(array) for name, array in inputs.items()} | self._carried
        with torch.inference_mode():
            outputs = self._function(*(given[name] for name in self._graph.inputs))
        named = dict(zip(self._graph.outputs, outputs, strict=True))
        self._carried = {name: named.pop(name) for name in self._graph.carried}
        return {name: tensor.numpy() for name, tensor in named.items()}


def _tensor(array: Array) -> torch.Tensor:
    """The array's memory as a tensor, which PyTorch wants to be in order and open to writing."""
    ordered = np.asarray(array, order="C")
    return torch.from_numpy(ordered if ordered.flags.writeable else ordered.copy())
