"""What a page has saved is a run again; anything else is refused, in one line, and leaves nothing behind."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from glassnet.errors import CheckpointError
from glassnet.training import Settings
from glassnet.training.saved_state import KEY, unpack

TENSORS = {name: np.arange(3, dtype=np.float32) for name in ("parameters/w", "averages/w", "optimizer/m/w")}
TOLD = {
    "step": 7, "elapsed_s": 1.5, "num_seen": 56, "facts": {"classes": ["a", "b"]},
    "settings": {**dataclasses.asdict(Settings(task="cifar10", steps=9)), "of_a_later_version": 1},
}  # fmt: skip


def test_is_a_run_again(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "state.safetensors", {KEY: json.dumps(TOLD)})
    run = unpack(tmp_path / "state.safetensors", tmp_path / "run")
    checkpoint, complaints = run.newest_checkpoint()
    assert (checkpoint.step, checkpoint.elapsed_s, checkpoint.num_seen, complaints) == (7, 1.5, 56, [])
    assert run.facts == {"classes": ["a", "b"]}
    assert run.settings == Settings(task="cifar10", steps=9)
    assert {name: array.tolist() for name, array in checkpoint.tensors.items()} == {key: [0, 1, 2] for key in TENSORS}


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        (TENSORS, None),
        (TENSORS, {KEY: "not JSON"}),
        (TENSORS, {KEY: "[]"}),
        (TENSORS, {KEY: json.dumps({**TOLD, "step": -1})}),
        (TENSORS, {KEY: json.dumps({**TOLD, "settings": {"task": "cifar10"}})}),
        (TENSORS, {KEY: json.dumps({**TOLD, "elapsed_s": "long"})}),
        ({"w": np.zeros(3, np.float32)}, {KEY: json.dumps(TOLD)}),
    ],
)
def test_anything_else_is_refused(
    tensors: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    metadata: dict[str, str] | None,
    tmp_path: Path,
) -> None:
    save_file(tensors, tmp_path / "file.safetensors", metadata)
    with pytest.raises(CheckpointError, match=r"expected a training in .* To fix"):
        unpack(tmp_path / "file.safetensors", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_file_and_no_safetensors(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for file in (tmp_path / "none", tmp_path / "text", tmp_path):
        with pytest.raises(CheckpointError, match="expected a training in"):
            unpack(file, tmp_path / "run")
