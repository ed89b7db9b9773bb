"""`glassnet compare`: a table, a picture, results that outlive a stop, and what it says when it cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from glassnet.baselines import classical
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.tasks import grid
from glassnet.tasks.grid import Plan, Result, cells_of
from tests.cli.conftest import Call, quick_command, run_outside
from tests.tasks.persons import write_persons

PLAN = Plan(widths=(1, 2), nums_training=(6, 12), num_seen=24, num_centroids=3, num_test=6)
NUMS = {"Ann": 6, "Bob": 10, "Cem": 12}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """A small plan, and pictures of two kinds in the place of CIFAR-10; how often they were asked for."""
    asked = []

    def load(data: str | None) -> LabeledPictures:
        asked.append(data)
        labels = np.arange(20) % 2
        noise = np.random.default_rng(0).integers(0, 100, (20, 3, 32, 32))
        pictures = Pictures((noise + 150 * labels[:, None, None, None]).astype(np.uint8), labels)
        return LabeledPictures(pictures, pictures, ("dark", "bright"), "two kinds", ())

    monkeypatch.setattr("glassnet.data.cifar10.load", load)
    monkeypatch.setattr(grid, "SMALL", PLAN)
    monkeypatch.setattr(classical, "_NUM_PATCHES", 200)
    return asked


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[grid.Cell]:
    """Results without training; the cells that were measured."""
    measured = []

    def measured_as(cell: grid.Cell, *_: object) -> Result:
        measured.append(cell)
        return Result(cell, 0.25 + 0.01 * len(measured), 1_000 * cell.size + cell.num_training, 2.0, 3.0)

    monkeypatch.setattr(grid, "_measured", measured_as)
    return measured


def assert_is_a_picture(path: str) -> None:
    with Image.open(path) as drawn:
        drawn.load()
        assert drawn.width > 300


@pytest.mark.slow
def test_the_grid(call: Call, small: list[str | None]) -> None:
    result = call("compare", "cifar10", "--data", "there", "--json")
    assert result.code == 0, result.err
    values = result.json()
    assert values["plan"]["widths"] == [1, 2]
    assert len(values["results"]) == 10
    for entry, cell in zip(values["results"], cells_of(PLAN), strict=True):
        assert entry["cell"]["algorithm"] == cell.algorithm
        assert 0.0 <= entry["accuracy"] <= 1.0
    assert values["run"] == "runs/compare-cifar10"
    assert_is_a_picture(values["picture"])
    assert {"processor", "cores", "numpy"} <= values["machine"].keys()
    assert result.err.count("after") == 10
    assert small == ["there"]
    again = call("compare", "cifar10", "--json")
    assert again.json()["results"] == values["results"]
    assert again.err == ""
    assert len(small) == 1


@pytest.mark.usefixtures("small")
def test_the_grid_in_words(call: Call, made_up: list[grid.Cell]) -> None:
    result = call("compare", "cifar10", "--run", "grid", "--seed", 3)
    assert result.code == 0
    assert [cell.seed for cell in made_up] == [3] * 10
    rows = {line.split("  ")[0]: line.split() for line in result.out.splitlines()}
    assert rows["network of width 2"][-3:] == ["2,012", "30.0", "35.0"]
    assert rows["nearest neighbor"][-5:] == ["6", "to", "12", "26.0", "31.0"]
    assert "6 photos: 30.0% by a network of 2,006 numbers, 28.0% by k-means features" in result.out
    assert "10 of 10: network of width 2, 12 photos\n  35.0% after 2 s of training" in result.err
    assert_is_a_picture("grid/comparison.png")


@pytest.mark.usefixtures("small")
def test_ctrl_c_keeps_what_is_measured(call: Call, made_up: list[grid.Cell], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = grid._measured

    def stopped(cell: grid.Cell, *rest: object) -> Result:
        if len(made_up) == 4:
            raise KeyboardInterrupt
        return whole(cell, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(grid, "_measured", stopped)
    assert call("compare", "cifar10").complaint(130) == "glassnet: stopped"
    monkeypatch.setattr(grid, "_measured", whole)
    assert call("compare", "cifar10").code == 0
    assert made_up == cells_of(PLAN)


@pytest.mark.usefixtures("small")
def test_a_damaged_file_of_results(call: Call, made_up: list[grid.Cell]) -> None:
    assert call("compare", "cifar10").code == 0
    file = Path("runs/compare-cifar10/results.jsonl")
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:2], lines[2][:30], *lines[3:]]) + "\n")
    result = call("compare", "cifar10")
    assert result.code == 0
    assert f"{file}, line 3: ignored, it is no result" in result.err
    assert made_up[10:] == [cells_of(PLAN)[2]]


def test_another_process_measures(call: Call, small: list[str | None]) -> None:
    Path("grid").mkdir()
    with FileLock("grid/lock"):
        message = call("compare", "cifar10", "--run", "grid").complaint(1)
    assert "expected to be the only one who measures in grid; got another process" in message
    assert small == []


def test_without_cifar10(call: Call) -> None:
    message = call("compare", "cifar10").complaint(1)
    assert "got none. To fix: run `glassnet data get cifar10`" in message


@pytest.fixture(scope="module")
def persons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_persons(tmp_path_factory.mktemp("faces") / "persons", NUMS)


FACES = ("compare", "faces", "--no-crop", "--minutes", 0.03)


@pytest.mark.slow
def test_faces(call: Call, persons: Path) -> None:
    result = call(*FACES, "--data", persons, "--per-person", 4, "--seed", 5, "--json")
    assert result.code == 0, result.err
    values = result.json()
    rows = {row["algorithm"]: row for row in values["rows"]}
    assert list(rows) == ["nearest neighbor", "eigenfaces + SVM", "HOG + linear SVM", "network"]
    assert (values["num_people"], values["num_training"], values["num_test"], values["seed"]) == (3, 12, 16, 5)
    assert values["most_frequent"]["accuracy"] in (2 / 16, 6 / 16, 8 / 16)
    for row in rows.values():
        assert 0.0 <= row["mean_recall"] <= 1.0
        assert row["accuracy"] * 16 == pytest.approx(round(row["accuracy"] * 16))
    assert rows["nearest neighbor"]["num_kept"] == 12 * 64 * 80
    assert rows["network"]["training_s"] >= 1.8
    assert_is_a_picture(values["picture"])
    # The network that was trained for it is not a run that somebody would take for one of the whole folder.
    assert [path.suffix for path in Path("runs").iterdir()] == [".png"]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    where = tmp_path_factory.mktemp("run of faces")
    write_persons(where / "persons", NUMS)
    options = ("--data", "persons", "--no-crop", "--steps", 8, "--batch-size", 8, "--runtime", "onnx", "--run", "run")
    result = run_outside("train", "faces", *options, where=where, command=quick_command())
    assert result.returncode == 0, result.stderr
    return where / "run"


@pytest.mark.slow
def test_a_trained_network(call: Call, run: Path) -> None:
    result = call("compare", "faces", "--run", run)
    assert result.code == 0, result.err
    lines = {line.split("  ")[0]: line for line in result.out.splitlines()}
    assert {"nearest neighbor", "eigenfaces + SVM", "HOG + linear SVM", "network"} <= lines.keys()
    assert "133,120  pixels of all training photos" in lines["nearest neighbor"]
    assert "always saying Cem: 50.0%" in result.out
    assert f"picture: {run / 'comparison.png'}" in result.out
    assert_is_a_picture(str(run / "comparison.png"))


@pytest.mark.slow
@pytest.mark.parametrize("option", [["--block"], ["--per-person", "3"], ["--minutes", "2"], ["--no-crop"]])
def test_a_trained_network_has_its_own_ways(call: Call, run: Path, option: list[str]) -> None:
    message = call("compare", "faces", "--run", run, *option).complaint(2)
    assert f"expected no {option[0].replace('no-', '')} with --run" in message


def test_one_person(call: Call) -> None:
    write_persons(Path("alone"), {"Ann": 4})
    assert "got only one, Ann. To fix: " in call(*FACES, "--data", "alone").complaint(1)


def test_no_faces(call: Call) -> None:
    for arguments in ((), ("--data", "nowhere")):
        message = call(*FACES, *arguments).complaint(1)
        assert "got none" in message or "got nothing there" in message
    assert "expected a run directory" in call("compare", "faces", "--run", "nowhere").complaint(1)


def test_wrong_options_are_found_before_anything_is_trained(call: Call, persons: Path) -> None:
    result = call("compare", "faces", "--no-crop", "--data", persons, "--minutes", 0)
    assert "expected --minutes to be a number above 0; got 0.0" in result.complaint(2)
    assert "after" not in result.err
    assert "expected --runtime torch" in call(*FACES, "--runtime", "onnx", "--device", "cuda").complaint(2)


def test_a_split_of_a_split(call: Call) -> None:
    for part in ("train", "test"):
        write_persons(Path("both", part), NUMS)
    message = call(*FACES, "--data", "both", "--block").complaint(2)
    assert "expected --block and --per-person with photos that are not split yet; got both" in message


@pytest.mark.parametrize("package", ["sklearn", "skimage"])
@pytest.mark.parametrize("kind", ["faces", "cifar10"])
@pytest.mark.usefixtures("small")
def test_without_the_packages(call: Call, monkeypatch: pytest.MonkeyPatch, kind: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = call("compare", kind).complaint(1)
    assert f"got no package '{package}'. To fix: pip install 'glassnet[baselines]'" in message


def test_help(call: Call) -> None:
    for kind in ("faces", "cifar10"):
        result = call("compare", kind, "--help")
        assert (result.code, result.err) == (0, "")
    assert call("compare", "faces", "--per-person", 0).code == 2
