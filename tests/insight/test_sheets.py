"""The pictures, judged by their pixels: where red is, where blue is, and that nothing is cut off."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from glassnet.insight.sheets import confusion_sheet, mistakes_sheet


def red_and_blue(picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """(rows and columns (2, N) of the red pixels, the same of the blue ones)"""
    red, _, blue = np.asarray(picture).astype(int).transpose(2, 0, 1)
    return np.stack(np.nonzero(red > blue + 40)), np.stack(np.nonzero(blue > red + 40))


def test_rows_are_what_is_and_columns_what_is_said() -> None:
    """All b are right, all a were said to be b: red at the top right, blue below it."""
    red, blue = red_and_blue(confusion_sheet(np.array([[0, 10], [0, 10]]), ["a", "b"]))
    assert red[0].max() < blue[0].min()
    assert red[1].mean() == pytest.approx(blue[1].mean(), abs=2)


def test_all_right_is_all_blue() -> None:
    red, blue = red_and_blue(confusion_sheet(np.diag([3, 4, 5]), ["a", "b", "c"]))
    assert red.size == 0
    assert blue.size > 0


def test_the_color_is_a_share_of_the_row() -> None:
    """A hundredfold row looks the same, but for the numbers in it."""
    counts = np.full((60, 60), 100_000) + np.diag([500_000] * 60)
    names = [f"c{i}" for i in range(60)]
    once, mixed = confusion_sheet(counts, names), confusion_sheet(counts * np.arange(1, 61)[:, None], names)
    size = 900  # the names and the count below it are not compared
    once_cells, mixed_cells = (np.asarray(picture)[80:size, 80:size] for picture in (once, mixed))
    np.testing.assert_array_equal(once_cells, mixed_cells)


def test_a_class_without_pictures_is_grey() -> None:
    picture = np.asarray(confusion_sheet(np.array([[5, 0], [0, 0]]), ["a", "b"]))
    assert (picture == (236, 236, 236)).all(axis=2).sum() > 1000


@pytest.mark.parametrize("num", [2, 3, 10, 40, 100, 300, pytest.param(1000, marks=pytest.mark.slow)])
def test_any_number_of_classes(num: int) -> None:
    names = [f"class number {i} of those" for i in range(num)]
    picture = confusion_sheet(np.eye(num, dtype=np.int64) * 7, names)
    assert max(picture.size) <= max(1300, 2 * num + 400)
    edge = np.asarray(picture).astype(int)
    for side in (edge[:8], edge[-8:], edge[:, :8], edge[:, -8:]):
        assert side.min() == 255, "something touches the edge"


@pytest.mark.parametrize("name", ["x" * 500, "חתול", "Bär", "a\nb", " ", "\udce9"])
def test_any_name(name: str) -> None:
    picture = confusion_sheet(np.array([[1, 1], [0, 1]]), [name, "b"])
    assert picture.width < 700
    images = np.zeros((1, 3, 8, 8), np.uint8)
    one = mistakes_sheet(images, np.array([[0.9, 0.1]]), np.array([1]), [name, "b"])
    other = mistakes_sheet(images, np.array([[0.9, 0.1]]), np.array([1]), ["a", "b"])
    assert one.size == other.size


def test_numbers_are_written_where_they_fit() -> None:
    """In cells of the same color, other numbers are another picture; not so in cells that are too small for them."""
    few, many = (np.diag([n] * 10) for n in (3, 8))
    assert pixels_differ(few, many)
    few, many = (np.diag([n] * 60) for n in (300_000, 800_000))
    assert not pixels_differ(few, many)


def test_numbers_are_in_their_cells() -> None:
    """Another number of the same share changes its own red cell only, which lies above the blue one."""
    names = ["a", "b"]
    few, many = (confusion_sheet(np.array([[0, n], [0, 10]]), names) for n in (10, 80))
    red, blue = red_and_blue(few)
    changed = np.stack(np.nonzero((np.asarray(few) != np.asarray(many)).any(axis=2)[: blue[0].max()]))
    assert changed.shape[1] > 5
    assert (changed.min(axis=1) >= red.min(axis=1)).all()
    assert (changed.max(axis=1) <= red.max(axis=1)).all()


def pixels_differ(one: np.ndarray, other: np.ndarray) -> bool:
    names = ["c"] * len(one)
    pictures = [np.asarray(confusion_sheet(counts, names)) for counts in (one, other)]
    height = pictures[0].shape[0] - 40  # above the line that counts
    return not np.array_equal(pictures[0][:height], pictures[1][:height])


@pytest.mark.parametrize(("num", "size"), [(1, (1, 1)), (6, (6, 1)), (7, (6, 2)), (24, (6, 4))])
@pytest.mark.parametrize(("channels", "side"), [(3, 32), (1, 32), (3, 200)])
def test_mistakes_in_rows(num: int, size: tuple[int, int], channels: int, side: int) -> None:
    images = np.full((num, channels, side, side), 90, np.uint8)
    probabilities = np.tile([0.75, 0.25], (num, 1))
    picture = mistakes_sheet(images, probabilities, np.ones(num, np.int64), ["cat", "dog"])
    shown = (np.asarray(picture) == 90).all(axis=2)
    assert shown.sum() >= num * 160 * 160
    columns, rows = size
    assert picture.size == (16 + columns * 176, 16 + rows * 216)


def test_the_pixels_of_small_pictures_stay_visible() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 32, 32), np.uint8)
    picture = np.asarray(mistakes_sheet(image, np.array([[1.0, 0.0]]), np.array([1]), ["a", "b"]))
    np.testing.assert_array_equal(picture[18 : 18 + 160 : 5, 18 : 18 + 160 : 5].transpose(2, 0, 1), image[0])


def test_mistakes_say_what_was_said() -> None:
    image = np.zeros((1, 3, 8, 8), np.uint8)
    labels = np.array([1])
    first, second, third = (
        np.asarray(mistakes_sheet(image, np.array([p]), labels, ["cat", "dog", "fish"]))
        for p in ([0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.0, 0.1, 0.9])
    )
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_no_mistakes() -> None:
    picture = mistakes_sheet(np.zeros((0, 3, 8, 8), np.uint8), np.zeros((0, 2)), np.zeros(0, np.int64), ["a", "b"])
    assert np.asarray(picture).min() < 128, "expected words"
