"""The sheets of a face recognizer, judged by their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from glassnet.insight.charts import COLORS
from glassnet.insight.facesheets import FaceMistake, face_mistakes_sheet, identification_chart
from glassnet.insight.identification import curve

NAMES = {0: "Ada", 1: "Ben", 7: "סבתא", 8: "x" * 60}
WRONG = (190, 40, 30)


def photo(brightness: int) -> np.ndarray:
    return np.full((1, 80, 64), brightness, np.uint8)


def mistake(brightness: int = 90, said: int = 0, probability: float = 0.9, truth: int | None = 1) -> FaceMistake:
    return FaceMistake(photo(brightness), said, probability, truth, photo(60))


def where(picture: Image.Image, color: tuple[int, int, int]) -> np.ndarray:
    """Rows and columns (2, N) of the pixels that have exactly this color."""
    return np.stack(np.nonzero((np.asarray(picture) == color).all(axis=2)))


@pytest.mark.parametrize(("num", "shown"), [(1, 1), (4, 4), (5, 5), (30, 30), (31, 30), (100, 30)])
def test_photos_in_pairs(num: int, shown: int) -> None:
    picture = face_mistakes_sheet([mistake()] * num, NAMES)
    left, right = where(picture, (90, 90, 90)), where(picture, (60, 60, 60))
    assert left.shape[1] == pytest.approx(shown * 128 * 160, rel=0.01)
    assert right.shape[1] == pytest.approx(shown * 128 * 160, rel=0.01)
    assert right[1].mean() - left[1].mean() == pytest.approx(134, abs=1)
    assert picture.width <= 1200


def test_the_surest_come_first() -> None:
    brightness = [40, 100, 200]
    mistakes = [mistake(dark, probability=dark / 255) for dark in brightness]
    lefts = [where(face_mistakes_sheet(mistakes, NAMES), (dark,) * 3)[1].mean() for dark in brightness]
    assert lefts[2] < lefts[1] < lefts[0]


def test_everything_that_is_said_is_shown() -> None:
    sheets = [
        face_mistakes_sheet([wrong], NAMES)
        for wrong in (mistake(), mistake(said=1), mistake(probability=0.8), mistake(truth=0), mistake(truth=None))
    ]
    assert len({np.asarray(sheet).tobytes() for sheet in sheets}) == len(sheets)


def test_a_person_without_photos() -> None:
    picture = face_mistakes_sheet([FaceMistake(photo(90), 0, 0.9, None, None)], NAMES)
    assert where(picture, (236, 236, 236)).shape[1] > 0.9 * 128 * 160


@pytest.mark.parametrize("num", [1, 2, 7, 40])
@pytest.mark.parametrize("person", [7, 8])
def test_any_name(num: int, person: int) -> None:
    picture = face_mistakes_sheet([mistake(said=person, truth=person)] * num, NAMES)
    edge = np.asarray(picture)
    for side in (edge[:8], edge[-8:], edge[:, :8], edge[:, -8:]):
        assert side.min() == 255, "something touches the edge"


def test_no_mistakes() -> None:
    picture = face_mistakes_sheet([], NAMES)
    assert np.asarray(picture).min() < 150, "expected words"
    assert picture.height < 100


def test_the_operating_point_lies_on_the_curve() -> None:
    generator = np.random.default_rng(0)
    rates = curve(generator.normal(2, 1, 200), np.ones(200, bool), generator.normal(0, 1, 300))
    ways = []
    for threshold in (0.0, 1.0, 2.0):
        picture = identification_chart(rates, threshold)
        dot = where(picture, WRONG)
        dot = dot[:, dot[0] > 90]  # below the legend
        row, column = dot.mean(axis=1)
        blue = where(picture, COLORS[0])
        assert np.hypot(blue[0] - row, blue[1] - column).min() < 8
        ways.append((row, column))
    rows, columns = zip(*ways, strict=True)
    assert rows[0] > rows[1] > rows[2], "a higher threshold misses more"
    assert columns[0] > columns[1] > columns[2], "and answers fewer strangers"


@pytest.mark.parametrize("threshold", [-1.0, 0.6, 5.0])
def test_a_perfect_recognizer(threshold: float) -> None:
    rates = curve(np.linspace(0.8, 1, 20), np.ones(20, bool), np.linspace(-0.2, 0.5, 30))
    dot = where(identification_chart(rates, threshold), WRONG)
    assert (dot[0] > 90).sum() > 10
