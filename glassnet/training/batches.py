"""Which examples a step sees: an endless row of shuffled epochs, cut into batches, addressed by step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from glassnet.autodiff import Array
from glassnet.data.reading import name_of
from glassnet.data.stream import Decoded, Reading, Stream
from glassnet.errors import DataError, SettingsError
from glassnet.ops import processes
from glassnet.training.randomness import generator

PICTURES_AHEAD = 2048
"""So many are on their way while a step is taken, and two batches at least: work for many processes."""
MAX_NOTICES = 20


class Batches:
    """Batches of examples: arrays by name, the first axis counts the examples; one of them may be a `Stream`.

    Of that one, the pictures of the next steps are on their way while a step is taken. Which they are, and what
    happens to a picture that cannot be read, does not depend on it. Of several processes each reads its part only.
    """

    def __init__(self, examples: Mapping[str, Array | Stream], batch_size: int, seed: int):
        self._arrays = {name: array for name, array in examples.items() if not isinstance(array, Stream)}
        self._streams = {name: stream for name, stream in examples.items() if isinstance(stream, Stream)}
        assert len(self._streams) <= 1, self._streams
        self.num_examples = len(next(iter(examples.values())))
        self._rank, self._num_parts = processes().rank, processes().size
        self.batch_size = self._checked(batch_size)
        self._offset = 0  # where step 0 would have begun, had it had this size
        self._order = lru_cache(maxsize=2)(
            lambda epoch: generator(seed, "order", epoch).permutation(self.num_examples).astype(np.int64)
        )
        self._under_way: dict[int, Reading] = {}
        self._unreadable: set[str] = set()
        self._notices: list[str] = []

    def batch(self, step: int) -> dict[str, Array]:
        """The examples of step 0, 1, 2..., and ``epoch``, float32 (B,): how many times each has been seen before.

        Of several processes, the part of this one. In place of an example whose picture cannot be read, the batch has
        its next one twice; see `notices`. Raises DataError if none can be read.
        """
        places = self.part(step)
        streamed = {}
        for name, stream in self._streams.items():
            decoded = self._read(stream, step)
            order = self._replaced(stream, decoded, places["indices"])
            places = {place: array[order] for place, array in places.items()}
            streamed[name] = decoded.images[order] if decoded.reasons else decoded.images
        chosen = {name: array[places["indices"]] for name, array in self._arrays.items()}
        return {**chosen, **streamed, "epoch": places["epoch"]}

    def places(self, step: int) -> dict[str, Array]:
        """Which examples these are, ``indices`` int64 (B,), and ``epoch``; a batch may end in the next epoch."""
        epoch, offset = divmod(self.num_seen(step), self.num_examples)
        chosen = self._order(epoch)[offset : offset + self.batch_size]
        epochs = np.full(self.batch_size, epoch, np.float32)
        if len(chosen) < self.batch_size:
            epochs[len(chosen) :] += 1.0
            chosen = np.concatenate([chosen, self._order(epoch + 1)[: self.batch_size - len(chosen)]])
        return {"indices": chosen, "epoch": epochs}

    def part(self, step: int) -> dict[str, Array]:
        """What of `places` is for this process."""
        size = self.batch_size // self._num_parts
        return {name: array[self._rank * size :][:size] for name, array in self.places(step).items()}

    def num_seen(self, step: int) -> int:
        """How many examples there were in all batches before that of ``step``."""
        return self._offset + step * self.batch_size

    def resize(self, batch_size: int, step: int, num_seen: int) -> None:
        """From ``step`` on, batches of this size, after ``num_seen`` examples. Raises SettingsError."""
        self.batch_size = self._checked(batch_size)
        self._offset = num_seen - step * batch_size
        self._under_way.clear()

    def notices(self) -> list[str]:
        """A line for each picture that could not be read, once."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """End the processes that read; a later batch starts them again."""
        self._under_way.clear()
        for stream in self._streams.values():
            stream.close()

    def _checked(self, batch_size: int) -> int:
        if batch_size > self.num_examples:
            raise SettingsError(
                f"expected a batch size of at most {self.num_examples}, the number of training examples; "
                f"got {batch_size}. To fix: lower --batch-size or add data."
            )
        return batch_size

    def _read(self, stream: Stream, step: int) -> Decoded:
        ahead = range(step, step + 1 + max(2, PICTURES_AHEAD // self.batch_size))
        self._under_way = {
            later: self._under_way.get(later) or stream.start(self.part(later)["indices"]) for later in ahead
        }
        return self._under_way.pop(step).result()

    def _replaced(self, stream: Stream, decoded: Decoded, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """(B,) places in the batch: of each example its own, or of the next that could be read, around the end."""
        for place, reason in decoded.reasons.items():
            self._note(stream, int(indices[place]), reason)
        readable = np.flatnonzero(decoded.is_read())
        if not len(readable):
            reason = next(iter(decoded.reasons.values()))
            raise DataError(
                f"expected a batch with a picture that can be read; got none of {len(indices)} ({reason}). "
                "To fix: see whether the files are still there, then go on with --resume"
            )
        following = np.searchsorted(readable, np.arange(len(indices)))
        return readable[following % len(readable)]

    def _note(self, stream: Stream, index: int, reason: str) -> None:
        # By name, since a picture may be several examples.
        name = name_of(stream.file(index))
        if name in self._unreadable:
            return
        self._unreadable.add(name)
        if len(self._unreadable) <= MAX_NOTICES:
            self._notices.append(f"{name}: replaced by the next one of its batch, {reason}")
        if len(self._unreadable) == MAX_NOTICES + 1:
            self._notices.append("and more of this kind")
