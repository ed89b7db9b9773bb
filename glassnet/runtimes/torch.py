"""The torch runtime: the graph as a straight line of calls of PyTorch's kernels, without its autograd."""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch

from glassnet.autodiff import Array
from glassnet.errors import RuntimeUnavailableError
from glassnet.graph import Graph
from glassnet.ops import processes
from glassnet.runtimes.runtime import Executable
from glassnet.runtimes.torch_lowering import COLLECTIVES, to_source

Function: TypeAlias = Callable[..., tuple[torch.Tensor, ...]]
Capture: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]
_LOW = {"float32": None, "bfloat16": "torch.bfloat16", "float16": "torch.float16"}
_NAMESPACE = {"torch": torch, "aten": torch.ops.aten, "nn": torch._C._nn, "inf": math.inf, "nan": math.nan}
# Numbers of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


class TorchRuntime:
    """Runs graphs on PyTorch's kernels, on a CPU or a GPU, with activations in float32 or a precision of 16 bits."""

    name = "torch"

    def __init__(self, device: str = "cpu", precision: str = "float32"):
        if device == "cuda":
            check_cuda()
            torch.backends.cudnn.benchmark = True  # shapes never change: the best kernels are looked for once
        else:
            keep_freed_memory()
        self._device, self._low = torch.device(device), _LOW[precision]

    def compile(self, graph: Graph) -> Executable:
        function, source = compile_function(graph, self._low, self._device)
        if self._device.type == "cuda":
            is_alone = all(call.primitive not in COLLECTIVES for call in graph.calls)
            return CapturedExecutable(graph, function, self._device, capture_on_gpu if is_alone else as_it_is)
        return TorchExecutable(graph, function, source)


def compile_function(graph: Graph, low: str | None, device: torch.device) -> tuple[Function, str]:
    """The graph as a function of its inputs in order, with its source."""
    builder = to_source(graph, low)
    source = builder.source("step")
    constants = {str(name): torch.from_numpy(array).to(device) for name, array in builder.constants.items()}
    namespace: dict[str, Any] = {**_NAMESPACE, **constants, "processes": processes()}
    exec(compile(source, "<glassnet step>", "exec"), namespace)
    return namespace["step"], source


class TorchExecutable:
    """A function on the CPU, and the tensors that it hands on from one call to the next."""

    def __init__(self, graph: Graph, function: Function, source: str):
        self.source = source
        self._graph = graph
        self._function = function
        self._carried: dict[str, torch.Tensor] = {}
        self._held: dict[str, torch.Tensor] = {}

    def load(self, carried: Mapping[str, Array]) -> None:
        self._carried = {name: torch.tensor(carried[name]) for name in self._graph.carried}

    def carried(self) -> dict[str, Array]:
        return {name: tensor.numpy().copy() for name, tensor in self._carried.items()}

    def hold(self, inputs: Mapping[str, Array]) -> None:
        self._held |= {name: _tensor(array) for name, array in inputs.items()}

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        given = {name: _tensor(array) for name, array in inputs.items()} | self._held | self._carried
        with torch.inference_mode():
            outputs = self._function(*(given.pop(name) for name in self._graph.inputs))
        named = dict(zip(self._graph.outputs, outputs, strict=True))
        self._carried = {name: named.pop(name) for name in self._graph.carried}
        return {name: tensor.numpy() for name, tensor in named.items()}


class CapturedExecutable:
    """A function whose inputs and results stay at one place, so that it can be recorded once and replayed.

    A replayed step costs the host the copy of its inputs and one call, however many kernels it has.
    """

    def __init__(self, graph: Graph, function: Function, device: torch.device, capture: Capture):
        self._graph, self._function, self._capture = graph, function, capture
        self._inputs = {
            name: torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype.name), device=device)
            for name, spec in graph.input_specs().items()
        }
        self._results: dict[str, torch.Tensor] = {}
        self._replay: Callable[[], None] | None = None

    def load(self, carried: Mapping[str, Array]) -> None:
        for name in self._graph.carried:
            self._inputs[name].copy_(_tensor(carried[name]))

    def carried(self) -> dict[str, Array]:
        return {name: self._inputs[name].cpu().numpy().copy() for name in self._graph.carried}

    def hold(self, inputs: Mapping[str, Array]) -> None:
        for name, array in inputs.items():
            self._inputs[name].copy_(_tensor(array))

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        for name, array in inputs.items():
            self._inputs[name].copy_(_tensor(array), non_blocking=True)
        with torch.no_grad():
            if self._replay is None:
                self._replay = self._recorded()
            self._replay()
        return {name: tensor.cpu().numpy().copy() for name, tensor in self._results.items()}

    def _recorded(self) -> Callable[[], None]:
        """Recording runs the step, so what is carried is put back as it was."""
        before = {name: self._inputs[name].clone() for name in self._graph.carried}
        replay = self._capture(self._step)
        for name, tensor in before.items():
            self._inputs[name].copy_(tensor)
        return replay

    def _step(self) -> None:
        outputs = self._function(*(self._inputs[name] for name in self._graph.inputs))
        named = dict(zip(self._graph.outputs, outputs, strict=True))
        # What the function returns has memory of its own, so none of these writes changes what another reads.
        for name in self._graph.carried:
            self._inputs[name].copy_(named.pop(name))
        self._results = named


def as_it_is(step: Callable[[], None]) -> Callable[[], None]:
    """Nothing is recorded: for steps that wait for other processes."""
    return step


def capture_on_gpu(step: Callable[[], None]) -> Callable[[], None]:
    """Record the kernels of ``step`` as a CUDA graph, after warming up, when libraries choose theirs.

    https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def check_cuda() -> None:
    """Raise RuntimeUnavailableError, saying what was found, unless there is a GPU that PyTorch can use."""
    if torch.cuda.is_available():
        return
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
    found = f"PyTorch {torch.__version__} built with {build}, and {torch.cuda.device_count()} GPUs that it can use"
    raise RuntimeUnavailableError(
        f"expected a GPU for --device cuda; got {found}. To fix: install PyTorch with CUDA and the driver of the GPU, "
        "or leave --device out."
    )


def keep_freed_memory() -> None:
    """Let the C library keep the memory of dropped tensors for the next ones, for the whole process.

    As it is, glibc gives large blocks back to the system at once and gets them again, page by page and zeroed, which
    costs a training a tenth of its time or more.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_MAX, 0)
            mallopt(_M_TRIM_THRESHOLD, -1)


def _tensor(array: Array) -> torch.Tensor:
    """The array's memory as a tensor, which PyTorch wants to be in order and open to writing."""
    ordered = np.asarray(array, order="C")
    return torch.from_numpy(ordered if ordered.flags.writeable else ordered.copy())
