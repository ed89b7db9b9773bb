"""Classical algorithms: they learn what can be learned, choose on training pictures alone, and count what they keep."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pytest

from glassnet.baselines import classical
from glassnet.baselines.classical import (
    Algorithm,
    eigenfaces,
    hog_svm,
    kmeans_features,
    nearest_neighbor,
    require_packages,
)
from glassnet.data.pictures import Pictures
from glassnet.errors import RuntimeUnavailableError

ALGORITHMS: dict[str, Algorithm] = {
    "nearest neighbor": nearest_neighbor,
    "eigenfaces": eigenfaces,
    "HOG": hog_svm,
    "k-means features": partial(kmeans_features, num_centroids=6),
}
SIDE_PX = 24


@pytest.fixture(autouse=True)
def few_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "_NUM_PATCHES", 500)


def persons(num_each: tuple[int, ...], seed: int, channels: int = 1, noise: float = 25.0) -> Pictures:
    """Photos of so many persons, each the person's own pattern of large squares in noise."""
    patterns = np.random.default_rng(0).choice([40.0, 200.0], (len(num_each), channels, SIDE_PX // 6, SIDE_PX // 6))
    labels = np.repeat(np.arange(len(num_each)), num_each)
    images = patterns.repeat(6, 2).repeat(6, 3)[labels]
    images = images + np.random.default_rng(seed).normal(0.0, noise, images.shape)
    return Pictures(images.clip(0, 255).astype(np.uint8), labels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_it_learns_who_is_who(name: str, channels: int) -> None:
    training, test = persons((8, 8, 8), 1, channels), persons((10, 10, 10), 2, channels)
    learned = ALGORITHMS[name](training, 0)
    said = learned.answer(test.images)
    assert said.shape == test.labels.shape
    assert np.mean(said == test.labels) > 0.95
    again = ALGORITHMS[name](training, 0)
    assert again.num_kept == learned.num_kept
    np.testing.assert_array_equal(again.answer(test.images), said)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_it_cannot_learn_labels_that_mean_nothing(name: str) -> None:
    pictures = persons((60,), 1, noise=60.0)
    training = Pictures(pictures.images, np.random.default_rng(5).integers(0, 3, 60))
    test = persons((90,), 2, noise=60.0)
    share = np.mean(ALGORITHMS[name](training, 0).answer(test.images) == np.arange(90) % 3)
    assert 0.1 < share < 0.6


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("num_each", [(1, 1, 1), (1, 2, 9), (2, 1)])
def test_few_photos_are_enough(name: str, num_each: tuple[int, ...]) -> None:
    learned = ALGORITHMS[name](persons(num_each, 1), 0)
    test = persons((1,) * len(num_each), 2)
    assert set(learned.answer(test.images).tolist()) <= set(range(len(num_each)))


def test_brightness_and_contrast_do_not_change_the_nearest_neighbor() -> None:
    photos = np.random.default_rng(0).integers(0, 100, (5, 1, 6, 6), np.uint8)
    # For the raw pixels, the gray picture would be the nearest to everything that is bright.
    gray = np.full((1, 1, 6, 6), 200, np.uint8) + photos[:1] // 50
    learned = nearest_neighbor(Pictures(np.concatenate([photos, gray]), np.arange(6)))
    np.testing.assert_array_equal(learned.answer(photos // 2 + 150), np.arange(5))


def test_the_nearest_neighbor_of_a_photo_is_itself() -> None:
    training = Pictures(persons((9,), 1, noise=80.0).images, np.arange(9))
    np.testing.assert_array_equal(nearest_neighbor(training).answer(training.images[::-1]), np.arange(9)[::-1])


def test_edges_tell_what_pixels_do_not() -> None:
    """Stripes of one direction, wherever they are and whichever is the bright one."""
    numbers = np.random.default_rng(0)
    rows = np.stack([np.roll(np.tile([30, 30, 30, 220, 220, 220], 4), k) for k in numbers.integers(0, 6, 40)])
    upright = np.broadcast_to(rows[:, None, None, :], (40, 1, 24, 24)).astype(np.uint8)
    images = np.concatenate([upright[:20], upright[20:].swapaxes(2, 3)])
    labels = np.repeat([0, 1], 20)
    learned = hog_svm(Pictures(images[::2], labels[::2]), 0)
    np.testing.assert_array_equal(learned.answer(images[1::2]), labels[1::2])


def test_what_is_counted() -> None:
    training = persons((8, 8, 8), 1)
    pixels = SIDE_PX**2
    assert nearest_neighbor(training).num_kept == 24 * pixels
    # Four blocks of 2 x 2 cells with 9 directions each, for three persons, and an offset for each of them.
    assert hog_svm(training).num_kept == 3 * (4 * 4 * 9 + 1)
    # The mean and the components with their variances, then support vectors with weights for two rivals, and offsets.
    faces = eigenfaces(training)
    num = int(faces.chosen["components"])
    assert num == 12
    num_support = (faces.num_kept - pixels - num * pixels - num - 3) / (num + 2)
    assert num_support == int(num_support)
    assert 3 <= num_support <= 24
    patch = 6 * 6
    expected = patch + patch**2 + 5 * patch + 2 * (4 * 5) + 3 * (4 * 5 + 1)
    assert kmeans_features(training, num_centroids=5).num_kept == expected


@pytest.mark.parametrize("name", ["eigenfaces", "HOG", "k-means features"])
def test_settings_are_chosen_among_several(name: str) -> None:
    learned = ALGORITHMS[name](persons((6, 6, 6), 1), 0)
    assert "C" in learned.chosen
    assert all(value > 0 for value in learned.chosen.values())


def test_folds_hold_everyone_out_once_but_never_all_of_a_person() -> None:
    labels = np.repeat([0, 1, 2, 3], [1, 2, 3, 10])
    folds = classical._folds(labels, np.random.default_rng(0))
    assert folds[0] == -1
    for label in (1, 2, 3):
        of_person = folds[labels == label]
        assert of_person.min() == 0
        assert np.bincount(of_person).max() < len(of_person)
        assert np.ptp(np.bincount(of_person)) <= 1


def test_sums_over_quarters() -> None:
    values = np.zeros((1, 4, 6, 2), np.float32)
    values[0, 0, 0, 0], values[0, 3, 5, 0], values[0, 1, 4, 1] = 1.0, 2.0, 5.0
    np.testing.assert_array_equal(classical._quarters(values), [[1, 0, 0, 5, 0, 0, 2, 0]])


def test_what_is_near() -> None:
    """A patch that is a centroid is near to it, and not near to one that is farther away than most."""
    images = np.random.default_rng(0).integers(0, 256, (1, 1, 6, 6), np.uint8)
    patch = classical._normalized(images.reshape(1, -1))
    centroids = np.concatenate([patch, patch + 0.1, -patch])
    (near,) = classical._nearness(images, np.zeros(36, np.float32), np.eye(36, dtype=np.float32), centroids)[0]
    distances = np.array([0.0, 0.1 * 6, 2 * np.linalg.norm(patch)])
    np.testing.assert_allclose(near[0], np.maximum(distances.mean() - distances, 0.0), atol=0.02)
    assert near[0, 2] == 0.0


def test_cross_validation_looks_at_some_and_the_machine_learns_from_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "_MOST_VALIDATED", 6)
    training, test = persons((3,) * 8, 1), persons((2,) * 8, 2)
    np.testing.assert_array_equal(hog_svm(training, 0).answer(test.images), test.labels)


def test_whitened_patches_have_no_correlations() -> None:
    numbers = np.random.default_rng(0)
    patches = numbers.normal(size=(4000, 3)) @ np.array([[20.0, 0.0, 0.0], [15.0, 9.0, 0.0], [0.0, 4.0, 12.0]])
    mean, matrix = classical._whitening(patches)
    np.testing.assert_allclose(np.cov((patches - mean) @ matrix, rowvar=False), np.eye(3), atol=0.02)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)


@pytest.mark.parametrize("package", ["sklearn", "skimage"])
def test_without_the_packages(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    require_packages()
    monkeypatch.setitem(sys.modules, package, None)
    expected = rf"got no package '{package}'\. To fix: pip install 'glassnet\[baselines\]'$"
    with pytest.raises(RuntimeUnavailableError, match=expected):
        require_packages()
