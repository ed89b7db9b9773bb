"""Trainings that start from given weights: where these may be from, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError, SettingsError
from glassnet.nn import Flatten, Linear, Module, Sequential
from glassnet.training import Run, check_start, history, network_at
from glassnet.training.events import Noticed
from glassnet.training.step import below
from tests.training.toy import Toy, all_events, assert_same_state, new_run, settings, state, stop_after


@pytest.fixture
def first(tmp_path: Path) -> Run:
    run = new_run(tmp_path / "first")
    all_events(run)
    return run


def beginning(path: Path, start: object, **how: object) -> tuple[dict[str, Array], list[str]]:
    """The state before the first step of a training that starts so, and what was noticed."""
    run = new_run(path, start=str(start), **how)
    stop_after(1, run)
    step = run.checkpoints / "00000000" / "state.safetensors"
    return load_file(step), [event.message for event in run.events() if isinstance(event, Noticed)]


def assert_same(mine: Mapping[str, Array], theirs: Mapping[str, Array]) -> None:
    assert mine.keys() == theirs.keys()
    for name, array in theirs.items():
        assert mine[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_from_a_run(tmp_path: Path, first: Run, optimizer: str) -> None:
    """With its averages and statistics; of what the optimizer knew, nothing, even of another one."""
    began, noticed = beginning(tmp_path / "second", first.path, optimizer=optimizer, seed=7)
    newest = network_at(first)[1]
    for kind in ("parameters", "averages"):
        assert_same({**below(began, kind), **below(began, "buffers")}, newest)
    assert below(began, "optimizer")
    assert not any(array.any() for array in below(began, "optimizer").values())
    assert noticed == [f"starting from the averaged weights of {first.path} after step 20"]


def test_from_a_moment(tmp_path: Path, first: Run) -> None:
    for asked, found in ((8, 8), (11, 8), (0, 0)):
        began, noticed = beginning(tmp_path / f"from{asked}", f"{first.path}@{asked}")
        assert_same({**below(began, "averages"), **below(began, "buffers")}, network_at(first, found)[1])
        assert noticed == [f"starting from the weights of {first.path} after step {found}"]


def test_from_a_moment_of_an_older_version(tmp_path: Path, first: Run) -> None:
    """Its statistics were not kept; the newest are the nearest."""
    for _, path in history.snapshots(first):
        save_file(history.load(path), path)
    began, _ = beginning(tmp_path / "second", f"{first.path}@8")
    assert_same(below(began, "parameters"), network_at(first, 8)[1])
    assert_same(below(began, "buffers"), below(state(first), "buffers"))


def test_from_a_file(tmp_path: Path, first: Run) -> None:
    newest = network_at(first)[1]
    save_file(newest, tmp_path / "net.safetensors")
    history_file = dict(history.snapshots(first))[8]
    files = {
        tmp_path / "net.safetensors": newest,
        first.checkpoints / "00000020" / "state.safetensors": newest,
        history_file: network_at(first, 8)[1],
    }
    for i, (file, expected) in enumerate(files.items()):
        began, noticed = beginning(tmp_path / f"run{i}", file)
        assert_same({**below(began, "parameters"), **below(began, "buffers")}, expected)
        assert noticed == [f"starting from the weights in {file}"]


def test_from_numbers_of_less_precision(tmp_path: Path, first: Run) -> None:
    newest = network_at(first)[1]
    save_file({name: array.astype(np.float16) for name, array in newest.items()}, tmp_path / "half.safetensors")
    began, _ = beginning(tmp_path / "run", tmp_path / "half.safetensors")
    for name, array in {**below(began, "parameters"), **below(began, "buffers")}.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, newest[name], rtol=1e-3, atol=1e-3)


def test_a_run_whose_name_looks_like_a_moment(tmp_path: Path, first: Run) -> None:
    first.path.rename(tmp_path / "first@8")
    _, noticed = beginning(tmp_path / "second", tmp_path / "first@8")
    assert noticed == [f"starting from the averaged weights of {tmp_path / 'first@8'} after step 20"]


def test_it_starts_once(tmp_path: Path, first: Run) -> None:
    """Going on is going on, even if what it started from is gone."""
    straight, broken = (new_run(tmp_path / name, start=str(first.path)) for name in ("straight", "broken"))
    all_events(straight)
    stop_after(7, broken)
    first.path.rename(tmp_path / "elsewhere")
    all_events(broken, resume=True)
    assert_same_state(broken, straight)


def changed(weights: Mapping[str, Array], **changes: Array | None) -> dict[str, Array]:
    new = {**weights, **{name.replace("_", ".", 1): array for name, array in changes.items()}}
    return {name: array for name, array in new.items() if array is not None}


REFUSED: list[tuple[dict[str, Array | None], str]] = [
    (
        {"0_weight": None},
        r"expected weights for all of the network in .*; got none for 0\.weight\. To fix: choose the -",
    ),
    (
        {"0_weight": None, "1_weight": None, "1_bias": None, "4_weight": None, "4_bias": None, "1_running_var": None},
        r"got none for 0\.weight, .* and 1 more\. To fix: ",
    ),
    ({"9_weight": np.zeros(3, np.float32)}, r"expected weights of the network in .*; got '9\.weight', which it lacks"),
    ({"4_bias": np.zeros(3, np.float32)}, r"expected '4\.bias' \(1,\) in .*; got \(3,\)\. To fix: choose the --model"),
    ({"4_bias": np.zeros(1, np.int32)}, r"expected finite floating point numbers for '4\.bias' in .*; got others"),
    ({"4_bias": np.full(1, np.nan, np.float32)}, r"expected finite floating point numbers for '4\.bias' in .*"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_weights_that_do_not_fit(tmp_path: Path, first: Run, changes: dict[str, Array | None], message: str) -> None:
    file = tmp_path / "net.safetensors"
    save_file(changed(network_at(first)[1], **changes), file)
    with pytest.raises(CheckpointError, match=message):
        check_start(Toy(), settings(start=str(file)))
    with pytest.raises(CheckpointError, match=message):
        all_events(new_run(tmp_path / "run", start=str(file)))


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 64, pickle.dumps([1, 2]), b"\x08" + b"\xff" * 50])
def test_a_file_of_something_else(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"^expected --start to be a run, .*; got .*file\.safetensors \(.*To fix"):
        check_start(Toy(), settings(start=str(tmp_path / "file.safetensors")))


def test_what_is_not_there(tmp_path: Path, first: Run) -> None:
    for start in (tmp_path / "none", f"{first.path}@x", f"{first.path}@", "x" * 5000, "a\0b", "@5"):
        with pytest.raises(CheckpointError, match=r"^expected .*; got .* To fix: "):
            check_start(Toy(), settings(start=str(start)))
    for start in (tmp_path, f"{tmp_path}@3"):
        with pytest.raises(CheckpointError, match=r"^expected a run directory with settings\.json; got .* To fix: "):
            check_start(Toy(), settings(start=str(start)))
    with pytest.raises(CheckpointError, match=r"^expected a checkpoint in .*; got none\. To fix: "):
        check_start(Toy(), settings(start=str(new_run(tmp_path / "empty").path)))
    with pytest.raises(SettingsError, match="expected --start to be "):
        settings(start="")
    check_start(Toy(), settings())


def test_weights_of_another_network(tmp_path: Path) -> None:
    class Smaller(Toy):
        def model(self, generator: np.random.Generator) -> Module:
            return Sequential(Flatten(), Linear(16, 1, generator=generator))

        def pictures(self, weights: Mapping[str, Array]) -> None:  # type: ignore[override]
            return None

    run = new_run(tmp_path / "smaller")
    all_events(run, task=Smaller())
    with pytest.raises(CheckpointError, match=r"got none for 0\.weight, 1\.running_mean, "):
        check_start(Toy(), settings(start=str(run.path)))
