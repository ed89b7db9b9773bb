"""A training in a process of its own that is interrupted, killed, or loses its reader."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from glassnet.training import Run
from glassnet.training.checkpoint import steps_in
from glassnet.training.events import Finished
from tests.cli.classifiers import write_colors
from tests.cli.conftest import environment, options, quick_command, run_outside
from tests.training.toy import assert_same_state

pytestmark = pytest.mark.slow

SAVING = "from glassnet.training import loop\nloop.CHECKPOINT_INTERVAL_S = 0.0\n"
# Few processors calculate in bfloat16; to emulate it takes a second for each step of the full width.
NARROW = (
    "from functools import partial\nfrom glassnet.models import classifiers\n"
    "classifiers.CLASSIFIERS['fast'] = partial(classifiers.fast, widths=(8, 16, 16))\n"
)
# To import PyTorch takes longer than such a training, so it is done once: each is a process forked from there.
FORKING = """
import json, os, torch
import glassnet.cli.progress, glassnet.cli.train, glassnet.runtimes.torch
for line in sys.stdin:
    words, where, errors = json.loads(line)
    if child := os.fork():
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    else:
        os.chdir(where)
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        os.dup2(2, 1)
        sys.exit(main(words))
"""


def start(where: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [*quick_command(), "train", "houses", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=where, env=environment(), text=True, **pipes)


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60.0
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def has_steps(run: Path, num: int) -> Callable[[], bool]:
    log = run / "events.jsonl"
    return lambda: log.exists() and log.read_bytes().count(b'"stepped"') >= num


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("num_steps", [0, 3])
def test_a_polite_end(tmp_path: Path, drawings: Path, number: signal.Signals, num_steps: int) -> None:
    run = tmp_path / "run"
    with start(tmp_path, *options(drawings, "--steps", 100_000, "--run", run)) as process:
        wait_until(has_steps(run, num_steps) if num_steps else (run / "lock").exists)
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    if num_steps:
        finished = Run(run).last(Finished)
        assert finished is not None
        assert finished.reason == "stopped"
        assert finished.step == Run(run).newest_checkpoint()[0].step >= num_steps
        assert f"stopped: {finished.step} steps in" in out
        more = finished.step + 2
        how = ("--resume", "--run", run, "--steps", more)
        resumed = run_outside("train", "houses", *how, where=tmp_path, command=quick_command())
        assert resumed.returncode == 0, resumed.stderr
        assert f"going on from step {finished.step}" in resumed.stderr
        assert f"budget spent: {more} steps" in resumed.stdout


def test_an_impolite_end(tmp_path: Path, drawings: Path) -> None:
    """The second Ctrl-C ends it at once, even if it is slow to save."""
    run = tmp_path / "run"
    slow = (
        "import os, sys, time\nfrom glassnet.training import checkpoint\nfrom glassnet.cli.main import main\n"
        "flush = os.fsync\n"
        "def slow(descriptor):\n    print('saving', flush=True)\n    time.sleep(2)\n    flush(descriptor)\n"
        "checkpoint.os.fsync = slow\nsys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", slow, "train", "houses", *options(drawings, "--steps", 100_000, "--run", run)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert time.monotonic() - began < 1.5
    assert process.returncode == 130, err
    assert "Traceback" not in err


def test_killed_and_gone_on(tmp_path: Path, drawings: Path) -> None:
    """Bit for bit the weights of a training that nobody killed, whatever the moment."""
    how = options(drawings, "--steps", 18, "--runtime", "onnx", "--batch-size", 2)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    done = run_outside("train", "houses", *how, "--run", straight, where=tmp_path, command=quick_command())
    assert done.returncode == 0, done.stderr
    for attempt in range(3):
        resume = ["--resume"] if broken.exists() else []
        seen = 3 + 4 * attempt
        with start(tmp_path, *how, *resume, "--run", broken) as process:
            wait_until(has_steps(broken, seen))
            if attempt == 0:
                process.kill()
            else:
                process.send_signal(signal.SIGINT)
            process.communicate()
        assert steps_in(broken / "checkpoints")
    resumed = run_outside("train", "houses", "--resume", "--run", broken, where=tmp_path, command=quick_command())
    assert resumed.returncode == 0, resumed.stderr
    assert_same_state(Run(broken), Run(straight))


@dataclass(frozen=True)
class Forks:
    """Trainings with PyTorch that save all the time, each in a process of its own, one after another."""

    source: subprocess.Popen[str]

    def start(self, where: Path, *words: object) -> int:
        """Its process."""
        assert self.source.stdin is not None
        request = ["train", *map(str, words)], str(where), str(where / "errors")
        self.source.stdin.write(json.dumps(request) + "\n")
        self.source.stdin.flush()
        return self._number()

    def end(self) -> int:
        """Its code, once it has ended."""
        return self._number()

    def _number(self) -> int:
        assert self.source.stdout is not None
        return int(self.source.stdout.readline())


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    command = quick_command(SAVING + NARROW, FORKING)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), text=True, **pipes) as source:
        yield Forks(source)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_at_random_moments_with_torch(tmp_path: Path, forks: Forks, precision: str) -> None:
    """kill -9 again and again, in a training that saves all the time: augmentation, statistics and momenta go on."""
    write_colors(tmp_path / "colors", 20, seed=0)
    how = ["--model", "fast", "--batch-size", "8", "--steps", "40", "--runtime", "torch", "--precision", precision]
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    forks.start(tmp_path, "colors", *how, "--run", straight)
    assert forks.end() == 0, (tmp_path / "errors").read_text()
    random = np.random.default_rng()
    kills = 0
    while kills < 3:
        resume = ["--resume"] if (broken / "events.jsonl").exists() else []
        seen = (broken / "events.jsonl").read_bytes().count(b'"stepped"') if resume else 0
        process = forks.start(tmp_path, "colors", *how, *resume, "--run", broken)
        wait_until(has_steps(broken, seen + 2))
        time.sleep(random.uniform(0.0, 0.1))
        os.kill(process, signal.SIGKILL)
        assert forks.end() == -signal.SIGKILL
        kills += 1
    forks.start(tmp_path, "colors", *how, "--resume", "--run", broken)
    assert forks.end() == 0, (tmp_path / "errors").read_text()
    assert_same_state(Run(broken), Run(straight))


def test_a_second_training_in_the_same_run(tmp_path: Path, drawings: Path) -> None:
    run = tmp_path / "run"
    with start(tmp_path, *options(drawings, "--steps", 100_000, "--run", run)) as process:
        wait_until(has_steps(run, 1))
        how = ("--resume", "--run", run, "--steps", 5)
        second = run_outside("train", "houses", *how, where=tmp_path, command=quick_command())
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert second.returncode == 1
    lines = second.stderr.splitlines()
    assert [line for line in lines if line.startswith("glassnet: ")] == lines[-1:]
    assert "expected to be the only one who trains" in lines[-1]
    assert Run(run).settings.steps == 100_000


def test_a_reader_that_goes_away(tmp_path: Path, drawings: Path) -> None:
    """What had been learned is saved, and nothing but silence follows."""
    run = tmp_path / "run"
    reading, writing = os.pipe()
    slow_lines = "import sys\nfrom glassnet.cli import progress\nprogress._LINE_INTERVAL_S = 0.0\n"
    program = slow_lines + "from glassnet.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    how = options(drawings, "--steps", 100_000, "--run", run)
    command = [sys.executable, "-c", program, "train", "houses", *how]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=writing) as process:
        os.close(writing)
        wait_until(has_steps(run, 2))
        os.close(reading)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == b""
    assert Run(run).newest_checkpoint()[0].step > 0
