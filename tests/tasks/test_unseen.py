"""What a classifier is tested on, whatever place it is taken from, and that it never learned from it."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import cifar10
from glassnet.errors import DataError
from glassnet.tasks.classification import Classification
from glassnet.tasks.unseen import other_test, own_test
from glassnet.training import Settings

CLASSES = ("apple", "berry", "cherry")
SIDE = 32


def write_folder(folder: Path, classes: tuple[str, ...], num: int, seed: int) -> Path:
    """``num`` pictures of noise for each class, class i of brightness 50 i, all different."""
    generator = np.random.default_rng(seed)
    for i, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for j in range(num):
            pixels = generator.integers(50 * i, 50 * i + 50, (SIDE, SIDE, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{j}.png")
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "own", CLASSES, 10, seed=0)


@pytest.fixture
def settings(own: Path) -> Settings:
    return Settings(task="folder", data=str(own), model="convnetjs", steps=1)


def brightness_class(images: np.ndarray) -> list[int]:
    return (images.mean(axis=(1, 2, 3)) // 50).astype(int).tolist()


def test_its_own_test_set(settings: Settings) -> None:
    own, task = own_test(settings, CLASSES, SIDE), Classification(settings)
    np.testing.assert_array_equal(own.pictures.images, task.test.images)
    assert own.pictures.labels.tolist() == task.test.labels.tolist() == brightness_class(own.pictures.images)


def test_labels_are_the_numbers_that_the_network_learned(settings: Settings) -> None:
    own = own_test(settings, ("cherry", "apple", "plum", "berry"), SIDE)
    assert own.pictures.labels.tolist() == [[1, 3, 0][i] for i in brightness_class(own.pictures.images)]


def test_another_folder_as_a_whole(settings: Settings, tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other", CLASSES, 4, seed=1)
    (other / "berry" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    unseen = other_test(str(other), settings, CLASSES, SIDE)
    assert unseen.pictures.images.shape == (12, 3, SIDE, SIDE)
    assert unseen.pictures.labels.tolist() == brightness_class(unseen.pictures.images) == [0] * 4 + [1] * 4 + [2] * 4
    (notice,) = unseen.notices
    assert notice.startswith("berry/broken.jpg: left out: expected a picture")


def test_another_size(settings: Settings, tmp_path: Path) -> None:
    """The network has a size; what the pictures have does not matter."""
    other = write_folder(tmp_path / "other", CLASSES, 1, seed=1)
    assert other_test(str(other), settings, CLASSES, 64).pictures.images.shape == (3, 3, 64, 64)


def test_of_train_and_test_only_test(settings: Settings, tmp_path: Path) -> None:
    write_folder(tmp_path / "other" / "train", CLASSES, 5, seed=1)
    write_folder(tmp_path / "other" / "test", CLASSES, 2, seed=2)
    assert len(other_test(str(tmp_path / "other"), settings, CLASSES, SIDE).pictures.labels) == 6


def test_some_of_the_classes(settings: Settings, tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other", CLASSES[1:], 2, seed=1)
    assert other_test(str(other), settings, CLASSES, SIDE).pictures.labels.tolist() == [1, 1, 2, 2]


def test_what_it_was_trained_on_is_left_out(settings: Settings, own: Path, tmp_path: Path) -> None:
    num_test = len(own_test(settings, CLASSES, SIDE).pictures.labels)
    mixed = write_folder(tmp_path / "mixed", CLASSES, 1, seed=1)
    for path in own.glob("*/*.png"):
        shutil.copy(path, mixed / path.parent.name / f"copy{path.name}")
    unseen = other_test(str(mixed), settings, CLASSES, SIDE)
    assert len(unseen.pictures.labels) == num_test + 3
    assert unseen.notices == (f"pictures left out because the network was trained on them: {30 - num_test}",)


def test_nothing_is_left(settings: Settings, own: Path, tmp_path: Path) -> None:
    held_out = {image.tobytes() for image in own_test(settings, CLASSES, SIDE).pictures.images}
    for path in own.glob("*/*.png"):
        if np.asarray(Image.open(path)).transpose(2, 0, 1).tobytes() not in held_out:
            (tmp_path / "seen" / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "seen" / path.parent.name)
    with pytest.raises(DataError, match=r"^expected pictures to test on in .*seen; got none \(.* trained on them: "):
        other_test(str(tmp_path / "seen"), settings, CLASSES, SIDE)


def test_without_what_it_was_trained_on(settings: Settings, own: Path, tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other", CLASSES, 2, seed=1)
    shutil.rmtree(own)
    unseen = other_test(str(other), settings, CLASSES, SIDE)
    assert len(unseen.pictures.labels) == 6
    (notice,) = unseen.notices
    assert notice.startswith("whether the network was trained on some of these is unknown: expected ")
    with pytest.raises(DataError, match=r"^expected .*; got nothing there"):
        own_test(settings, CLASSES, SIDE)


def test_other_classes_are_named(settings: Settings, tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other", ("apple", "berrys", "cherry", "plum"), 1, seed=1)
    expected = (
        r"^expected the classes that the network knows in .*other; got others \(berrys, plum\), and none of berry\."
    )
    with pytest.raises(DataError, match=expected):
        other_test(str(other), settings, CLASSES, SIDE)
    with pytest.raises(DataError, match=r"got others \(berry, cherry\)\. To fix: "):
        own_test(settings, ("apple",), SIDE)


@pytest.mark.parametrize("data", ["nothing", "file", "empty", "~nobody/x", "\0", "x" * 5000])
@pytest.mark.parametrize("task", ["folder", "cifar10"])
def test_places_that_hold_no_pictures(
    settings: Settings, data: str, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("empty").mkdir()
    of_task = Settings(task=task, data=settings.data, steps=1)
    with pytest.raises(DataError, match="To fix: "):
        other_test(data, of_task, CLASSES, SIDE)


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10 with four photos in each batch, believed to be the published one."""
    folder = tmp_path / "place" / "cifar10"
    folder.mkdir(parents=True)
    sums = {}
    for number, name in enumerate(cifar10.MD5):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 3072), np.uint8)
        content = pickle.dumps({b"data": pixels, b"labels": [number, 1, 2, 9]}, protocol=3)
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 4)
    monkeypatch.setattr(cifar10, "MD5", sums)
    return folder


def test_the_forms_of_cifar10(batches: Path) -> None:
    settings = Settings(task="cifar10", data=str(batches), steps=1)
    own = own_test(settings, cifar10.CLASSES, SIDE)
    assert own.pictures.labels.tolist() == [5, 1, 2, 9]
    for form in (batches, batches.parent):
        other = other_test(str(form), settings, cifar10.CLASSES, SIDE)
        np.testing.assert_array_equal(other.pictures.images, own.pictures.images)


def test_a_folder_for_a_network_of_cifar10(batches: Path, tmp_path: Path) -> None:
    """Files as some keep CIFAR-10; a photo that was trained on is known by its pixels."""
    settings = Settings(task="cifar10", data=str(batches), steps=1)
    other = write_folder(tmp_path / "other", ("cat", "dog"), 2, seed=1)
    trained_on = cifar10.load(str(batches)).training.images[0]
    Image.fromarray(trained_on.transpose(1, 2, 0)).save(other / "cat" / "seen.png")
    unseen = other_test(str(other), settings, cifar10.CLASSES, SIDE)
    assert unseen.pictures.labels.tolist() == [3, 3, 5, 5]
    assert unseen.notices == ("pictures left out because the network was trained on them: 1",)
