"""The vocabulary: primitives with their rules, composites made of them, and what the symbols mean."""

from glassnet.ops.activation import gelu, leaky_relu, silu, softplus
from glassnet.ops.broadcasting import broadcast_to, unbroadcast
from glassnet.ops.collectives import (
    mean_gradient,
    mean_over_processes,
    num_processes,
    processes,
    shares_statistics,
    sharing_statistics,
    use_processes,
)  # fmt: skip
from glassnet.ops.contraction import matmul
from glassnet.ops.convolution import conv2d, conv_transpose2d
from glassnet.ops.elementwise import (
    absolute,
    cast,
    cos,
    equal,
    erf,
    exp,
    floor,
    greater,
    greater_equal,
    less,
    log,
    maximum,
    minimum,
    ones_like,
    relu,
    sigmoid,
    sign,
    sin,
    sqrt,
    square,
    step,
    stop_gradient,
    tanh,
    where,
    zeros_like,
)  # fmt: skip
from glassnet.ops.indexing import one_hot, scatter_add, take
from glassnet.ops.movement import (
    concatenate,
    depth_to_space,
    flip,
    pad,
    reshape,
    slice_axis,
    slice_of,
    space_to_depth,
    transpose,
)  # fmt: skip
from glassnet.ops.normalization import normalize
from glassnet.ops.pooling import avg_pool2d, max_pool2d, upsample_nearest
from glassnet.ops.random import EagerRandom, Random, SharedRandom
from glassnet.ops.reduction import argmax, log_softmax, logsumexp, max, mean, softmax, sum, variance

__all__ = [
    "EagerRandom", "Random", "SharedRandom", "absolute", "argmax", "avg_pool2d", "broadcast_to", "cast",
    "concatenate", "conv2d", "conv_transpose2d", "cos", "depth_to_space", "equal", "erf", "exp", "flip",
    "floor", "gelu", "greater", "greater_equal", "leaky_relu", "less", "log", "log_softmax", "logsumexp",
    "matmul", "max", "max_pool2d", "maximum", "mean", "mean_gradient", "mean_over_processes", "minimum",
    "normalize", "num_processes", "one_hot", "ones_like", "pad", "processes", "relu", "reshape", "scatter_add",
    "shares_statistics", "sharing_statistics", "sigmoid", "sign", "silu", "sin", "slice_axis", "slice_of",
    "softmax", "softplus", "space_to_depth", "sqrt", "square", "step", "stop_gradient", "sum", "take", "tanh",
    "transpose", "unbroadcast", "upsample_nearest", "use_processes", "variance", "where", "zeros_like",
]  # fmt: skip
