"""`glassnet train` on pictures: a folder of a few, CIFAR-10's name, and what is told on the way."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from glassnet.cli import progress
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.ops import cast, mean
from glassnet.training import Run
from glassnet.training.events import Adjusted, Evaluated, Finished, Started, Stepped
from tests.cli.conftest import Call


def photograph(folder: Path, num_per_class: int, size_px: int = 40) -> Path:
    """A folder of red and of blue pictures."""
    drawn = np.random.default_rng(0)
    for channel, name in ((0, "red"), (2, "blue")):
        (folder / name).mkdir(parents=True)
        for i in range(num_per_class):
            pixels = drawn.integers(0, 100, (size_px, size_px, 3), np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def cifar10(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few pictures of noise in its place, and a dozen that were left out."""
    drawn = np.random.default_rng(0)
    few = [Pictures(drawn.integers(0, 256, (n, 3, 16, 16), np.uint8), np.arange(n) % 3) for n in (30, 9)]
    loaded = LabeledPictures(few[0], few[1], ("a", "b", "c"), "noise", tuple(f"left out {i}" for i in range(12)))
    monkeypatch.setattr("glassnet.data.cifar10.load", lambda data: loaded)


@pytest.mark.parametrize("num_per_class", [5, 20])
def test_a_folder_of_few(call: Call, num_per_class: int) -> None:
    photograph(Path("photos"), num_per_class)
    result = call("train", "photos", "--steps", 30, "--json")
    values = result.json()
    assert result.code == 0
    assert (values["task"], values["steps"]) == ("folder", 30)
    assert values["run"].startswith("runs/folder-")
    run = Run(Path(values["run"]))
    assert run.facts == {"classes": ["blue", "red"], "image_shape": [3, 32, 32]}
    started = run.last(Started)
    assert started is not None
    assert started.num_examples + values["num_test"] == 2 * num_per_class
    assert run.settings.batch_size == min(16, started.num_examples)
    assert values["accuracy"] > 0.9
    assert values["num_test"] >= 2
    again = call("train", "photos", "--resume", "--steps", 32, "--json").json()
    assert (again["run"], again["steps"]) == (values["run"], 32)


@pytest.mark.slow
def test_each_model_learns_from_a_few(call: Call) -> None:
    photograph(Path("photos"), 5, size_px=16)
    for model in ("batchnorm", "resnet", "fast"):
        values = call("train", "photos", "--model", model, "--steps", 2, "--json").json()
        assert values["accuracy"] is not None


def test_a_folder_is_not_another_folder(call: Call) -> None:
    for name in ("photos", "others"):
        photograph(Path(name), 4)
    assert call("train", "photos", "--steps", 1, "--run", "run").code == 0
    assert "expected a run of others in run" in call("train", "others", "--resume", "--run", "run").complaint(1)
    assert "expected a run of photos in runs/ to resume; got none" in call("train", "photos", "--resume").complaint(1)


def test_a_folder_without_pictures(call: Call) -> None:
    Path("empty").mkdir()
    line = call("train", "empty").complaint(1)
    assert "empty" in line
    assert "To fix: " in line
    assert not Path("runs").exists()


def test_cifar10_that_is_not_here(call: Call) -> None:
    assert "To fix: run `glassnet data get cifar10`" in call("train", "cifar10").complaint(1)
    assert "got nothing there. To fix: " in call("train", "cifar10", "--data", "nowhere").complaint(1)
    assert not Path("runs").exists()


@pytest.mark.usefixtures("cifar10")
def test_what_is_told(call: Call) -> None:
    result = call("train", "cifar10", "--steps", 2, "--run", "run")
    assert result.code == 0
    assert result.err.splitlines()[:12] == ["learning from noise", *(f"left out {i}" for i in range(10)), "and 2 more"]
    assert "budget spent: 2 steps in " in result.out
    assert "% of 9 pictures it never learned from" in result.out
    for line in ("evaluate run", "predict run photo.jpg", "train cifar10 --resume --run run --minutes 2"):
        assert f"  glassnet {line}  " in result.out
    assert "film" not in result.out


@pytest.mark.usefixtures("cifar10")
def test_who_stops_it_does_not_wait_for_a_test(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.tasks.classification.Classification.measure", interrupted_measure)
    monkeypatch.setattr("glassnet.tasks.classification.Predictor.accuracy", pytest.fail)
    result = call("train", "cifar10", "--steps", 100_000, "--run", "run", "--json")
    assert result.code == 130
    values = result.json()
    assert (values["reason"], values["accuracy"], values["num_test"]) == ("stopped", None, 9)


def interrupted_measure(task, model, batch, random):
    """Ctrl-C while the training sets itself up."""
    signal.raise_signal(signal.SIGINT)
    return {"loss": mean(cast(batch["labels"], "float32"))}


def test_a_folder_whose_name_is_no_text(call: Call) -> None:
    """Names are bytes on many systems, and have spaces on all."""
    folder = os.fsdecode(b"my ph\xffotos")
    photograph(Path(folder), 4)
    result = call("train", folder, "--steps", 1, "--run", "my run")
    assert result.code == 0
    assert "glassnet evaluate 'my run'  " in result.out
    result.out.encode()


@pytest.mark.usefixtures("cifar10")
def test_options_are_settings(call: Call) -> None:
    how = ("--optimizer", "sgd", "--precision", "float32", "--model", "convnetjs", "--batch-size", 5)
    assert call("train", "cifar10", "--steps", 1, "--run", "run", *how).code == 0
    settings = Run(Path("run")).settings
    assert (settings.optimizer, settings.precision, settings.batch_size) == ("sgd", "float32", 5)
    line = call("train", "cifar10", "--resume", "--run", "run", "--optimizer", "muon").complaint(1)
    assert "got optimizer muon instead of sgd. To fix: leave --optimizer out" in line


def test_lines_tell_the_accuracy_once_it_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_LINE_INTERVAL_S", -1.0)
    events = [
        Started("toy", "a seed", 50, 300, "numpy", 0, 0.0, 1.5),
        Stepped(1, 0.5, 1.0, 0.001, 0.1, 0.2, 80.0),
        Evaluated(1, 0.2, 0.25, 0.7134),
        Stepped(2, 0.5, 1.0, 0.001, 0.2, 0.4, 80.0),
        Finished(2, 0.4, "budget spent", 0.5, 0.25, 0.7134),
    ]
    assert progress.follow(event for event in events) == events[-1]
    _, first, second = capsys.readouterr().err.splitlines()
    assert "test" not in first
    assert "loss 0.5000  test 71.3 %  80 images/s" in second


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_pause_and_other_numbers_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_terminal: bool
) -> None:
    monkeypatch.setattr(progress, "Console", partial(Console, force_terminal=is_terminal, width=120))
    events = [
        Started("toy", "a seed", 50, 300, "numpy", 0, 0.0, 1.5),
        Stepped(1, 0.5, 1.0, 0.001, 0.1, 0.2, 80.0),
        None,
        None,
        Adjusted(1, 0.2, 0.0125, None, None, 16),
        Adjusted(1, 0.2, None, None, None, None),
        Finished(2, 0.4, "budget spent", 0.5, 0.25, 0.7134),
    ]
    assert progress.follow(event for event in events) == events[-1]
    err = capsys.readouterr().err
    assert "from step 2 on: learning rate 0.0125, batch size 16" in err
    assert "from step 2 on: all as in the settings" in err
    assert "80 images/s  paused" in err if is_terminal else err.splitlines()[1] == "paused at step 1"
    assert is_terminal or err.count("paused") == 1
