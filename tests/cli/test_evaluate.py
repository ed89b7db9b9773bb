"""`glassnet evaluate`: what it counts agrees with what `glassnet predict` says, and it explains what it cannot do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.training import Run
from glassnet.training.events import Started
from tests.cli.classifiers import COLORS, picture, trained_classifier, write_colors
from tests.cli.conftest import Call, run_outside

KEYS = {
    "accuracy", "recall", "confusion", "classes", "weights", "seconds", "num_test", "step", "pictures", "data",
}  # fmt: skip


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_classifier(tmp_path_factory)


@pytest.fixture
def run(classifier: Path, call: Call) -> Path:
    """A copy in the directory where `call` works."""
    shutil.copytree(classifier, "run")
    return Path("run")


@pytest.fixture
def mixed(call: Call) -> Path:
    """New pictures, two of them under the name of another color."""
    folder = write_colors(Path("mixed"), 4, seed=500)
    for i in range(2):
        picture("red", seed=600 + i).save(folder / "green" / f"red{i}.png")
    return folder


def test_as_json(call: Call, run: Path) -> None:
    result = call("evaluate", run, "--json")
    assert (result.code, result.err) == (0, "")
    values = result.json()
    assert set(values) == KEYS
    assert values["classes"] == ["blue", "green", "red"]
    assert values["recall"] == {"blue": 1.0, "green": 1.0, "red": 1.0}
    assert values["accuracy"] == 1.0
    assert np.sum(values["confusion"]) == np.trace(values["confusion"]) == values["num_test"] > 3
    assert values["step"] == 30
    assert values["seconds"] > 0.0
    started = Run(run).last(Started)
    assert started is not None
    assert values["weights"] == started.num_weights
    assert values["num_test"] + started.num_examples == 60
    assert values["pictures"] == {"confusion": "run/confusion.png", "mistakes": "run/mistakes.png"}
    for path in values["pictures"].values():
        with Image.open(path) as drawn:
            drawn.load()


def test_it_counts_what_predict_says(call: Call, run: Path, mixed: Path) -> None:
    values = call("evaluate", run, "--data", mixed, "--json").json()
    assert values["confusion"] == [[4, 0, 0], [0, 4, 2], [0, 0, 4]]
    assert values["accuracy"] == 12 / 14
    assert values["recall"] == {"blue": 1.0, "green": 4 / 6, "red": 1.0}
    assert values["num_test"] == 14
    paths = sorted(mixed.glob("*/*.png"))
    said = [entry["name"] for entry in call("predict", run, *paths, "--json").json()["results"]]
    for truth in COLORS:
        counted = [
            sum(p.parent.name == truth and s == name for p, s in zip(paths, said, strict=True)) for name in COLORS
        ]
        assert counted == values["confusion"][values["classes"].index(truth)]


def test_in_words(call: Call, run: Path, mixed: Path) -> None:
    result = call("evaluate", run, "--data", mixed)
    assert (result.code, result.err) == (0, "")
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert lines[0] == "accuracy 85.71 % on 14 pictures"
    assert lines[1] == "14 pictures from mixed"
    assert "weights, trained for 30 steps in " in lines[2]
    assert lines[4:8] == ["number class pictures recall", "0 blue 4 100.0 %", "1 green 6 66.7 %", "2 red 4 100.0 %"]
    assert "green said to be red: 2" in lines
    assert lines[-2:] == ["confusion: run/confusion.png", "mistakes: run/mistakes.png"]


def test_mistakes_are_shown(call: Call, run: Path, mixed: Path) -> None:
    call("evaluate", run, "--data", mixed)
    with Image.open("run/mistakes.png") as sheet:
        pixels = np.asarray(sheet).astype(int)
    reddish = (pixels[..., 0] > pixels[..., 1] + 60) & (pixels[..., 0] > pixels[..., 2] + 60)
    assert reddish.sum() > 1.8 * 160 * 160, "expected two red pictures"


def test_no_mistakes(call: Call, run: Path) -> None:
    result = call("evaluate", run)
    assert "most frequent mistakes:\n  none\n" in result.out
    assert Path("run/mistakes.png").is_file()


def test_a_class_without_pictures(call: Call, run: Path, mixed: Path) -> None:
    shutil.rmtree(mixed / "red")
    values = call("evaluate", run, "--data", mixed, "--json").json()
    assert values["recall"] == {"blue": 1.0, "green": 4 / 6, "red": None}
    assert "red 0 -" in " ".join(call("evaluate", run, "--data", mixed).out.split())


def test_what_is_left_out_is_told(call: Call, run: Path, classifier: Path) -> None:
    """Its own folder, given by hand, is not a way to be tested on what it knows already."""
    num_test = call("evaluate", run, "--json").json()["num_test"]
    result = call("evaluate", run, "--data", classifier.parent / "colors", "--json")
    assert result.json()["num_test"] == num_test
    assert result.err == f"pictures left out because the network was trained on them: {60 - num_test}\n"


def test_many_broken_ones_are_counted(call: Call, run: Path, mixed: Path) -> None:
    for i in range(15):
        (mixed / "red" / f"broken{i}.jpg").write_text("no picture")
    result = call("evaluate", run, "--data", mixed, "--json")
    assert result.json()["num_test"] == 14
    lines = result.err.splitlines()
    assert len(lines) == 11
    assert lines[0].startswith("red/broken0.jpg: left out: expected a picture")
    assert lines[-1] == "and 5 more"


def test_a_run_with_a_name_that_is_no_text(classifier: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    shutil.copytree(classifier, tmp_path / name)
    for options in ([], ["--json"]):
        done = run_outside("evaluate", name, *options, where=tmp_path, encoding="utf-8")
        assert (done.returncode, done.stderr) == (0, "")
        assert "\\udc" not in done.stdout
    assert (tmp_path / name / "confusion.png").is_file()


def test_other_classes(call: Call, run: Path, mixed: Path) -> None:
    (mixed / "red").rename(mixed / "crimson")
    line = call("evaluate", run, "--data", mixed).complaint(1)
    assert "the classes that the network knows in mixed; got others (crimson), and none of red. To fix: " in line
    assert not Path("run/confusion.png").exists()


@pytest.mark.parametrize("data", ["nothing", "empty", "run/settings.json"])
def test_data_that_is_none(call: Call, run: Path, data: str) -> None:
    Path("empty").mkdir()
    assert "expected a folder with a sub-folder of pictures" in call("evaluate", run, "--data", data).complaint(1)


def test_its_data_is_gone(call: Call, run: Path, classifier: Path, mixed: Path) -> None:
    settings = run / "settings.json"
    settings.write_text(settings.read_text().replace(str(classifier.parent), "/nowhere"))
    assert "at /nowhere/colors; got nothing there" in call("evaluate", run).complaint(1)
    result = call("evaluate", run, "--data", mixed, "--json")
    assert result.json()["num_test"] == 14
    assert result.err.startswith("whether the network was trained on some of these is unknown: ")


def test_pictures_that_cannot_be_written(call: Call, run: Path) -> None:
    (run / "confusion.png").mkdir()
    assert "expected to write run/confusion.png; got 'Is a directory'" in call("evaluate", run).complaint(1)
