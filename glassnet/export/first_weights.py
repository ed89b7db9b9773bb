"""What a training starts from: in a file what a page cannot make by itself, in words what it can.

Weights drawn evenly follow from the seed and their place in the stream; copies of the parameters and zeros, which most
of a first state is, from a word. Millions of random weights would be most of what is loaded before the first step.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors.numpy import save as save_safetensors

from glassnet.autodiff import Array
from glassnet.export.folder import Folder
from glassnet.training import Checkpoint
from glassnet.training.randomness import generator
from glassnet.training.step import below

_WORDS = 4  # of 64 bits, that Philox makes at a time


@dataclass(frozen=True)
class Draw:
    """Numbers drawn evenly from [low, high), one from each word of 64 bits; ``place``: how many words came before."""

    place: int
    low: float
    high: float
    numbers: Array  # float32


class Recorder(np.random.Generator):
    """The generator of first weights, which notes what is drawn evenly."""

    def __init__(self, seed: int):
        super().__init__(generator(seed, "initialization").bit_generator)
        self.draws: list[Draw] = []

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """As NumPy has it."""
        state: Any = self.bit_generator.state
        place = int(state["state"]["counter"][0]) * _WORDS - (_WORDS - state["buffer_pos"])
        numbers = super().uniform(low, high, size)
        self.draws.append(Draw(place, float(low), float(high), np.asarray(numbers, np.float32)))
        return numbers


def write_first_weights(folder: Folder, start: Checkpoint, draws: Iterable[Draw]) -> dict[str, Any]:
    """What the manifest says of them."""
    tensors = {name: np.ascontiguousarray(array) for name, array in start.tensors.items()}
    left_out = _left_out(tensors)
    drawn = _drawn(below(tensors, "parameters"), draws)
    kept = {n: a for n, a in tensors.items() if n not in drawn and n.rpartition("/")[0] not in left_out}
    return {
        **folder.keep("initial.safetensors.gz", gzip.compress(save_safetensors(kept), mtime=0)),
        "of": hashlib.sha256(save_safetensors(tensors)).hexdigest(),
        "step": start.step,
        "elapsed_s": start.elapsed_s,
        "num_seen": start.num_seen,
        "drawn": drawn,
        "left_out": left_out,
    }


def _drawn(parameters: Mapping[str, Array], draws: Iterable[Draw]) -> dict[str, dict[str, Any]]:
    """The parameters that are still as they were drawn."""
    by_content = {draw.numbers.tobytes(): draw for draw in draws if draw.numbers.size > 1}
    found = {name: by_content.get(array.tobytes()) for name, array in parameters.items() if array.dtype == np.float32}
    return {
        f"parameters/{name}": {
            "place": draw.place,
            "low": draw.low,
            "high": draw.high,
            "shape": list(parameters[name].shape),
        }
        for name, draw in found.items()
        if draw is not None
    }


def _left_out(tensors: Mapping[str, Array]) -> dict[str, str]:
    """Kinds of tensors that follow from the parameters: copies of them, or zeros, as before the first step."""
    parameters = below(tensors, "parameters")
    kinds = {name.rpartition("/")[0] for name in tensors} - {"parameters", "buffers"}
    found = {}
    for kind in sorted(kinds):
        members = below(tensors, kind)
        if not any(array.any() for array in members.values()):
            found[kind] = "zeros"
        elif all(np.array_equal(array, parameters[name]) for name, array in members.items()):
            found[kind] = "parameters"
    return found
