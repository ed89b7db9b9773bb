"""Checkpoints: the whole state or nothing, and never without one that works."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import CheckpointError
from glassnet.training.checkpoint import Checkpoint, load_newest, save, steps_in


def state(step: int) -> Checkpoint:
    tensors = {"w": np.full((3, 2), step, np.float32), "scalar": np.asarray(step, np.float64), "none": np.zeros(0)}
    return Checkpoint(step, step * 0.5, tensors, 0.25, 3, 4)


def assert_is(checkpoint: Checkpoint, step: int) -> None:
    expected = state(step)
    assert checkpoint.step == step
    assert checkpoint.elapsed_s == expected.elapsed_s
    assert (checkpoint.best_validation_loss, checkpoint.evaluations_since_best, checkpoint.num_evaluations) == (
        0.25,
        3,
        4,
    )
    assert checkpoint.tensors.keys() == expected.tensors.keys()
    for name, array in expected.tensors.items():
        assert checkpoint.tensors[name].dtype == array.dtype
        np.testing.assert_array_equal(checkpoint.tensors[name], array)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "deep" / "checkpoints", state(7))
    checkpoint, complaints = load_newest(tmp_path / "deep" / "checkpoints")
    assert complaints == []
    assert_is(checkpoint, 7)


def test_before_the_first_evaluation(tmp_path: Path) -> None:
    path = save(tmp_path, Checkpoint(0, 0.0, {"w": np.zeros(1)}))
    json.loads((path / "checkpoint.json").read_text(), parse_constant=pytest.fail)
    assert load_newest(tmp_path)[0].best_validation_loss is None


def test_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 20, 300, 4_000):
        save(tmp_path, state(step))
    assert steps_in(tmp_path) == [300, 4_000]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000300", "00004000"]


def test_arrays_that_lie_anyhow_in_memory(tmp_path: Path) -> None:
    table = np.arange(6.0).reshape(2, 3)
    save(tmp_path, Checkpoint(1, 0.0, {"turned": table.T, "every other": table[:, ::2]}))
    tensors = load_newest(tmp_path)[0].tensors
    np.testing.assert_array_equal(tensors["turned"], table.T)
    np.testing.assert_array_equal(tensors["every other"], table[:, ::2])


@pytest.mark.parametrize("there", [False, True])
def test_no_checkpoint_at_all(tmp_path: Path, there: bool) -> None:
    directory = tmp_path / "checkpoints"
    if there:
        directory.mkdir()
        (directory / ".unfinished").mkdir()
        (directory / "notes.txt").touch()
    with pytest.raises(CheckpointError, match=r"^expected a checkpoint in .*; got none\. To fix: train this run first"):
        load_newest(directory)


def truncate(path: Path) -> None:
    os.truncate(path / "state.safetensors", (path / "state.safetensors").stat().st_size // 2)


def flip_a_bit(path: Path) -> None:
    data = bytearray((path / "state.safetensors").read_bytes())
    data[-3] ^= 1
    (path / "state.safetensors").write_bytes(data)


def other_format(path: Path) -> None:
    described = json.loads((path / "checkpoint.json").read_text())
    (path / "checkpoint.json").write_text(json.dumps({**described, "format": 99}))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut off": truncate,
    "one bit flipped": flip_a_bit,
    "no json": lambda path: (path / "checkpoint.json").unlink(),
    "no tensors": lambda path: (path / "state.safetensors").unlink(),
    "json cut off": lambda path: os.truncate(path / "checkpoint.json", 20),
    "empty json": lambda path: (path / "checkpoint.json").write_text(""),
    "json of something else": lambda path: (path / "checkpoint.json").write_text("[1, 2, 3]"),
    "json with little in it": lambda path: (path / "checkpoint.json").write_text('{"format": 1}'),
    "garbage": lambda path: [file.write_bytes(b"\x93\x00garbage" * 50) for file in path.iterdir()],
    "an empty folder": lambda path: [file.unlink() for file in path.iterdir()],
    "another format": other_format,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_one(tmp_path: Path, damage: str) -> None:
    save(tmp_path, state(1))
    DAMAGES[damage](save(tmp_path, state(2)))
    checkpoint, complaints = load_newest(tmp_path)
    assert_is(checkpoint, 1)
    assert len(complaints) == 1
    assert complaints[0].startswith(f"expected a whole checkpoint at {tmp_path / '00000002'}; got ")
    assert "To fix: " in complaints[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_only_damaged_ones(tmp_path: Path, damage: str) -> None:
    DAMAGES[damage](save(tmp_path, state(1)))
    with pytest.raises(CheckpointError, match=r"^expected a checkpoint in .*; got only damaged ones \(.*\)\. To fix: "):
        load_newest(tmp_path)


def test_damaged_ones_do_not_push_out_good_ones(tmp_path: Path) -> None:
    save(tmp_path, state(10))
    truncate(save(tmp_path, state(40)))
    for step in (20, 30):  # what happens after falling back to 10
        save(tmp_path, state(step))
        assert steps_in(tmp_path) == [step - 10, step]


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["os.fsync", "pathlib.Path.rename", "pathlib.Path.mkdir"])
def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    save(tmp_path, state(1))
    with monkeypatch.context() as patched:
        patched.setattr(where, refuse)
        with pytest.raises(CheckpointError, match=r"^expected to write .*; got 'No space left on device'\. To fix: "):
            save(tmp_path, state(2))
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"]
    assert_is(load_newest(tmp_path)[0], 1)
    save(tmp_path, state(2))
    assert_is(load_newest(tmp_path)[0], 2)


@pytest.mark.parametrize("where", ["os.fsync", "pathlib.Path.rename"])
def test_a_crash_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """As by a second Ctrl-C: nothing is cleaned up, and yet nothing is in the way of the next one."""

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    save(tmp_path, state(1))
    with monkeypatch.context() as patched:
        patched.setattr(where, crash)
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, state(2))
    assert steps_in(tmp_path) == [1]
    assert_is(load_newest(tmp_path)[0], 1)
    save(tmp_path, state(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000001", "00000002"]


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").touch()
    with pytest.raises(CheckpointError, match=r"^expected to write a checkpoint to .*; got '.*'\. To fix: "):
        save(tmp_path / "checkpoints", state(1))


ENDLESS = """
import sys, numpy as np, itertools
from pathlib import Path
from glassnet.training.checkpoint import Checkpoint, save
for step in itertools.count(1):
    save(Path(sys.argv[1]), Checkpoint(step, 0.0, {"w": np.full(300_000, step, np.float32)}))
"""


@pytest.mark.slow
def test_killed_while_saving(tmp_path: Path) -> None:
    """Ten times, at whatever moment: there is always a whole one, and it is the newest."""
    last = 0
    for attempt in range(10):
        shutil.rmtree(tmp_path, ignore_errors=True)
        with subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)]) as process:
            while len(steps_in(tmp_path)) < 2:
                time.sleep(0.01)
            time.sleep(0.0037 * attempt)
            process.send_signal(signal.SIGKILL)
        checkpoint, complaints = load_newest(tmp_path)
        assert complaints == []
        assert np.all(checkpoint.tensors["w"] == checkpoint.step)
        last = max(last, checkpoint.step)
    assert last > 2
