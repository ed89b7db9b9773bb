"""Charts, judged by their pixels: where a line passes, how long a bar is, and that nothing is cut off."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from glassnet.errors import DataError, ShapeError
from glassnet.insight.charts import COLORS, Bar, Line, bar_chart, line_chart

FRAME = (150, 150, 150)
BLUE, RED = COLORS[:2]


def chart(*lines: Line, **options: object) -> Image.Image:
    return line_chart(lines, title="A title", x_label="what is given", y_label="what is measured", **options)


def where(picture: Image.Image, color: tuple[int, int, int]) -> np.ndarray:
    """Columns and rows (N, 2) of the pixels that have exactly this color."""
    return np.argwhere((np.asarray(picture) == color).all(axis=2))[:, ::-1]


def frame(picture: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the axes."""
    is_frame = (np.asarray(picture) == FRAME).all(axis=2)  # some pixels of letters are so too
    left, bottom = int(is_frame.sum(axis=0).argmax()), int(is_frame.sum(axis=1).argmax())
    return left, int(is_frame[:, left].argmax()), int(np.flatnonzero(is_frame[bottom]).max()), bottom


def assert_no_edge(picture: Image.Image) -> None:
    pixels = np.asarray(picture)
    for side in (pixels[:6], pixels[-6:], pixels[:, :6], pixels[:, -6:]):
        assert side.min() == 255, "something touches the edge"


@pytest.mark.parametrize(
    ("x", "y", "scale"),
    [
        ([0, 10], [0, 10], "linear"),
        (np.linspace(0, 10, 2000), np.linspace(0, 10, 2000), "linear"),
        ([1, 3, 10, 1000], [1, 9, 100, 1_000_000], "log"),
    ],
)
def test_a_straight_line_goes_from_corner_to_corner(x: list[float], y: list[float], scale: str) -> None:
    """A power law is one on log scales."""
    picture = chart(Line("a", x, y), x_scale=scale, y_scale=scale)
    left, top, right, bottom = frame(picture)
    columns, rows = where(picture, BLUE).T
    expected = bottom + (columns - left) * (top - bottom) / (right - left)
    assert abs(rows - expected).max() < 2
    assert np.diff(np.unique(columns)).max() <= 4, "expected no gap, though edges are mixed with white"
    assert (columns.min() - left, right - columns.max()) == pytest.approx((0, 0), abs=3)


def test_values_lie_where_the_axes_say() -> None:
    """A level line at a tick hides the line of the grid there."""
    picture = chart(Line("a", [0, 10], [4, 4]), Line("b", [0, 10], [0, 10]))
    _, top, _, bottom = frame(picture)
    rows = where(picture, BLUE)[:, 1]
    rows = rows[rows > top]  # below the legend
    assert rows.mean() == pytest.approx(bottom + 0.4 * (top - bottom), abs=1)


def test_the_middle_of_a_log_scale() -> None:
    picture = chart(Line("a", [1, 100], [1, 100]), Line("b", [10], [10]), x_scale="log", y_scale="log")
    left, top, right, bottom = frame(picture)
    dot = where(picture, RED)
    dot = dot[dot[:, 1] > top]
    np.testing.assert_allclose(dot.mean(axis=0), [(left + right) / 2, (top + bottom) / 2], atol=1)


def test_dots_are_at_every_point() -> None:
    points = [1, 2, 4, 7]
    plain, dotted = (chart(Line("a", points, points, has_dots=has)) for has in (False, True))
    left, top, right, bottom = frame(plain)
    added = (np.asarray(plain) != np.asarray(dotted)).any(axis=2)
    for point in points:
        column = round(left + (point - 1) / 6 * (right - left))
        row = round(bottom + (point - 1) / 6 * (top - bottom))
        assert added[row - 3 : row + 4, column - 3 : column + 4].sum() >= 8
        added[row - 5 : row + 6, column - 5 : column + 6] = False
    assert not added.any()


def test_the_first_line_is_on_top() -> None:
    picture = chart(Line("a", [0, 1], [0, 1]), Line("b", [0, 1], [0, 1]))
    top = frame(picture)[1]
    assert (where(picture, RED)[:, 1] < top).all(), "only in the legend"
    assert (where(picture, BLUE)[:, 1] > top).any()


