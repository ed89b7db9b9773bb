"""What a training needs to know of its task; `tasks` has one page for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.data.stream import Stream
from glassnet.nn import Module
from glassnet.ops import Random


class Task(Protocol):
    """Examples, a network, a loss, and something to look at."""

    name: str
    source: str  # where the examples are from, in words
    notices: Sequence[str]  # what a person should know of the examples, a line each
    validation: Mapping[str, Array]  # the same names; held out of training, maybe empty
    facts: Mapping[str, object]  # what using the network takes beside its weights, where the examples are not at hand

    @property
    def training(self) -> Mapping[str, Array | Stream]:
        """Arrays by name, the first axis counts the examples; what is larger than memory is one `Stream` at most."""
        ...

    def model(self, generator: np.random.Generator) -> Module:
        """A network with random weights."""
        ...

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        """How wrong the network is on a batch: a scalar. Traced, so augmentation belongs here.

        The batch holds ``epoch`` (B,) too: how many times each example has been seen before.
        """
        ...

    def measure(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Mapping[str, Tensor]:
        """What is reported of a batch that was held out: means over it, ``loss`` and maybe ``accuracy``. Traced."""
        ...

    def pictures(self, weights: Mapping[str, Array]) -> Array | None:
        """What the network with these weights (by dotted name) makes now: uint8 (num, height, width) or None."""
        ...
