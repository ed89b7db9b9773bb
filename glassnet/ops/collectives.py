"""Primitives over all processes that take a step together: each gives its numbers, and all get the same mean.

How processes talk is not for this file: whoever brings them together says so by `use_processes`. One process alone
has nothing to share, and its numbers are the mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from glassnet.autodiff import Array, primitive


class Processes(Protocol):
    """Those that take a step together, as one of them sees them."""

    rank: int
    size: int

    def mean(self, x: Array) -> Array:
        """Of the arrays that all of them give; each has to call it."""
        ...


class _Alone:
    rank, size = 0, 1

    def mean(self, x: Array) -> Array:
        return x


_together: Processes = _Alone()
_shared_statistics: ContextVar[bool] = ContextVar("shared_statistics", default=False)


def use_processes(processes: Processes | None) -> None:
    """From now on these take part in every step of this process; None: it is alone."""
    global _together
    _together = processes or _Alone()


def processes() -> Processes:
    """Those that take part."""
    return _together


def num_processes() -> int:
    """How many take part, this one included."""
    return _together.size


@contextmanager
def sharing_statistics(is_shared: bool) -> Iterator[None]:
    """Within the block a normalization over the batch is one over the batches of all processes."""
    token = _shared_statistics.set(is_shared)
    try:
        yield
    finally:
        _shared_statistics.reset(token)


def shares_statistics() -> bool:
    """Whether statistics of a batch are those of all processes."""
    return _shared_statistics.get()


# All processes give the same gradient back, so that what flows into one came, in equal parts, out of all.
@primitive(lambda x: x, vjps=[lambda g, out, x: mean_over_processes(g)])
def mean_over_processes(x: Array) -> Array:
    """The mean of ``x`` over all processes, needed at once."""
    return _together.mean(x)


@primitive(lambda x: x, vjps=[lambda g, out, x: mean_over_processes(g)])
def mean_gradient(x: Array) -> Array:
    """The mean of ``x`` over all processes, needed not before the end of the backward pass: several may go together."""
    return _together.mean(x)


@primitive(lambda x: x, vjps=[lambda g, out, x: mean_over_processes(g)])
def begin_mean(x: Array) -> Array:
    """Begin to form the mean of ``x``; only `end_mean` may use what comes out."""
    return _together.mean(x)


@primitive(lambda x: x, vjps=[lambda g, out, x: g])
def end_mean(x: Array) -> Array:
    """The mean whose forming was begun."""
    return x
