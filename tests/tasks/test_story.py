"""The story of a weight of a run of every task: which examples and which step it is told of, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.data.drawn import draw_houses
from glassnet.errors import CheckpointError, SettingsError
from glassnet.runtimes import get_runtime
from glassnet.tasks import open_task, settings_for
from glassnet.tasks.story import Told, explain, facts
from glassnet.training import Controls, Run, create, history, train
from glassnet.training.events import Stepped
from tests.tasks.persons import write_persons


def pictures(folder: Path) -> Path:
    numbers = np.random.default_rng(0)
    for name in ("ape", "bee"):
        (folder / name).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(numbers.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / name / f"{i}.png")
    return folder


def a_run(where: Path, task: str, **given: Any) -> Run:
    """Trained for three steps of four examples."""
    settings = settings_for(task, {"steps": 3, "batch_size": 4, "runtime": "numpy", "schedule": "constant", **given})
    opened = open_task(settings, get_runtime("numpy"))
    run = create(where / "run", settings, opened.facts)
    list(train(opened, run, get_runtime("numpy")))
    return run


def story_of(run: Run, weight: str, **given: Any) -> Told:
    return explain(run, run.newest_checkpoint()[0], weight, **given)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Run:
    where = tmp_path_factory.mktemp("classifier")
    return a_run(where, str(pictures(where / "pictures")))


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Run:
    where = tmp_path_factory.mktemp("denoiser")
    np.save(where / "houses.npy", draw_houses(40, seed=1))
    return a_run(where, "houses", data=str(where / "houses.npy"))


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Run:
    where = tmp_path_factory.mktemp("recognizer")
    return a_run(where, "faces", data=str(write_persons(where / "people", {"ann": 4, "bob": 4})), crop=False)


@pytest.mark.parametrize(
    ("fixture", "weight"),
    [
        ("classifier", "conv2.weight[3,0,2,2]"),
        ("denoiser", "blocks.0.conv1.weight[3,0,2,2]"),
        pytest.param("recognizer", "groups.1.conv1.weight[3,0,1,1]", marks=pytest.mark.slow),
    ],
)
def test_every_task(fixture: str, weight: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(fixture)
    told = story_of(run, weight)
    story = told.story
    assert (str(story.place), told.scene.step, told.scene.batch_size) == (weight, 3, 4)
    assert story.sum.total == pytest.approx(story.nudges.by_backpropagation, rel=1e-9)
    assert [step for step, _ in story.history] == [0, 1, 2, 3]
    assert story.history[-1][1] == story.value
    assert story.outcome is not None
    changes = sum(part.value for part in story.outcome.parts if part.is_change)
    assert changes == pytest.approx(story.outcome.change, rel=1e-9)
    assert all(term.patch is not None for term in story.sum.largest)
    assert (told.scene.examples, told.scene.notices) == ("the 4 examples of step 4", [])
    assert len(told.scene.labels) == (0 if fixture == "denoiser" else 4)
    values = facts(told)
    assert values["chain_rule"]["sum"] == story.sum.total
    assert len(values["curve"]["loss"]) == 25


@pytest.mark.parametrize("fixture", ["classifier", "denoiser"])
def test_it_is_the_step_that_the_training_takes_next(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """In float64 instead of float32, so the training's own loss and weights come out but for rounding."""
    trained: Run = request.getfixturevalue(fixture)
    name = "conv2.weight" if fixture == "classifier" else "conv_in.weight"
    told = story_of(trained, f"{name}[3,0,1,1]")
    longer = create(tmp_path / "longer", trained.settings, trained.facts)
    longer.adopt({"steps": 4})
    task = open_task(longer.settings, get_runtime("numpy"))
    last = [event for event in train(task, longer, get_runtime("numpy")) if isinstance(event, Stepped)][-1]
    assert told.story.nudges.loss == pytest.approx(last.loss, rel=1e-5)
    after = longer.newest_checkpoint()[0].tensors[f"parameters/{name}"][3, 0, 1, 1]
    assert told.story.outcome is not None
    assert told.story.value + told.story.outcome.change == pytest.approx(float(after), rel=1e-4)


