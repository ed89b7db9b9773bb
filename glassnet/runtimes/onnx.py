"""The onnx runtime: the graph as an ONNX model, run by onnxruntime, with its state bound and never copied."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import numpy as np
import onnxruntime

from glassnet.autodiff import Array
from glassnet.errors import RuntimeUnavailableError
from glassnet.graph import Graph
from glassnet.runtimes.onnx_builder import output_name
from glassnet.runtimes.onnx_lowering import to_onnx


class OnnxRuntime:
    """Runs graphs on onnxruntime's CPU kernels, in float32."""

    name = "onnx"

    def __init__(self, num_threads: int | None = None):
        """``num_threads``: None for as many as this process may use cores."""
        self._num_threads = num_threads or _num_cores()

    def compile(self, graph: Graph) -> OnnxExecutable:
        for name, spec in (graph.input_specs() | graph.output_specs()).items():
            if spec.dtype == np.float64:
                raise RuntimeUnavailableError(
                    f"expected float32, which onnxruntime's kernels have; got float64 for '{name}'. "
                    "To fix: use --runtime numpy."
                )
        return OnnxExecutable(graph, session_of(to_onnx(graph).SerializeToString(), self._num_threads))


def session_of(model: bytes, num_threads: int) -> onnxruntime.InferenceSession:
    """What runs an ONNX model as all of ours are run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.log_severity_level = 3
    # Threads that wait in a loop for the next operator are fast alone, and cost a step twice its time or more when
    # another program wants the core; after this long they sleep.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "50")
    # One level higher it wraps poolings into conversions to a blocked layout that convolutions here never use.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    # Weights that shrink towards 0 pass through denormal numbers, on which arithmetic is many times slower.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _num_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class OnnxExecutable:
    """A session with two sets of buffers for what is carried: each step reads one set and writes the other."""

    def __init__(self, graph: Graph, session: onnxruntime.InferenceSession):
        self._graph = graph
        self._session = session
        self._results = [name for name in graph.outputs if name not in graph.carried]
        self._sets = [self._buffers(), self._buffers()]
        self._bindings = [self._bind(*self._sets), self._bind(*reversed(self._sets))]
        self._current = 0
        self._held: list[Mapping[str, Array]] = []

    def load(self, carried: Mapping[str, Array]) -> None:
        for name, value in self._sets[self._current].items():
            value.update_inplace(np.asarray(carried[name], order="C"))

    def carried(self) -> dict[str, Array]:
        return {name: value.numpy().copy() for name, value in self._sets[self._current].items()}

    def hold(self, inputs: Mapping[str, Array]) -> None:
        for binding in self._bindings:
            self._give(binding, inputs)
        self._held.append(inputs)  # a binding knows the place of an array, and does not keep it alive

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        binding = self._bindings[self._current]
        self._give(binding, inputs)
        for name in self._results:
            binding.bind_output(output_name(self._graph, name), "cpu")
        self._session.run_with_iobinding(binding)
        self._current = 1 - self._current
        results = binding.get_outputs()[len(self._graph.carried) :]
        return {name: value.numpy() for name, value in zip(self._results, results, strict=True)}

    @staticmethod
    def _give(binding: onnxruntime.IOBinding, inputs: Mapping[str, Array]) -> None:
        for name, array in inputs.items():
            binding.bind_cpu_input(name, np.asarray(array, order="C"))

    def _buffers(self) -> dict[str, onnxruntime.OrtValue]:
        specs = self._graph.input_specs()
        return {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(specs[name].shape, specs[name].dtype))
            for name in self._graph.carried
        }

    def _bind(
        self, source: Mapping[str, onnxruntime.OrtValue], target: Mapping[str, onnxruntime.OrtValue]
    ) -> onnxruntime.IOBinding:
        binding = self._session.io_binding()
        for name in self._graph.carried:
            binding.bind_ortvalue_input(name, source[name])
            binding.bind_ortvalue_output(output_name(self._graph, name), target[name])
        return binding
