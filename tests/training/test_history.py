"""The weights that a training leaves behind: which, how many, and that a resumed one leaves the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import CheckpointError
from glassnet.training import history
from glassnet.training.step import below
from tests.training.toy import Toy, all_events, new_run, state, stop_after

WEIGHTS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(4, np.float32)}


def test_what_a_training_keeps(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    all_events(run)
    kept = history.snapshots(run)
    assert [step for step, _ in kept] == [0, 1, 2, 3, 4, 6, 8, 12, 16, 20]
    first, last = history.load(kept[0][1]), history.load(kept[-1][1])
    drawn = Toy().model(np.random.default_rng(0)).parameters()
    assert {name: array.shape for name, array in first.items()} == {name: t.shape for name, t in drawn.items()}
    for name, array in below(state(run), "parameters").items():
        assert last[name].tobytes() == array.tobytes()
        assert not np.array_equal(first[name], array)
    for name, array in below(state(run), "buffers").items():
        assert history.load_buffers(kept[-1][1])[name].tobytes() == array.tobytes()
        assert not np.array_equal(history.load_buffers(kept[0][1])[name], array)


def test_going_on_from_an_earlier_checkpoint(tmp_path: Path) -> None:
    straight, broken = new_run(tmp_path / "straight"), new_run(tmp_path / "broken")
    all_events(straight)
    stop_after(7, broken)
    history.keep(broken.history, 11, WEIGHTS, {})  # what a process wrote that was killed before its next checkpoint
    all_events(broken, resume=True)
    assert [step for step, _ in history.snapshots(broken)] == [step for step, _ in history.snapshots(straight)]
    for (_, mine), (_, theirs) in zip(history.snapshots(broken), history.snapshots(straight), strict=True):
        assert mine.read_bytes() == theirs.read_bytes()


def test_many_are_thinned_out_and_few_are_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path)
    monkeypatch.setattr(history, "MAX_BYTES", 5 * 40 + 39)
    steps = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    for step in steps:
        history.keep(run.history, step, WEIGHTS, {})
        kept = [kept for kept, _ in history.snapshots(run)]
        assert len(kept) == min(5, steps.index(step) + 1)
        assert (kept[0], kept[-1]) == (0, step)
    assert min(np.diff(np.log(np.array(kept) + 1.0))) > 0.4


def test_a_large_network_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path)
    monkeypatch.setattr(history, "MAX_BYTES", 79)
    history.keep(run.history, 0, WEIGHTS, {})
    assert history.snapshots(run) == []


def test_damaged_and_unwritable(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    history.keep(run.history, 3, WEIGHTS, {})
    (_, path), *_ = history.snapshots(run)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(CheckpointError, match=r"^expected weights in .*3\.safetensors; got .* To fix: delete that"):
        history.load(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"^expected to write weights to .*file; got .* To fix: free space"):
        history.keep(tmp_path / "file", 3, WEIGHTS, {})
