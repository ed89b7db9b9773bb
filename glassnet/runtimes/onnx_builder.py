"""An ONNX graph under construction: nodes, constants, and which calls wait to be fused into another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

from glassnet.autodiff import Array, ArraySpec
from glassnet.graph import Graph, GraphCall


class Builder:
    """Collects nodes. Rules ask it for the names of values; a deferred value is lowered when it is first asked for."""

    def __init__(self, graph: Graph, rules: Mapping[str, Rule]):
        self.graph = graph
        self.names: dict[int, str] = {}
        self.producers = {call.output: call for call in graph.calls}
        self.num_uses = _num_uses(graph)
        self.deferred = {call.output for call in graph.calls if self._may_be_fused(call)}
        self.shared: dict[Any, Any] = {}
        self._rules = rules
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._constants: dict[Any, str] = {}
        self._count = 0

    def name(self, value: int) -> str:
        """The ONNX name of a value, lowering its call first if that has not been done."""
        if value not in self.names:
            call = self.producers[value]
            self.names[value] = self._rules[call.primitive](self, call)
        return self.names[value]

    def inputs(self, call: GraphCall) -> list[str]:
        return [self.name(value) for value in call.inputs]

    def spec(self, value: int) -> ArraySpec:
        return self.graph.specs[value]

    def producer(self, value: int, primitive: str) -> GraphCall | None:
        """The call that makes ``value``, if it is of that primitive."""
        call = self.producers.get(value)
        return call if call is not None and call.primitive == primitive else None

    def users(self, value: int) -> list[GraphCall]:
        return [call for call in self.graph.calls if value in call.inputs]

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; its name."""
        return self.nodes(op_type, *inputs, num_outputs=1, **attributes)[0]

    def nodes(self, op_type: str, *inputs: str, num_outputs: int, **attributes: Any) -> list[str]:
        """Add a node with several outputs; their names."""
        self._count += 1
        outputs = [f"{op_type}_{self._count}.{i}" for i in range(num_outputs)]
        self._nodes.append(helper.make_node(op_type, list(inputs), outputs, **attributes))
        return outputs

    def share(self, key: Any, make: Callable[[], Any]) -> Any:
        """What ``make()`` returned when it was first asked for under ``key``."""
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]

    def constant(self, array: Array) -> str:
        """The name of an initializer that holds ``array``; equal arrays share one."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self._constants[key] = f"constant_{len(self._constants)}"
            self._initializers[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return self._constants[key]

    def integers(self, *values: int) -> str:
        """A constant vector of int64, which is how ONNX takes shapes and axes."""
        return self.constant(np.array(values, np.int64))

    def reshape(self, name: str, *shape: int) -> str:
        return self.node("Reshape", name, self.integers(*shape), allowzero=int(0 in shape))

    def transpose(self, name: str, *axes: int) -> str:
        return self.node("Transpose", name, perm=list(axes))

    def model(self, opset: int, ir_version: int) -> onnx.ModelProto:
        """The finished model; nodes that nothing depends on are left out."""
        outputs = {output_name(self.graph, name): value for name, value in self.graph.outputs.items()}
        self._name_outputs(outputs)
        nodes = _needed(self._nodes, set(outputs))
        used = {name for node in nodes for name in node.input}
        proto = helper.make_graph(
            nodes,
            "glassnet",
            [_value_info(name, spec) for name, spec in self.graph.input_specs().items()],
            [_value_info(name, self.spec(value)) for name, value in outputs.items()],
            [tensor for name, tensor in self._initializers.items() if name in used],
        )
        opset_imports = [helper.make_opsetid("", opset)]
        return helper.make_model(proto, opset_imports=opset_imports, ir_version=ir_version, producer_name="glassnet")

    def _name_outputs(self, outputs: Mapping[str, int]) -> None:
        """Call what nodes make by the names of the graph's outputs; an input, a constant or a second name is a copy."""
        made = {name for node in self._nodes for name in node.output}
        renamed: dict[str, str] = {}
        for name, value in outputs.items():
            internal = self.name(value)
            if internal in made and internal not in renamed:
                renamed[internal] = name
            else:
                self._nodes.append(helper.make_node("Identity", [internal], [name]))
        for node in self._nodes:
            node.input[:] = [renamed.get(name, name) for name in node.input]
            node.output[:] = [renamed.get(name, name) for name in node.output]

    def _may_be_fused(self, call: GraphCall) -> bool:
        """What may wait for a bias or a shift, and transposed matrices, which may wait for a product."""
        if self.num_uses.get(call.output) == 1 and call.primitive in ("conv2d_with", "matmul", "multiply"):
            return True
        return call.primitive == "transpose" and len(self.spec(call.output).shape) == 2


Rule: TypeAlias = Callable[[Builder, GraphCall], str]


def output_name(graph: Graph, name: str) -> str:
    """ONNX wants inputs and outputs to differ in name."""
    return f"next/{name}" if name in graph.inputs else name


def per_channel(spec: ArraySpec, images: ArraySpec) -> int:
    """1 if ``spec`` is one float for each channel of the images (B, C, H, W), B if for each of each image; else 0."""
    if len(images.shape) != 4 or images.dtype.kind != "f" or prod(images.shape[2:]) == 1:
        return 0
    batch, channels = images.shape[:2]
    if spec.shape[-3:] != (channels, 1, 1) or len(spec.shape) > 4:
        return 0
    return batch if spec.size == batch * channels else 1


def _num_uses(graph: Graph) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in [*(v for call in graph.calls for v in call.inputs), *graph.outputs.values()]:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _needed(nodes: list[onnx.NodeProto], outputs: set[str]) -> list[onnx.NodeProto]:
    kept = []
    for node in reversed(nodes):
        if not outputs.isdisjoint(node.output):
            outputs.update(node.input)
            kept.append(node)
    return kept[::-1]


def _value_info(name: str, spec: ArraySpec) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(spec.dtype), list(spec.shape))
