"""The faces task: persons balanced, budgets by the number of photos, and a training that tells people apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.data import people
from glassnet.errors import SettingsError
from glassnet.runtimes import get_runtime
from glassnet.tasks import fit_to_data, open_task, settings_for
from glassnet.tasks.faces import Faces, balanced, drawn_of, steps_for
from glassnet.training import create, train
from glassnet.training.events import Evaluated, Finished
from glassnet.training.step import TrainingStep, build_step
from tests.tasks.persons import write_persons

RUNTIME = get_runtime("onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_persons(tmp_path / "people", {"Dana": 9, "Noa": 12, "Uri": 3})


def opened(folder: Path, **given: object) -> Faces:
    task = open_task(settings_for("faces", {"data": str(folder), "crop": False, **given}), RUNTIME)
    assert isinstance(task, Faces)
    return task


def test_it_knows_the_people_and_keeps_what_a_later_photo_needs(folder: Path) -> None:
    task = opened(folder)
    assert task.facts["people"] == ["Dana", "Noa", "Uri"]
    assert task.facts["image_shape"] == [1, 80, 64]
    assert people.Framing.from_json(task.facts["framing"]) == task.people.framing
    assert len(task.validation["labels"]) == 2  # one of Dana's nine photos, one of Noa's twelve


def test_an_epoch_has_the_photos_of_persons_with_few_several_times() -> None:
    labels = np.repeat([0, 1, 2], [64, 16, 1])
    chosen = balanced(labels)
    assert np.bincount(labels[chosen]).tolist() == [64, 32, 8]
    assert set(chosen) == set(range(81))


def test_steps_follow_the_photos_unless_a_budget_is_given(folder: Path) -> None:
    task = opened(folder)
    assert fit_to_data(task.settings, task, {}).steps == steps_for(20)
    assert steps_for(10) < steps_for(2_000) < steps_for(50_000) == steps_for(1_000_000)
    chosen = opened(folder, minutes=5.0)
    assert fit_to_data(chosen.settings, chosen, {"minutes": 5.0}).steps is None


def test_a_batch_is_not_larger_than_a_quarter_of_the_photos(folder: Path) -> None:
    task = opened(folder)
    num = len(task.training["labels"])
    assert fit_to_data(task.settings, task, {}).batch_size == max(num // 4, 16)
    assert fit_to_data(task.settings, task, {"batch_size": 64}).batch_size == 64


def test_of_very_many_people_a_tenth_is_drawn_unless_all_are_wanted() -> None:
    assert drawn_of(None, 20_000) == (0, [])
    num, (said,) = drawn_of(None, 100_000)
    assert num == 10_000
    assert said == (
        "each step compares with 10,000 people drawn at random; --sampled-classes 0 compares with all 100,000"
    )
    assert drawn_of(0, 100_000) == (0, [])
    assert drawn_of(512, 100_000) == (512, [])


def test_no_fewer_than_all_are_all(folder: Path) -> None:
    task = opened(folder, sampled_classes=3)
    assert task.notices[-1] == "each step compares with all 3 people; --sampled-classes 3 is no fewer"
    assert opened(folder, sampled_classes=2).notices == opened(folder).notices


def step_of(folder: Path, **given: object) -> TrainingStep:
    task = opened(folder, batch_size=8, **given)
    return build_step(task, task.model(np.random.default_rng(0)), task.settings)


def test_a_step_that_draws_has_no_number_for_each_example_and_each_person(tmp_path: Path) -> None:
    folder = write_persons(tmp_path / "people", {f"P{number:02}": 1 for number in range(19)})
    of_all, of_few = (step_of(folder, sampled_classes=num).graph for num in (0, 5))
    assert any(spec.shape == (8, 19) for spec in of_all.specs)
    assert not any(spec.shape == (8, 19) for spec in of_few.specs)
    assert not any(spec.shape == (8, 5) for spec in of_all.specs)
    # Of the directions (19, 256) nothing is computed but their gradient and the update, which is of a vector.
    made = [call.primitive for call in of_few.calls if of_few.specs[call.output].shape == (19, 256)]
    assert sorted(made) == ["reshape_to", "scatter_add"]


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"expected --sampled-classes to be at least 0; got -1\. To fix: .*"):
        settings_for("faces", {"sampled_classes": -1})


def test_options_of_faces_are_refused_elsewhere() -> None:
    with pytest.raises(SettingsError, match="expected --sampled-classes with the task faces only; got it with 'hou"):
        settings_for("houses", {"sampled_classes": 0})
    with pytest.raises(SettingsError, match="expected --fpir with the task faces only; got it with 'houses'"):
        settings_for("houses", {"fpir": 0.1})


@pytest.mark.slow
@pytest.mark.parametrize("sampled_classes", [None, 1])
def test_people_are_told_apart_after_a_few_steps(folder: Path, tmp_path: Path, sampled_classes: int | None) -> None:
    task = opened(folder, steps=30, batch_size=16, sampled_classes=sampled_classes)
    run = create(tmp_path / "run", task.settings, task.facts)
    events = list(train(task, run, RUNTIME))
    assert isinstance(events[-1], Finished)
    assert events[-1].accuracy == 1.0
    assert sum(isinstance(event, Evaluated) for event in events) > 10


@pytest.mark.slow
def test_with_so_few_photos_that_none_is_held_out_it_trains_all_the_same(tmp_path: Path) -> None:
    folder = write_persons(tmp_path / "people", {"Dana": 1, "Noa": 2})
    task = opened(folder, steps=3, batch_size=2)
    run = create(tmp_path / "run", task.settings, task.facts)
    events = list(train(task, run, RUNTIME))
    assert not any(isinstance(event, Evaluated) for event in events)
    assert isinstance(events[-1], Finished)
    assert events[-1].step == 3
