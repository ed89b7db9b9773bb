"""Strokes to pixels: where the ink goes, how much of it, and that Google's bitmaps come out."""

from pathlib import Path

import numpy as np
import pytest

from glassnet.data.raster import PEN, SCALE, Drawing, rasterize
from glassnet.data.strokes import read_drawings

SQUARE = [np.array([[0, 0], [255, 0], [255, 255], [0, 255], [0, 0]], float)]


def test_a_level_line_is_drawn_in_the_middle_with_the_width_of_the_pen() -> None:
    image = rasterize([[np.array([[0.0, 0.0], [255.0, 0.0]])]])[0] / 255
    column = image[:, 14]
    assert column.sum() == pytest.approx(PEN * SCALE, abs=0.01)
    assert (column[13:15] == column[13]).all()
    assert np.flatnonzero(column).tolist() == [13, 14]
    assert np.flatnonzero(image.any(axis=0)).tolist() == list(range(1, 27))


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 13))
def test_ink_is_length_times_width_at_any_slope(angle: float) -> None:
    end = 200 * np.array([np.cos(angle), np.sin(angle)])
    ink = rasterize([[np.stack([-end / 2, end / 2]) + 127.5]]).sum() / 255
    width = PEN * SCALE
    assert ink == pytest.approx(200 * SCALE * width + np.pi * width**2 / 4, rel=0.02)


def test_a_dot_is_a_disk_in_the_middle() -> None:
    image = rasterize([[np.array([[40.0, 90.0]])]])[0] / 255
    assert image.sum() == pytest.approx(np.pi * (PEN * SCALE / 2) ** 2, rel=0.05)
    assert np.flatnonzero(image.any(axis=0)).tolist() == [13, 14]


def test_a_symmetric_drawing_stays_symmetric_and_off_the_border() -> None:
    image = rasterize([SQUARE])[0]
    for turned in (image.T, image[::-1], image[:, ::-1]):
        assert np.abs(image.astype(int) - turned).max() <= 1
    assert image[1:-1, 1:-1].sum() == image.sum()
    assert image[14, 14] == 0
    assert image[2].max() > 100


def test_a_second_stroke_over_the_first_darkens_only_its_edges() -> None:
    once, twice = rasterize([SQUARE, SQUARE * 2]).astype(int)
    assert (twice >= once).all()
    edge = (once > 50) & (once < 200)
    assert np.abs(twice[edge] / 255 - (1 - (1 - once[edge] / 255) ** 2)).max() < 0.01
    assert ((once > 0) == (twice > 0)).all()


def test_pens_are_per_drawing_and_wider_ones_leave_more_ink() -> None:
    images = rasterize([SQUARE] * 3, [12.0, 16.0, 19.0]).sum(axis=(1, 2))
    assert images[0] < images[1] < images[2]


def test_each_drawing_is_drawn_as_if_alone() -> None:
    generator = np.random.default_rng(0)
    drawings: list[Drawing] = [
        [generator.uniform(0, 255, (length, 2)) for length in generator.integers(1, 9, 3)] for _ in range(300)
    ]
    together = rasterize(drawings)
    for index in (0, 255, 256, 299):
        assert (together[index] == rasterize([drawings[index]])[0]).all()


def test_nothing_gives_nothing() -> None:
    assert rasterize([]).shape == (0, 28, 28)


def test_the_bitmaps_of_google_come_out(real_houses: Path) -> None:
    """The 37 raw drawings are rows 0..36 of the bitmaps: same simplification, same pen, same place."""
    raw = read_drawings(real_houses / "quickdraw_house_raw_sample.ndjson")
    rows = np.load(real_houses / "quickdraw_house_rows_0_3498.npy")[: len(raw)].reshape(-1, 28, 28)
    ours, theirs = rasterize(raw).astype(float), rows.astype(float)
    inked = (ours > 0) | (theirs > 0)
    assert len(raw) == 37
    assert np.abs(ours - theirs)[inked].mean() < 2.5
    assert np.abs(ours - theirs).max() < 40
    assert np.corrcoef(ours[inked], theirs[inked])[0, 1] > 0.999
    assert abs((ours - theirs)[inked].mean()) < 0.5
