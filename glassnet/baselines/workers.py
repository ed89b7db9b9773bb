"""Steps to be timed, each in a process of its own that sleeps while another has its turn.

Apart, because one library changes how the whole process gets memory, another holds on to it, and each has threads.
This module run as a program is such a process: it is told by pickles on stdin and answers by pickles on stdout.
"""

from __future__ import annotations

import importlib
import os
import pickle
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

from glassnet.errors import RuntimeUnavailableError

Step: TypeAlias = Callable[[float], float]
"""One step of training with that learning rate, and its loss."""
NUM_CHECKED = 3
# As long as the weights hardly move: a few random pictures would soon be known by heart, gradients would fade into
# denormal numbers, and arithmetic on those is many times slower than in any real training.
_TIMED_SHARE = 1e-4
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*: .")


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to take the step: ``make(**arguments)`` in a process that has imported ``modules`` before.

    Of one that may fail, the measurement goes on without it and says why. ``precision`` is that of its products.
    """

    name: str
    precision: str
    make: Callable[..., Step]
    arguments: Mapping[str, Any]
    modules: tuple[str, ...] = ()
    learning_rate: float = 0.0
    may_fail: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of a process: at most, and when everything was imported; 0 where the system does not tell."""

    peak_bytes: int
    imported_bytes: int


@dataclass(slots=True)
class Worker:
    """The process of a variant, as the one who gives it turns sees it."""

    variant: Variant
    threads: int | None
    losses: list[float] = field(default_factory=list)
    _process: subprocess.Popen[bytes] = field(init=False)
    _stderr: BinaryIO = field(init=False)

    def __enter__(self) -> Worker:
        threads = {} if self.threads is None else dict.fromkeys(_THREADS, str(self.threads))
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
            env={**os.environ, **threads},
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._stderr.close()

    def start(self) -> None:
        """Build the step and take the first ones, whose losses are kept."""
        self._ask((self.variant.make.__module__, *self.variant.modules))
        self.losses = self._ask((self.variant.make, dict(self.variant.arguments), self.variant.learning_rate))

    def seconds(self, num_steps: int) -> float:
        """Seconds per step, of that many."""
        return float(self._ask(num_steps))

    def memory(self) -> Memory:
        """Until now; the process ends."""
        memory = self._ask(None)
        assert isinstance(memory, Memory)
        return memory

    def _ask(self, request: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
            return pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeUnavailableError(
                f"expected {self.variant.name} to take its steps; got '{self._last_words()}'. "
                "To fix: choose a smaller batch, or another runtime, device or precision."
            ) from error

    def _last_words(self) -> str:
        """The line of an exception, or whatever the process said last."""
        code = self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        said = [line for line in lines if _EXCEPTION.match(line)] or [line for line in lines if line.strip()]
        return said[-1].strip() if said else f"nothing, and exit code {code}"


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """The life of a worker: imports, the first steps, turns, and at last how much memory it took."""

    def answer(value: object) -> None:
        pickle.dump(value, answers)
        answers.flush()

    for name in pickle.load(requests):
        importlib.import_module(name)
    imported_bytes = _resident_bytes("VmRSS")
    answer(None)
    make, arguments, learning_rate = pickle.load(requests)
    step: Step = make(**arguments)
    answer([step(learning_rate) for _ in range(NUM_CHECKED)])
    while (num_steps := pickle.load(requests)) is not None:
        began = time.perf_counter()
        for _ in range(num_steps):
            step(learning_rate * _TIMED_SHARE)
        answer((time.perf_counter() - began) / num_steps)
    answer(Memory(_resident_bytes("VmHWM"), imported_bytes))


def _resident_bytes(field: str) -> int:
    """VmRSS, what the process holds, or VmHWM, the most that it ever held: proc_pid_status(5)."""
    path = Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)


if __name__ == "__main__":
    # What a library prints must not get between the answers.
    _answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Pickles name a class by its module, and __main__ is another one for who asks.
    importlib.import_module("glassnet.baselines.workers").serve(sys.stdin.buffer, _answers)
