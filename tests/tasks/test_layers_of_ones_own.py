"""A network described by its layers is trained, resumed, asked, looked into and explained like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.data.pictures import LabeledPictures
from glassnet.errors import SettingsError
from glassnet.runtimes import get_runtime
from glassnet.tasks.classification import Classification, Predictor
from glassnet.tasks.look import look_inside
from glassnet.tasks.story import explain
from glassnet.tasks.subject import open_subject, read_example
from glassnet.training import Run, Settings, create, train
from glassnet.training.events import Stepped
from tests.tasks.test_classification import stripes

LINE = "conv 6 3x3, norm, relu, pool 2, dropout 0.3, conv 6 3x3 stride 2, gelu, average 2, linear 9, tanh"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty pictures in the place of CIFAR-10."""
    pictures = LabeledPictures(stripes(40, 0), stripes(20, 1), ("above", "below"), "stripes", ())
    monkeypatch.setattr("glassnet.data.cifar10.load", lambda data: pictures)


def trained(path: Path, runtime: str = "onnx", steps: int = 6, resume: bool = False) -> tuple[Run, list[float]]:
    """The run, and the losses of its steps."""
    given: dict[str, Any] = {"flip": "alternating", "learning_rate": 0.01, "schedule": "constant", "warmup": 0.0}
    settings = Settings(task="cifar10", model=LINE, batch_size=8, steps=steps, **given)
    task = Classification(settings)
    run = Run(path) if resume else create(path, settings, task.facts)
    run.adopt({"steps": steps})
    events = list(train(task, run, get_runtime(runtime), resume))
    return run, [event.loss for event in events if isinstance(event, Stepped)]


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_runtimes_agree_with_the_reference(tmp_path: Path, runtime: str) -> None:
    expected, got = trained(tmp_path / "numpy", "numpy")[1], trained(tmp_path / runtime, runtime)[1]
    np.testing.assert_allclose(got, expected, rtol=2e-3)


def test_resumed_it_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")[1]
    trained(tmp_path / "halves", steps=3)
    assert trained(tmp_path / "halves", resume=True)[1] == whole[3:]


def test_it_is_asked_looked_into_and_explained(tmp_path: Path) -> None:
    run, _ = trained(tmp_path / "run", steps=30)
    checkpoint, _ = run.newest_checkpoint()
    predictor = Predictor(run, checkpoint, get_runtime("onnx"))
    assert predictor.accuracy(stripes(20, 1)) > 0.8
    subject = open_subject(run, checkpoint, get_runtime("numpy"))
    inside = look_inside(subject, read_example(subject, None))
    assert [layer.name for layer in inside.layers] == ["standardize", "conv1", "norm1", "conv2", "linear1", "linear2"]
    told = explain(run, checkpoint, "conv1.weight[0,1,2,0]")
    assert told.story.nudges.by_nudge == pytest.approx(told.story.nudges.by_backpropagation, rel=1e-4, abs=1e-8)


def test_what_does_not_fit_the_pictures_is_told_before_a_run_is_made() -> None:
    with pytest.raises(SettingsError, match="at most 4 x 4 numbers"):
        Classification(Settings(task="cifar10", model="pool 4, pool 5", steps=1))
