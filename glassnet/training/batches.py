"""Which examples a step sees: an endless row of shuffled epochs, cut into batches, addressed by step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from glassnet.autodiff import Array
from glassnet.errors import SettingsError
from glassnet.training.randomness import generator


class Batches:
    """Batches of examples held in memory: arrays by name, the first axis counts the examples."""

    def __init__(self, examples: Mapping[str, Array], batch_size: int, seed: int):
        self._examples = examples
        self.num_examples = len(next(iter(examples.values())))
        self.batch_size = batch_size
        if batch_size > self.num_examples:
            raise SettingsError(
                f"expected a batch size of at most {self.num_examples}, the number of training examples; "
                f"got {batch_size}. To fix: lower --batch-size or add data."
            )
        self._order = lru_cache(maxsize=2)(
            lambda epoch: generator(seed, "order", epoch).permutation(self.num_examples).astype(np.int64)
        )

    def batch(self, step: int) -> dict[str, Array]:
        """The examples of step 0, 1, 2..., and ``epoch``, float32 (B,): how many times each has been seen before."""
        places = self.places(step)
        chosen = {name: array[places["indices"]] for name, array in self._examples.items()}
        return {**chosen, "epoch": places["epoch"]}

    def places(self, step: int) -> dict[str, Array]:
        """Which examples these are, ``indices`` int64 (B,), and ``epoch``; a batch may end in the next epoch."""
        first = step * self.batch_size
        epoch, offset = divmod(first, self.num_examples)
        chosen = self._order(epoch)[offset : offset + self.batch_size]
        epochs = np.full(self.batch_size, epoch, np.float32)
        if len(chosen) < self.batch_size:
            epochs[len(chosen) :] += 1.0
            chosen = np.concatenate([chosen, self._order(epoch + 1)[: self.batch_size - len(chosen)]])
        return {"indices": chosen, "epoch": epochs}
