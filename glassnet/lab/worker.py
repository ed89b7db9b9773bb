"""One process beside the server for all that takes time: it is nice, has one thread and a bound on its memory.

So the server answers at once whatever is computed, and a training beside it loses little. The process lives on between
calls and may cache; one that crashed, or took too long, is replaced at the next call.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_process
from anyio.lowlevel import RunVar

from glassnet.errors import GlassnetError
from glassnet.lab.answers import BusyError

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_NICENESS = 10
_MOST_BYTES = 6 * 2**30
_MOST_WAITING = 32
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_turns: RunVar[anyio.CapacityLimiter] = RunVar("turns of the worker")
_settled: list[int] = []  # the id of this process, once it has settled


class WorkerError(GlassnetError):
    """The worker gave no answer."""


async def in_worker(function: Callable[[Unpack[Arguments]], T], *arguments: *Arguments, within_s: float = 60.0) -> T:
    """What the function, one of a module, makes of arguments that can be pickled; a GlassnetError comes as itself."""
    turn = _turn()
    if turn.statistics().tasks_waiting >= _MOST_WAITING:
        raise BusyError(f"expected at most {_MOST_WAITING} questions at once; got one more. To fix: wait for answers.")
    try:
        async with turn:
            with anyio.fail_after(within_s):
                return await anyio.to_process.run_sync(
                    _call, function.__module__, function.__qualname__, arguments, cancellable=True
                )
    except TimeoutError as error:
        raise WorkerError(f"expected an answer within {within_s:.0f} s; got none. To fix: ask for less.") from error
    except anyio.BrokenWorkerProcess as error:
        raise WorkerError(
            "expected an answer; got the end of the process that computes it. To fix: try again."
        ) from error


def _turn() -> anyio.CapacityLimiter:
    """Of each event loop its own."""
    try:
        return _turns.get()
    except LookupError:
        _turns.set(anyio.CapacityLimiter(1))
        return _turns.get()


def _call(module: str, name: str, arguments: tuple[Any, ...]) -> Any:
    """In the worker. By names, so that the process has settled before NumPy is imported, which counts cores then."""
    if os.getpid() not in _settled:
        _settle()
    function = getattr(importlib.import_module(module), name)
    try:
        return function(*arguments)
    except MemoryError as error:
        raise WorkerError("expected enough memory; got too little. To fix: ask for less.") from error


def _settle() -> None:
    _settled.append(os.getpid())
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    if sys.platform != "win32":
        import resource

        os.setsid()  # Ctrl-C is for the server
        os.nice(_NICENESS)
        most = resource.getrlimit(resource.RLIMIT_DATA)[1]
        least = _MOST_BYTES if most == resource.RLIM_INFINITY else min(most, _MOST_BYTES)
        resource.setrlimit(resource.RLIMIT_DATA, (least, most))
    if sys.platform == "linux":
        # Whoever asks how many cores there are is told one; it is not the first, which has most to do.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
