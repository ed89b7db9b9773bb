"""How much arithmetic a graph is: the multiplications and additions of its convolutions and matrix products."""

from __future__ import annotations

from math import prod

from glassnet.graph import Graph, GraphCall


def count_flops(graph: Graph) -> int:
    """Two for every pair that is multiplied and added. Padding counts; what is done element by element does not."""
    return sum(2 * _num_products(graph, call) for call in graph.calls)


def _num_products(graph: Graph, call: GraphCall) -> int:
    shapes = [graph.specs[value].shape for value in (*call.inputs, call.output)]
    if call.primitive == "matmul":
        x, _, out = shapes
        return prod(out) * x[-1]
    if call.primitive == "conv2d_with":
        _, w, out = shapes
        return prod(out) * prod(w[1:])
    if call.primitive == "conv2d_input_gradient":
        g, w, _ = shapes
        return prod(g) * prod(w[1:])
    if call.primitive == "conv2d_weight_gradient":
        _, g, out = shapes
        return prod(g) * prod(out[1:])
    return 0
