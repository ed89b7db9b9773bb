"""A graph in ONNX: one rule for each primitive, standard operators only, so that a browser can run it too.

Knows nothing of sessions. What needs more than a line is in `onnx_convolution`, `onnx_pooling`,
`onnx_normalization` and `onnx_forms`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper

from glassnet.errors import MissingRuleError
from glassnet.graph import Graph, GraphCall
from glassnet.ops import num_processes
from glassnet.runtimes import onnx_convolution as convolution
from glassnet.runtimes import onnx_forms as forms
from glassnet.runtimes import onnx_normalization as normalization
from glassnet.runtimes import onnx_pooling as pooling
from glassnet.runtimes.onnx_builder import Builder, Rule

OPSET = 20
IR_VERSION = 10


def to_onnx(graph: Graph) -> onnx.ModelProto:
    """The graph as an ONNX model. Inputs keep their names; a carried output is called ``next/<name>``."""
    builder = Builder(graph, RULES)
    for name, value in graph.inputs.items():
        builder.names[value] = name
    for value, array in graph.constants.items():
        builder.names[value] = builder.constant(array)
    for call in graph.calls:
        if call.primitive not in RULES:
            raise MissingRuleError(
                f"expected an ONNX rule for primitive '{call.primitive}'; got none. To fix: add one to "
                "runtimes/onnx_lowering.py, or use --runtime numpy."
            )
        if call.output not in builder.deferred:
            builder.name(call.output)
    return builder.model(OPSET, IR_VERSION)


def same(op_type: str) -> Rule:
    """The rule of a primitive that ONNX has as it is."""
    return lambda b, call: b.node(op_type, *b.inputs(call))


def _cast(b: Builder, call: GraphCall) -> str:
    return b.node("Cast", b.name(call.inputs[0]), to=helper.np_dtype_to_tensor_dtype(np.dtype(call.params["dtype"])))


def _flip(b: Builder, call: GraphCall) -> str:
    axes = call.params["axes"]
    n = len(axes)
    ends = b.integers(*[np.iinfo(np.int64).min] * n)
    return b.node(
        "Slice", b.name(call.inputs[0]), b.integers(*[-1] * n), ends, b.integers(*axes), b.integers(*[-1] * n)
    )


def _gelu_gradient(b: Builder, call: GraphCall) -> str:
    """g (P(normal < x) + a / (e^(a a) sqrt(pi))) with a = x / sqrt(2); where e^(a a) is infinite the quotient is 0."""
    g, x = b.inputs(call)
    root_half, inverse_root_pi = (b.constant(np.array(v, np.float32)) for v in (math.sqrt(0.5), math.pi**-0.5))
    a = b.node("Mul", x, root_half)
    # (1 + erf) / 2 in one pass: erf is within -1..1, where HardSigmoid cuts nothing off.
    below = b.node("HardSigmoid", b.node("Erf", a), alpha=0.5, beta=0.5)
    quotient = b.node("Div", a, b.node("Exp", b.node("Mul", a, a)))
    return b.node("Mul", g, b.node("Add", below, b.node("Mul", quotient, inverse_root_pi)))


def _pad(b: Builder, call: GraphCall) -> str:
    if not any((*call.params["before"], *call.params["after"])):
        return b.name(call.inputs[0])
    value = b.constant(np.asarray(call.params["value"], b.spec(call.output).dtype))
    return b.node("Pad", b.name(call.inputs[0]), b.integers(*call.params["before"], *call.params["after"]), value)


def _transpose(b: Builder, call: GraphCall) -> str:
    axes, name = call.params["axes"], b.name(call.inputs[0])
    return b.transpose(name, *axes) if axes else name


def _alone(b: Builder, call: GraphCall) -> str:
    """What several processes share; a model of ONNX is for one."""
    if num_processes() > 1:
        raise MissingRuleError(
            f"expected a graph for one process; got '{call.primitive}' of {num_processes()}. To fix: --runtime torch."
        )
    return b.name(call.inputs[0])


def _where(b: Builder, call: GraphCall) -> str:
    condition, x, y = b.inputs(call)
    if b.spec(call.output).dtype == bool:  # for which onnxruntime has no Where
        return b.node("Or", b.node("And", condition, x), b.node("And", b.node("Not", condition), y))
    return b.node("Where", condition, x, y)


RULES: Mapping[str, Rule] = {
    "absolute": same("Abs"),
    "add": forms.add,
    "argmax": lambda b, call: b.node("ArgMax", b.name(call.inputs[0]), axis=call.params["axis"], keepdims=0),
    "avg_pool2d_gradient": pooling.avg_pool2d_gradient,
    "avg_pool2d_with": pooling.avg_pool2d,
    "begin_mean": _alone,
    "broadcast_to": lambda b, call: b.node("Expand", b.name(call.inputs[0]), b.integers(*call.params["shape"])),
    "cast_to": _cast,
    "concatenate_parts": lambda b, call: b.node("Concat", *b.inputs(call), axis=call.params["axis"]),
    "conv2d_input_gradient": convolution.conv2d_input_gradient,
    "conv2d_weight_gradient": convolution.conv2d_weight_gradient,
    "conv2d_with": convolution.conv2d,
    "cos": same("Cos"),
    "divide": same("Div"),
    "end_mean": _alone,
    "equal": same("Equal"),
    "erf": same("Erf"),
    "exp": same("Exp"),
    "flip": _flip,
    "floor": same("Floor"),
    "gelu": same("Gelu"),
    "gelu_gradient": _gelu_gradient,
    "greater": same("Greater"),
    "greater_equal": same("GreaterOrEqual"),
    "log": same("Log"),
    "matmul": forms.matmul,
    "max_pool2d_gradient": pooling.max_pool2d_gradient,
    "max_pool2d_pick": pooling.max_pool2d_pick,
    "max_pool2d_with": pooling.max_pool2d,
    "maximum": same("Max"),
    "mean_gradient": _alone,
    "mean_over_processes": _alone,
    "minimum": same("Min"),
    "multiply": forms.multiply,
    "negative": same("Neg"),
    "normalize": normalization.normalize,
    "normalize_gradient": normalization.normalize_gradient,
    "pad": _pad,
    "power": same("Pow"),
    "reduce_max": forms.reduce_max,
    "reduce_sum": forms.reduce_sum,
    "relu": same("Relu"),
    "reshape_to": lambda b, call: b.reshape(b.name(call.inputs[0]), *call.params["shape"]),
    "scatter_add": forms.scatter_add,
    "sigmoid": same("Sigmoid"),
    "sign": same("Sign"),
    "sin": same("Sin"),
    "slice_of": forms.slice_of,
    "sqrt": same("Sqrt"),
    "step": forms.step,
    "stop_gradient": lambda b, call: b.name(call.inputs[0]),
    "subtract": same("Sub"),
    "take": lambda b, call: b.node("Gather", *b.inputs(call), axis=call.params["axis"]),
    "tanh": same("Tanh"),
    "transpose": _transpose,
    "upsample_nearest2d": pooling.upsample_nearest2d,
    "where": _where,
}
