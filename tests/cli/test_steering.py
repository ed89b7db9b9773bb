"""Trainings in processes of their own that are steered through a file by another one."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from glassnet.training import Controls, Run, read_controls, write_controls
from glassnet.training.checkpoint import steps_in
from glassnet.training.events import Adjusted, Finished, Started, Stepped
from tests.cli.conftest import Call, options, quick_command, run_outside
from tests.cli.test_interruptions import has_steps, start, wait_until
from tests.training.toy import assert_same_state

pytestmark = pytest.mark.slow


def steps_of(path: Path) -> list[Stepped]:
    return [event for event in Run(path).events() if isinstance(event, Stepped)]


def at_step(path: Path, step: int) -> Callable[[], bool]:
    return lambda: steps_of(path)[-1].step == step


def pause(path: Path, process: subprocess.Popen[str]) -> int:
    """The step at which it stands then."""
    write_controls(path, Controls(is_paused=True))
    size = -1
    while (now := (path / "events.jsonl").stat().st_size) != size:
        assert process.poll() is None
        size = now
        time.sleep(1.0)
    return steps_of(path)[-1].step


def test_steered_by_another_process(tmp_path: Path, drawings: Path) -> None:
    path = tmp_path / "run"
    with start(tmp_path, *options(drawings, "--steps", 100_000, "--run", path)) as process:
        wait_until(has_steps(path, 3))
        assert Run(path).is_alive()
        step = pause(path, process)
        for _ in range(3):
            step += 1
            write_controls(path, Controls(is_paused=True, pause_at=step))
            wait_until(at_step(path, step))
            wait_until(lambda step=step: steps_in(path / "checkpoints")[-1] == step)
            time.sleep(0.3)
            assert at_step(path, step)()
        write_controls(path, Controls(learning_rate=0.0125, batch_size=7))
        wait_until(lambda: steps_of(path)[-1].step >= step + 3)
        write_controls(path, Controls(learning_rate=0.0125, batch_size=7, is_stopping=True))
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    run = Run(path)
    assert not run.is_alive()
    assert err.count("paused at step") == 4
    assert f"from step {step + 1} on: learning rate 0.0125, batch size 7" in err
    *_, last = run.events()
    assert isinstance(last, Finished)
    assert (last.reason, last.step) == ("stopped", run.newest_checkpoint()[0].step)
    assert f"stopped: {last.step} steps in" in out
    taken = steps_of(path)
    assert [event.step for event in taken] == list(range(1, last.step + 1))
    assert {event.learning_rate == 0.0125 for event in taken[step:]} == {True}
    assert 0.0125 not in [event.learning_rate for event in taken[:step]]
    (adjusted,) = [event for event in run.events() if isinstance(event, Adjusted)]
    assert (adjusted.step, adjusted.batch_size, adjusted.momentum) == (step, 7, None)
    # What was asked is still there, but for the stop.
    more = last.step + 2
    how = ("--resume", "--run", path, "--steps", more)
    resumed = run_outside("train", "houses", *how, where=tmp_path, command=quick_command())
    assert resumed.returncode == 0, resumed.stderr
    assert read_controls(path) == Controls(learning_rate=0.0125, batch_size=7)
    assert [event.learning_rate for event in steps_of(path)[-2:]] == [0.0125] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_a_pause(tmp_path: Path, drawings: Path, number: signal.Signals) -> None:
    path = tmp_path / "run"
    with start(tmp_path, *options(drawings, "--steps", 100_000, "--run", path)) as process:
        wait_until(has_steps(path, 3))
        step = pause(path, process)
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert time.monotonic() - began < 30.0
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert f"stopped: {step} steps in" in out
    assert Run(path).newest_checkpoint()[0].step == step


def test_killed_in_a_pause(tmp_path: Path, drawings: Path) -> None:
    """Bit for bit the weights of a training that nobody paused or killed."""
    how = options(drawings, "--steps", 12, "--runtime", "onnx", "--batch-size", 2)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    done = run_outside("train", "houses", *how, "--run", straight, where=tmp_path, command=quick_command())
    assert done.returncode == 0, done.stderr
    with start(tmp_path, *how, "--run", broken) as process:
        wait_until((broken / "events.jsonl").exists)
        write_controls(broken, Controls(pause_at=4))
        wait_until(has_steps(broken, 4))
        process.kill()
        process.communicate()
    assert not Run(broken).is_alive()
    resumed = run_outside("train", "houses", "--resume", "--run", broken, where=tmp_path, command=quick_command())
    assert resumed.returncode == 0, resumed.stderr
    assert "paused" not in resumed.stderr
    assert read_controls(broken) == Controls()
    assert_same_state(Run(broken), Run(straight))


def test_starting_from_another_run(call: Call, drawings: Path) -> None:
    """Named from where one stands; the new run knows it wherever it is gone on with."""
    how = options(drawings, "--steps", 3)
    assert call("train", "houses", *how, "--run", "a").code == 0
    started = call("train", "houses", *how, "--momentum", 0.8, "--start", "a@2", "--run", "b")
    assert started.code == 0, started.err
    assert "starting from the weights of " in started.err
    settings = Run(Path("b")).settings
    assert (settings.momentum, settings.start) == (0.8, str(Path("a").absolute()) + "@2")
    assert call("train", "houses", "--resume", "--run", "b", "--steps", 5).code == 0
    refused = call("train", "houses", *how, "--start", "nothing", "--run", "c")
    assert "expected --start to be a run, RUN@STEP or a file" in refused.complaint(1)
    assert not Path("c").exists()
    other = call("train", "houses", "--resume", "--run", "b", "--start", "a", "--steps", 7)
    assert "got start " in other.complaint(1)
    assert "expected --momentum to be" in call("train", "houses", *how, "--momentum", 1, "--run", "d").complaint(2)
    assert Run(Path("b")).last(Started) is not None
