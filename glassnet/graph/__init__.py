"""A step made portable: traced once, checked, simplified, and evaluated by the reference."""

from glassnet.graph.buckets import bucket_gradients
from glassnet.graph.evaluate import checked_inputs, evaluate, last_uses
from glassnet.graph.graph import Graph, GraphCall
from glassnet.graph.passes import optimize
from glassnet.graph.spec import check
from glassnet.graph.trace import trace

__all__ = [
    "Graph",
    "GraphCall",
    "bucket_gradients",
    "check",
    "checked_inputs",
    "evaluate",
    "last_uses",
    "optimize",
    "trace",
]
