"""Random numbers that depend on nothing but the seed, the purpose and the step: no state to save or lose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassnet.autodiff import Array, ArraySpec
from glassnet.graph import Graph
from glassnet.ops.random import draw

_PURPOSES = ("initialization", "order", "step", "validation", "pictures", "flips")


def generator(seed: int, purpose: str, counter: int = 0) -> np.random.Generator:
    """A counter-based generator (Philox, https://doi.org/10.1145/2063384.2063405).

    ``seed`` and ``purpose`` make the key, ``counter`` (a step, an epoch, a picture) the place in its stream.
    """
    key = np.array([seed, _PURPOSES.index(purpose)], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, 0, counter], np.uint64)))


def draw_inputs(
    graph: Graph, source: np.random.Generator, specs: Mapping[str, ArraySpec] | None = None
) -> dict[str, Array]:
    """The random inputs that the graph asks for, in its order; ``specs``: where they are to be larger."""
    specs = specs or graph.input_specs()
    return {name: draw(source, kind, specs[name].shape, specs[name].dtype) for name, kind in graph.random.items()}
