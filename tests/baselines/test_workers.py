"""Workers and their turns: what comes back, in which order, and what is said of those that fail."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path

import pytest

from glassnet.baselines import bench
from glassnet.baselines.bench import alternate
from glassnet.baselines.workers import NUM_CHECKED, Variant, Worker
from glassnet.errors import RuntimeUnavailableError
from tests.baselines import steps

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of two steps, without rests; workers find the steps of these tests."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("_TURN_S", "_WARMING_S", "_REST_S"):
        monkeypatch.setattr(bench, name, 0.0)


def test_the_first_losses_come_back_whatever_is_printed() -> None:
    with Worker(Variant("falling", "float32", steps.falling, {"start": 5.0}, learning_rate=0.5), None) as worker:
        worker.start()
        assert worker.losses == [5.0, 4.5, 4.0]
        assert 0.0 < worker.seconds(3) < 10.0


def test_timed_steps_hardly_learn(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    variant = Variant("noting", "float32", steps.noting, {"path": str(path), "name": "a"}, learning_rate=0.5)
    alternate([variant], rounds=1)
    rates = [float(line.split()[1]) for line in path.read_text().splitlines()]
    assert rates[:NUM_CHECKED] == [0.5] * NUM_CHECKED
    assert len(rates) > NUM_CHECKED
    assert all(0.0 < rate < 1e-3 for rate in rates[NUM_CHECKED:])


def test_each_round_begins_with_another(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    variants = [Variant(name, "float32", steps.noting, {"path": str(path), "name": name}) for name in "abc"]
    timings, left_out = alternate(variants, rounds=4)
    turns = [line.split()[0] for line in path.read_text().splitlines()]
    assert left_out == {}
    assert [(timing.variant.name, len(timing.seconds), timing.num_steps) for timing in timings] == [
        ("a", 4, 2), ("b", 4, 2), ("c", 4, 2),
    ]  # fmt: skip
    in_rounds = "".join(turns)[-4 * 3 * 2 :]
    assert in_rounds == "aabbcc" + "bbccaa" + "ccaabb" + "aabbcc"
    assert [name for name, _ in groupby(turns)][:3] == ["a", "b", "c"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system tells no peaks")
def test_memory_is_the_most_that_was_held() -> None:
    with Worker(Variant("needing", "float32", steps.needing, {"size_mib": 96}, ("decimal",)), None) as worker:
        worker.start()
        memory = worker.memory()
    # Some pages of what is imported are not needed again and make room for others.
    assert 90 * 2**20 <= memory.peak_bytes - memory.imported_bytes < 160 * 2**20
    assert memory.imported_bytes > 2**20


def test_threads_are_in_the_environment() -> None:
    with Worker(Variant("getting", "float32", steps.falling, {"start": 1.0}), 3) as worker:
        text = Path(f"/proc/{worker._process.pid}/environ")
        wait_for(lambda: "OMP_NUM_THREADS=3" in text.read_text())


def wait_for(holds: object) -> None:
    deadline = time.monotonic() + 10.0
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


FAILURES = {
    "an exception": (steps.failing, {"message": "no compiler"}, "'ValueError: no compiler'"),
    "a death": (steps.dying, {"code": 3}, "'nothing, and exit code 3'"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_told_in_a_line(failure: str) -> None:
    make, arguments, said = FAILURES[failure]
    variant = Variant("it", "float32", make, arguments)
    with pytest.raises(RuntimeUnavailableError, match=rf"^expected it to take its steps; got {said}. To fix: \w.*\.$"):
        alternate([variant], rounds=1)


def test_who_may_fail_is_left_out_with_a_reason() -> None:
    variants = [
        Variant("first", "float32", steps.falling, {"start": 1.0}),
        Variant("second", "float32", steps.failing, {"message": "no compiler"}, may_fail=True),
    ]
    timings, left_out = alternate(variants, rounds=1)
    assert [timing.variant.name for timing in timings] == ["first"]
    assert list(left_out) == ["second"]
    assert "ValueError: no compiler" in left_out["second"]
    assert all(math.isfinite(seconds) for seconds in timings[0].seconds)


def test_a_worker_ends_with_who_asks() -> None:
    """Killed without a chance to tidy up, the parent leaves nobody behind."""
    program = (
        "import os, sys; from glassnet.baselines.workers import Variant, Worker; from tests.baselines import steps\n"
        "worker = Worker(Variant('a', 'float32', steps.falling, {'start': 1.0}), None).__enter__(); worker.start()\n"
        "print(worker._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    pid = int(ran.stdout)
    wait_for(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"