def test_a_legend_where_there_are_several() -> None:
    lines = [Line(f"number {i}", [0, 1], [i, i]) for i in range(len(COLORS))]
    picture = chart(*lines)
    top = frame(picture)[1]
    for color in COLORS:
        rows = where(picture, color)[:, 1]
        assert (rows < top).any(), "expected a swatch"
        assert (rows > top).any(), "expected a line"
    alone = chart(lines[0])
    assert (where(alone, BLUE)[:, 1] > frame(alone)[1]).all()


def test_a_color_of_ones_own() -> None:
    assert len(where(chart(Line("a", [0, 1], [0, 1], color=(1, 200, 3))), (1, 200, 3))) > 100


@pytest.mark.parametrize("name", ["x" * 200, "סבתא", "B\N{LATIN SMALL LETTER A WITH DIAERESIS}r", "a\nb", ""])
def test_any_name(name: str) -> None:
    lines = [Line(name, [0, 1e7], [-1e-7, 1e-7]), Line("b", [3], [0])]
    assert_no_edge(chart(*lines, width_px=500, height_px=400))
    assert_no_edge(line_chart(lines, title="t" * 300, x_label="x" * 200, y_label="y" * 200))
    assert_no_edge(bar_chart([Bar(name, 1.0, "1"), Bar("b", 0.0, "x" * 500)], title="t" * 300, value_label="v" * 200))


@pytest.mark.parametrize("size", [(400, 300), (800, 500), (1200, 400)])
def test_any_size(size: tuple[int, int]) -> None:
    picture = chart(Line("a", [0, 1], [0, 1]), width_px=size[0], height_px=size[1])
    assert picture.size == size
    left, top, right, bottom = frame(picture)
    assert right - left > 0.75 * size[0]
    assert bottom - top > size[1] - 160


def test_bars_are_as_long_as_their_values() -> None:
    picture = bar_chart(
        [Bar("a", 100, "100"), Bar("b", 50, "50", is_pale=True), Bar("c", 25, "25"), Bar("d", 0, "0")],
        title="A title",
        value_label="per second",
    )
    assert_no_edge(picture)
    rows = [np.flatnonzero((np.asarray(picture) == color).all(axis=2).any(axis=1)) for color in (BLUE, (178, 188, 196))]
    blue = (np.asarray(picture) == BLUE).all(axis=2).sum(axis=1)
    longest, quarter = blue[rows[0][0]], blue[rows[0][30]]
    assert quarter == pytest.approx(longest / 4, abs=2)
    pale = (np.asarray(picture) == (178, 188, 196)).all(axis=2).sum(axis=1)
    assert pale.max() == pytest.approx(longest / 2, abs=2)
    assert rows[0][0] < rows[1][0] < rows[0][-1], "in the order they were given"


def test_bars_of_nothing() -> None:
    assert_no_edge(bar_chart([Bar("a", 0.0, "0")], title="t", value_label="v"))


def test_wrong_input_is_explained() -> None:
    good = Line("a", [1, 2], [1, 2])
    with pytest.raises(DataError, match=r"expected 1 to 10 lines; got 0\. To fix"):
        chart()
    with pytest.raises(DataError, match=r"expected 1 to 10 lines; got 11\. To fix"):
        chart(*[good] * 11)
    for x, y in (([1], [1, 2]), ([], []), ([[1.0]], [[1.0]])):
        with pytest.raises(ShapeError, match=r"expected x and y \(N,\) of 'a', N > 0; got"):
            chart(Line("a", x, y))
    with pytest.raises(DataError, match=r"expected y of 'a' finite; got nan\. To fix"):
        chart(Line("a", [1, 2], [1, np.nan]))
    with pytest.raises(DataError, match=r"expected x of 'a' above 0, for a log scale; got 0\.0\. To fix"):
        chart(Line("a", [1, 0], [1, 1]), x_scale="log")
    for value in (-1.0, np.inf, np.nan):
        with pytest.raises(DataError, match="expected at least one bar and values from 0 on; got"):
            bar_chart([Bar("a", value, "")], title="t", value_label="v")
    with pytest.raises(DataError, match="expected at least one bar"):
        bar_chart([], title="t", value_label="v")
