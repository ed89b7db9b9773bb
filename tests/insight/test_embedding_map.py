"""The map of embeddings, judged by its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from glassnet.insight.embedding_map import embedding_map

STRANGER = (190, 190, 190)


def mapped(labels: list[int], names: dict[int, str] | None = None, brightness: int = 77) -> Image.Image:
    """Photos of one brightness each, the embeddings of a person near each other."""
    numbers = np.array(labels)
    generator = np.random.default_rng(0)
    centers = generator.normal(size=(numbers.max() + 2, 16))
    embeddings = centers[numbers] + 0.1 * generator.normal(size=(len(numbers), 16))
    thumbnails = np.full((len(numbers), 1, 80, 64), brightness, np.uint8)
    return embedding_map(embeddings, numbers, names or {i: f"person {i}" for i in numbers.tolist()}, thumbnails)


def count(picture: Image.Image, color: tuple[int, int, int]) -> int:
    return int((np.asarray(picture) == color).all(axis=2).sum())


@pytest.mark.parametrize("num_persons", [1, 2, 12, 40])
def test_every_person_has_a_face(num_persons: int) -> None:
    picture = mapped(list(range(num_persons)) * 4)
    assert count(picture, (77, 77, 77)) >= num_persons * 40 * 50
    assert count(picture, STRANGER) < 20, "edges of letters only"


@pytest.mark.slow
def test_many_persons_of_one_photo_each() -> None:
    faces = count(mapped(list(range(1000))), (77, 77, 77)) / (40 * 50)
    assert 100 < faces < 1000
    assert faces == pytest.approx(round(faces), abs=0.2), "no face covers another"


def test_strangers_are_gray_and_nameless() -> None:
    known, mixed = mapped([0, 1] * 10), mapped([0, 1] * 10 + [-1] * 30)
    assert count(known, STRANGER) < 20
    assert count(mixed, STRANGER) > 30 * 20
    assert count(mixed, (77, 77, 77)) == pytest.approx(2 * 40 * 50, abs=200)
    assert count(mapped([-1] * 10), STRANGER) > 10 * 20


def test_faces_lie_beside_their_dots() -> None:
    """The dots of a person have the color of the frame around the face, and nobody else's."""
    picture = np.asarray(mapped([0] * 8 + [1] * 8)).astype(int)
    red = picture[:, :, 0] > picture[:, :, 2] + 60
    blue = picture[:, :, 2] > picture[:, :, 0] + 60
    for color, other in ((red, blue), (blue, red)):
        columns = np.nonzero(color.any(axis=0))[0]
        assert np.ptp(columns) < 600
        assert not (other[:, columns.min() : columns.max() + 1]).any()


def test_faces_do_not_cover_dots() -> None:
    """The red of the first person is in a frame of 2 pixels around the face and, beside it, in one dot."""
    frame = 44 * 54 - 40 * 50
    assert count(mapped([0, 1]), (217, 33, 33)) > frame + 40


def test_strangers_do_not_cover_the_known() -> None:
    labels = np.array([0, 0, 0, -1, -1, -1])
    picture = embedding_map(np.ones((6, 4)), labels, {0: "Ada"}, np.zeros((6, 1, 80, 64), np.uint8))
    assert count(picture, STRANGER) < 20, "all lie at one place"


@pytest.mark.parametrize(
    "name", ["x" * 100, "סבתא", "B\N{LATIN SMALL LETTER A WITH DIAERESIS}r", "a\nb", " ", "\udce9"]
)
def test_any_name(name: str) -> None:
    picture = mapped([0, 1, 0, 1], {0: name, 1: name})
    edge = np.asarray(picture)
    for side in (edge[:8], edge[-8:], edge[:, -8:], edge[:, :8]):
        assert side.min() == 255, "something touches the edge"


@pytest.mark.slow
def test_photos_of_everybody_are_shown() -> None:
    """One person has a thousand photos, the other one three."""
    picture = mapped([0] * 1000 + [1] * 3)
    assert count(picture, (77, 77, 77)) >= 2 * 40 * 50