def test_it_is_that_step_also_where_numbers_were_changed(classifier: Run, tmp_path: Path) -> None:
    """While it ran, after its first step: another batch size, learning rate, momentum and decay."""
    name = "conv2.weight"
    asked = Controls(learning_rate=2e-3, momentum=0.5, weight_decay=0.3, batch_size=6)
    task = open_task(classifier.settings, get_runtime("numpy"))
    runs = [create(tmp_path / str(steps), classifier.settings, classifier.facts) for steps in (3, 4)]
    runs[1].adopt({"steps": 4})
    for run in runs:
        seen: list[Stepped] = []
        for event in train(task, run, get_runtime("numpy"), controls=lambda seen=seen: asked if seen else Controls()):
            seen += [event] if isinstance(event, Stepped) else []
    told = story_of(runs[0], f"{name}[3,0,1,1]")
    assert (told.scene.batch_size, told.scene.notices) == (6, [])
    assert told.story.nudges.loss == pytest.approx(seen[-1].loss, rel=1e-5)
    before, after = (run.newest_checkpoint()[0].tensors[f"parameters/{name}"][3, 0, 1, 1] for run in runs)
    assert told.story.outcome is not None
    assert told.story.outcome.change == pytest.approx(float(after) - float(before), rel=1e-3)


def test_fewer_examples(classifier: Run) -> None:
    told = story_of(classifier, "conv1.bias[2]", batch_size=2)
    assert told.scene.examples == "the first 2 of the 4 examples of step 4"
    assert told.scene.notices == ["The training itself learns from 4 examples at once, not from 2."]
    with pytest.raises(SettingsError, match=r"^expected --batch-size to be at most 4, that of the training; got 5"):
        story_of(classifier, "conv1.bias[2]", batch_size=5)


def test_a_picture(classifier: Run, tmp_path: Path) -> None:
    """Its class is that of its folder, or what the network says."""
    picture = classifier.path.parent / "pictures" / "bee" / "3.png"
    told = story_of(classifier, "linear.weight[1,5]", picture=picture)
    assert told.scene.examples == "the picture 3.png, taken for bee, as its folder says"
    assert (told.scene.labels, told.scene.batch_size) == (["bee"], 1)
    assert told.scene.notices == [
        "This is no step of the training: it learns from many examples at once, not from one picture."
    ]
    assert told.story.sum.total == pytest.approx(told.story.nudges.by_backpropagation, rel=1e-9)
    (tmp_path / "other.png").write_bytes(picture.read_bytes())
    told = story_of(classifier, "linear.weight[1,5]", picture=tmp_path / "other.png")
    assert told.scene.examples.endswith("as the network itself says")


def test_a_drawing(denoiser: Run, tmp_path: Path) -> None:
    Image.fromarray(255 - draw_houses(1, seed=2)[0]).save(tmp_path / "house.png")
    told = story_of(denoiser, "conv_out.bias[0]", picture=tmp_path / "house.png")
    assert (told.scene.examples, told.scene.labels) == ("the drawing house.png", [])
    assert told.story.sum.total == pytest.approx(told.story.nudges.by_backpropagation, rel=1e-9)


def test_when_the_learning_rate_has_run_out(tmp_path: Path) -> None:
    run = a_run(tmp_path, str(pictures(tmp_path / "pictures")), schedule="linear", warmup=0.0)
    told = story_of(run, "conv1.bias[2]")
    assert told.scene.notices[0].startswith("By the schedule the learning rate is 0 now.")
    assert told.story.outcome is not None
    assert told.story.outcome.change != 0.0


def test_a_damaged_history(tmp_path: Path) -> None:
    run = a_run(tmp_path, str(pictures(tmp_path / "pictures")))
    for content, message in ((b"nothing", "expected weights in "), (None, "expected conv1.bias in ")):
        (_, path), *_ = history.snapshots(run)
        if content is None:
            history.keep(run.history, 0, {"other": np.zeros(3, np.float32)}, {})
        else:
            path.write_bytes(content)
        with pytest.raises(CheckpointError, match=message):
            story_of(run, "conv1.bias[2]")
    for _, path in history.snapshots(run):
        path.unlink()
    assert [step for step, _ in story_of(run, "conv1.bias[2]").story.history] == [3]


def test_other_classes_than_it_learned(tmp_path: Path) -> None:
    run = a_run(tmp_path, str(pictures(tmp_path / "pictures")))
    (tmp_path / "pictures" / "bee").rename(tmp_path / "pictures" / "cat")
    with pytest.raises(CheckpointError, match=r"^expected the classes that .* has learned to tell apart; got others"):
        story_of(run, "conv1.bias[2]")
