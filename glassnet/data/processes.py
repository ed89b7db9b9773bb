"""Processes that work through files: paths go in, what a function makes of them comes out.

Not those of multiprocessing: they would run the user's program once more to begin with, and may outlive it. These know
that whoever started them is gone when their input ends. This module knows nothing of pictures.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, BinaryIO, Generic, TypeVar

from glassnet.errors import DataError

Result = TypeVar("Result")
MAX_PROCESSES = 32
_NICENESS = 5
_PROGRAM = """import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from glassnet.data.processes import serve
serve()"""


def available_cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class Processes(Generic[Result]):
    """``num`` processes that call the function on lists of paths; by default one for each core.

    The function is one that can be pickled. `close` ends the processes; they also end with this one, however it ends.
    """

    def __init__(self, function: Callable[[Sequence[str]], Result], num: int | None = None):
        self.num = num or min(MAX_PROCESSES, available_cores())
        self._all = [_Process(function) for _ in range(self.num)]
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        for process in self._all:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(self.num, "glassnet-process")
        self._end = weakref.finalize(self, _end_all, self._all)

    def submit(self, paths: Callable[[], Sequence[str]]) -> Future[Result]:
        """What the function will have made of the paths; they too are made out of the caller's way."""
        return self._threads.submit(self._ask, paths)

    def map(self, chunks: Iterable[Callable[[], Sequence[str]]]) -> Iterator[Result]:
        """What the function makes of each chunk, in order; only a few are under way, however many there are."""
        under_way: deque[Future[Result]] = deque()
        for chunk in chunks:
            under_way.append(self.submit(chunk))
            if len(under_way) > 2 * self.num:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def close(self) -> None:
        """End the processes; what was asked for and not yet done is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._end()
        self._threads.shutdown()

    def pids(self) -> list[int]:
        """Of the processes, for who wants to look at them."""
        return [process.pid for process in self._all]

    def _ask(self, paths: Callable[[], Sequence[str]]) -> Result:
        process = self._idle.get()
        try:
            return process.ask(paths())
        finally:
            self._idle.put(process)


class _Process:
    """One process, and the pipes to it."""

    def __init__(self, function: Callable[[Sequence[str]], Any]):
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        self._popen = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for who started it
        )  # fmt: skip
        self.pid = self._popen.pid
        pickle.dump(sys.path, self._requests)
        pickle.dump(function, self._requests)

    @property
    def _requests(self) -> BinaryIO:
        assert self._popen.stdin is not None
        return self._popen.stdin  # type: ignore[return-value]  # IO[bytes] in the annotations of subprocess

    def ask(self, paths: Sequence[str]) -> Any:
        assert self._popen.stdout is not None
        try:
            pickle.dump(paths, self._requests)
            self._requests.flush()
            return pickle.load(self._popen.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise DataError(
                f"expected a process that reads files to go on; got its end ({self._last_words()}) at one of "
                f"{len(paths)}, the first of them {os.fsencode(paths[0]).decode('utf-8', 'replace')}. To fix: see "
                "whether memory is short or one of these files is damaged, then go on with --resume"
            ) from error

    def end(self) -> None:
        self._popen.kill()
        self._popen.communicate()
        self._stderr.close()

    def _last_words(self) -> str:
        code = self._popen.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else f"signal {-code}" if code < 0 else f"exit code {code}"


def _end_all(processes: Iterable[_Process]) -> None:
    for process in processes:
        process.end()


def serve() -> None:
    """The life of a process: a function, then lists of paths, until the input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # the training step goes first
    try:
        function = pickle.load(requests)
        while True:
            paths = pickle.load(requests)
            pickle.dump(function(paths), answers, protocol=5)
            answers.flush()
    except (EOFError, BrokenPipeError):
        return
