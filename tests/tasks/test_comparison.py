"""Faces compared: which photos are learned from and which are asked, and what is said of each algorithm."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from glassnet.data import people
from glassnet.data.pictures import Pictures
from glassnet.errors import CheckpointError, DataError, SettingsError
from glassnet.runtimes import get_runtime
from glassnet.tasks import settings_for
from glassnet.tasks.comparison import CLASSICAL, Split, classical_rows, most_frequent, network_row, split, split_of
from glassnet.tasks.faces import Faces
from glassnet.tasks.recognition import Recognizer, identify, open_gallery
from glassnet.training import Run, create, train
from tests.tasks.persons import write_persons
from tests.training.toy import new_run

NUMS = {"Ann": 5, "Bob": 10, "Cem": 12}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_persons(tmp_path_factory.mktemp("people") / "persons", NUMS)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `train` and `test`; somebody is in the test only."""
    home = tmp_path_factory.mktemp("both")
    write_persons(home / "train", NUMS)
    write_persons(home / "test", {"Ann": 2, "Bob": 2, "Cem": 3, "Zoe": 4}, seed=1)
    return home


def assert_nothing_is_in_both(made: Split) -> None:
    learned = {image.tobytes() for image in made.known.training.images}
    assert len(learned) == len(made.known.training.labels)
    assert not learned & {image.tobytes() for image in made.test.images}
    assert len(made.known.held_out.labels) == 0


@pytest.mark.parametrize(
    ("how", "num_tested"), [({}, [1, 2, 2]), ({"is_block": True}, [1, 2, 2]), ({"num_per_person": 4}, [1, 6, 8])]
)
def test_a_part_of_each_person(folder: Path, how: dict[str, int], num_tested: list[int]) -> None:
    made = split(folder, crop=False, **how)
    assert np.bincount(made.test.labels).tolist() == num_tested
    assert np.bincount(made.known.training.labels).tolist() == [
        num - tested for num, tested in zip(NUMS.values(), num_tested, strict=True)
    ]
    assert_nothing_is_in_both(made)
    for image, label, path in zip(
        made.known.training.images, made.known.training.labels, made.known.training_files, strict=True
    ):
        assert path.parent.name == made.known.names[label]
        (read,) = people.read_faces([path], made.known.framing)
        np.testing.assert_array_equal(read, image)


def test_a_block_is_of_neighbors(folder: Path) -> None:
    learned = split(folder, crop=False, is_block=True).known.training_files
    missing = sorted({f"{i}.png" for i in range(1, 13)} - {path.name for path in learned if path.parent.name == "Cem"})
    first, second = (int(name.removesuffix(".png")) for name in missing)
    assert abs(first - second) == 1


def test_the_split_of_a_folder_is_taken(both: Path) -> None:
    made = split(both, crop=False)
    assert np.bincount(made.known.training.labels).tolist() == list(NUMS.values())
    assert np.bincount(made.test.labels).tolist() == [2, 2, 3]
    assert_nothing_is_in_both(made)
    for how in ({"is_block": True}, {"num_per_person": 3}):
        with pytest.raises(SettingsError, match=r"^expected --block and --per-person with photos that are not split"):
            split(both, crop=False, **how)


def test_nobody_left_to_ask_for(folder: Path) -> None:
    with pytest.raises(DataError, match=r"^expected photos to test with \(all but 12 of each person\); got none\. To"):
        split(folder, crop=False, num_per_person=12)


def test_rows(folder: Path) -> None:
    made = split(folder, crop=False)
    rows = list(classical_rows(made))
    assert [row.algorithm for row in rows] == list(CLASSICAL)
    for row in rows:
        assert (row.accuracy, row.mean_recall) == (1.0, 1.0)
        assert row.training_s > 0.0
        assert row.answering_s > 0.0
    assert rows[0].num_kept == 22 * 80 * 64
    assert most_frequent(made) == ("Cem", 0.4)


def test_every_person_counts_alike_in_the_mean(folder: Path) -> None:
    """With the labels of all of Bob's photos wrong, and nobody asked for Ann."""
    made = split(folder, crop=False)
    images, labels = (array[made.test.labels > 0] for array in (made.test.images, made.test.labels))
    images, labels = np.concatenate([images, images[labels == 2]]), np.concatenate([labels, [2, 2]])
    images[labels == 1] = images[labels == 2][0]
    row = next(classical_rows(dataclasses.replace(made, test=Pictures(images, labels))))
    assert row.accuracy == pytest.approx(4 / 6)
    assert row.mean_recall == pytest.approx(1 / 2)


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A network of a few steps."""
    settings = settings_for("faces", {"data": str(folder), "crop": False, "steps": 12, "batch_size": 8})
    task = Faces(settings)
    made = create(tmp_path_factory.mktemp("runs") / "run", settings, task.facts)
    for _ in train(task, made, get_runtime("onnx")):
        pass
    return made


@pytest.mark.slow
def test_the_network_of_a_run(run: Run, folder: Path, both: Path) -> None:
    made = split_of(run)
    known = people.load(folder, crop=False)
    np.testing.assert_array_equal(made.known.training.images, known.training.images)
    np.testing.assert_array_equal(made.test.images, known.held_out.images)
    elsewhere = split_of(run, both / "test")
    assert np.bincount(elsewhere.test.labels).tolist() == [2, 2, 3]
    row = network_row(elsewhere, run, get_runtime("onnx"))
    checkpoint, _ = run.newest_checkpoint()
    assert (row.algorithm, row.training_s) == ("network", checkpoint.elapsed_s)
    kept = [array.size for name, array in checkpoint.tensors.items() if name.startswith(("averages/", "buffers/"))]
    assert row.num_kept == sum(kept)
    assert row.accuracy > 0.6
    embeddings = Recognizer(run, checkpoint, get_runtime("onnx")).embed(elsewhere.test.images)
    said = [answer.nearest for answer in identify(embeddings, open_gallery(run, checkpoint)[0])]
    names = [elsewhere.known.names[label] for label in elsewhere.test.labels]
    assert row.accuracy == np.mean([one == other for one, other in zip(said, names, strict=True)])


@pytest.mark.slow
@pytest.mark.parametrize("nums", [{"Ann": 9, "Eve": 9}, {**NUMS, "Bob": 11}])
def test_a_run_whose_photos_are_not_as_they_were(run: Run, tmp_path: Path, nums: dict[str, int]) -> None:
    others = write_persons(tmp_path / "others", nums)
    moved = Run(run.path)
    moved.settings = dataclasses.replace(run.settings, data=str(others))
    with pytest.raises(DataError, match=r"^expected in .*others the photos that .* was trained on; got others\. To"):
        split_of(moved)


def test_a_run_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"^expected a run of faces in .*; got one of toy\. To fix: "):
        split_of(new_run(tmp_path / "run"))
