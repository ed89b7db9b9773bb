"""Trainings, and races, of several processes, as torchrun starts them."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from glassnet.data.drawn import draw_houses
from glassnet.training import Run
from tests.cli.conftest import COMMAND, ROOT, environment

pytestmark = pytest.mark.slow


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    np.save(tmp_path / "houses.npy", draw_houses(20, seed=1))
    return tmp_path / "houses.npy"


def torchrun(num: int, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(num), "-m", "glassnet"]
    given = {**environment(), "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=ROOT, env=given, capture_output=True, text=True, timeout=300
    )


def on_two_machines(folder: Path, *arguments: object) -> list[str]:
    """What each of two torchruns, which find each other, says; with a directory of its own below ``folder``."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1",
        "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}", "-m", "glassnet", *map(str, arguments),
    ]  # fmt: skip
    places = [folder / "machine0", folder / "machine1"]
    for place in places:
        place.mkdir()
    given = {**environment(), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(command, cwd=place, env=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for place in places
    ]
    outcomes = [process.communicate(timeout=300) for process in processes]
    assert all(process.returncode == 0 for process in processes), [said for _, said in outcomes]
    return [said for said, _ in outcomes]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def started(num: int, *arguments: object, of_each: tuple[tuple[object, ...], ...] = ()) -> list[subprocess.Popen[str]]:
    """Without torchrun, which would end the others: each by itself, with words of its own."""
    shared = {**environment(), "OMP_NUM_THREADS": "1", "WORLD_SIZE": str(num), "MASTER_ADDR": "127.0.0.1",
              "MASTER_PORT": str(free_port()), "GLASSNET_PATIENCE_S": "30"}  # fmt: skip
    own = of_each or ((),) * num
    return [
        subprocess.Popen(
            [*COMMAND, *map(str, (*arguments, *own[rank]))], cwd=ROOT, env={**shared, "RANK": str(rank)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for rank in range(num)
    ]  # fmt: skip


def line_of(process: subprocess.Popen[str], code: int) -> str:
    """What it said last."""
    said = process.communicate(timeout=120)[1]
    assert process.returncode == code, said
    assert said.count("glassnet: ") == 1, said
    assert "Traceback" not in said
    return said[said.index("glassnet: ") :].splitlines()[0]


def test_two_processes_end_where_one_does(drawings: Path, tmp_path: Path) -> None:
    """Those of two machines, for all that they know: each has a torchrun and a working directory of its own."""
    given = ("train", "houses", "--data", drawings, "--steps", 4, "--batch-size", 4, "--json", "--run-dir")
    outcomes = on_two_machines(tmp_path, *given, "two")
    (values,) = (json.loads(said) for said in outcomes if said)  # of the one that leads, and of no other
    assert values["steps"] == 4
    (led,) = tmp_path.glob("machine*/two")
    alone = subprocess.run(
        [*COMMAND, *map(str, given), str(tmp_path / "one"), "--runtime", "torch"], cwd=ROOT, env=environment(),
        capture_output=True, text=True,
    )  # fmt: skip
    assert alone.returncode == 0, alone.stderr
    one, two = (Run(path).newest_checkpoint()[0].tensors for path in (tmp_path / "one", led))
    for name, array in one.items():
        np.testing.assert_allclose(two[name], array, rtol=1e-3, atol=1e-5, err_msg=name)


def test_killed_processes_go_on_together() -> None:
    command = [sys.executable, "benchmarks/kills.py", "--kills", "2", "--steps", "16"]
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=400)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the same weights" in result.stdout


def test_a_process_that_is_frozen(drawings: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    given = ("train", "houses", "--data", drawings, "--steps", 100_000, "--batch-size", 4, "--run-dir", run)
    leader, follower = started(2, *given)
    until_it_steps(run, leader)
    os.kill(follower.pid, signal.SIGSTOP)
    try:
        assert "expected all 2 processes of the training to take part" in line_of(leader, 1)
    finally:
        follower.kill()
        follower.communicate()
    newest, complaints = Run(run).newest_checkpoint()
    assert newest.step > 0  # it was saved at the last whole step
    assert complaints == []


def test_a_leader_that_can_write_no_more(drawings: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    given = ("train", "houses", "--data", drawings, "--steps", 100_000, "--batch-size", 4, "--run-dir", run)
    leader, follower = started(2, *given)
    until_it_steps(run, leader)
    resource.prlimit(leader.pid, resource.RLIMIT_FSIZE, (1, 1))  # to it every file is now as on a full disk
    line = line_of(leader, 1)
    assert line.startswith("glassnet: expected to write ")
    assert "; got 'File too large'. To fix: free space" in line
    assert follower.communicate(timeout=120)[1] == ""  # it has nothing to add
    assert follower.returncode == 0
    assert Run(run).newest_checkpoint()[1] == []  # of what was saved before, nothing is damaged


def until_it_steps(run: Path, leader: subprocess.Popen[str]) -> None:
    while not (run / "events.jsonl").exists() or "stepped" not in (run / "events.jsonl").read_text():
        assert leader.poll() is None, leader.communicate()
        signal.sigtimedwait([], 0.2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--batch-size", 5), "expected a batch that can be shared in 2 equal parts; got 5 examples"),
        (("--batch-size", 4, "--runtime", "onnx"), "expected --runtime torch or numpy for several processes; got onnx"),
    ],
)
def test_what_several_cannot_do(drawings: Path, tmp_path: Path, arguments: tuple[object, ...], words: str) -> None:
    leader, follower = started(
        2, "train", "houses", "--data", drawings, "--steps", 2, "--run-dir", tmp_path / "run", *arguments
    )
    assert words in line_of(leader, 2)
    assert words in line_of(follower, 2)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_others_are_refused(drawings: Path, tmp_path: Path) -> None:
    given = ("train", "houses", "--data", drawings, "--steps", 2, "--batch-size", 4, "--run-dir", tmp_path / "run")
    for process in started(2, *given, of_each=(("--seed", 1), ("--seed", 2))):
        assert "expected the same --seed on all 2 processes; got 1 on the first and 2 on number 2" in line_of(
            process, 2
        )


def test_torchrun_may_start_only_a_named_run_again(drawings: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--max-restarts", "1", "-m"]
    arguments = ["glassnet", "train", "houses", "--data", str(drawings), "--steps", "2"]
    result = subprocess.run([*command, *arguments], cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert result.returncode != 0
    assert "expected --run, since torchrun may start this training again; got none" in result.stderr


def test_a_race_whose_nudges_are_shared(drawings: Path) -> None:
    given = ("nudge", "houses", "--data", drawings, "--batch-size", 2, "--steps", 2, "--json")
    result = torchrun(2, *given)
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    assert values["processes"] == 2
    alone = subprocess.run(
        [*COMMAND, *map(str, given)], cwd=ROOT, env={**environment(), "OMP_NUM_THREADS": "1"}, capture_output=True,
        text=True,
    )  # fmt: skip
    expected = json.loads(alone.stdout)
    assert expected["processes"] == 1
    for rule, curves in expected["curves"].items():
        assert values["curves"][rule]["nudge"]["loss"] == curves["nudge"]["loss"]  # to the last bit
    assert values["cosine"] == expected["cosine"]


def test_a_race_that_a_process_leaves(drawings: Path) -> None:
    leader, follower = started(
        2, "nudge", "houses", "--data", drawings, "--steps", 1_000_000, "--minutes", 10, "--rule", "c"
    )
    assert leader.stderr is not None
    while not leader.stderr.readline().startswith("step "):
        assert leader.poll() is None
    follower.kill()
    follower.communicate()
    assert "expected all 2 processes" in line_of(leader, 1)


def test_a_race_that_is_refused_ends_for_all(drawings: Path) -> None:
    leader, follower = started(2, "nudge", "houses", "--data", drawings, "--model", "unet", "--batch-size", 2)
    assert "expected a network whose weights can all be nudged within an hour; got" in line_of(leader, 2)
    assert follower.communicate(timeout=120)[1] == ""
    assert follower.returncode == 0
