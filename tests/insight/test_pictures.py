"""Arrays as tiles, the pages of the layers, and the weights over time."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.insight.charts import Line
from glassnet.insight.layers import Layer, Signal
from glassnet.insight.pictures import layer_pages, weights_over_time
from glassnet.insight.tiles import BETWEEN, Tiles, signal_tiles, weight_tiles

ROOM = (400, 240)
BLACK, GRAY, WHITE = (0, 0, 0), (128, 128, 128), (255, 255, 255)
NUMBERS = np.random.default_rng(0)


def colors(tiles: Tiles) -> Array:
    return np.asarray(tiles.picture)


def test_a_filter_of_one_channel() -> None:
    """From black to white, with 0 gray, twelve pixels a number."""
    tiles = weight_tiles(np.array([[[[-2.0, 0.0], [1.0, 2.0]]]]), None, ROOM)
    pixels = colors(tiles)
    assert tiles.limit == 2.0
    assert tuple(pixels[0, 0]) == BETWEEN
    assert [tuple(pixels[y, x]) for y, x in ((6, 6), (6, 18), (18, 6), (18, 18))] == [BLACK, GRAY, (191,) * 3, WHITE]


def test_a_filter_of_three_channels_is_in_color() -> None:
    kernel = np.zeros((2, 3, 5, 5))
    kernel[0, 0] = kernel[1, 2] = 1.0
    pixels = colors(weight_tiles(kernel, None, ROOM))
    assert tuple(pixels[30, 30]) == (255, 128, 128)
    assert tuple(pixels[30, 90]) == (128, 128, 255)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_other_filters_are_a_table(size: int) -> None:
    """A row for each output: the one tile that is not 0 stands where its numbers say."""
    kernel = np.zeros((4, 6, size, size))
    kernel[1, 5] = 1.0
    tiles = weight_tiles(kernel, None, ROOM)
    pixels = colors(tiles)[:-1, :-1, 0]
    pitch = len(pixels) // 4
    assert (pixels == 255).sum() == (pitch - 1) ** 2
    middles = pixels[pitch // 2 :: pitch, pitch // 2 :: pitch]
    assert np.argwhere(middles == 255).tolist() == [[1, 5]]
    assert (middles == 128).sum() == 23
    assert tiles.note == "a row for each output, a column for each input"


def test_what_does_not_fit_is_cut_off_and_said() -> None:
    tiles = weight_tiles(NUMBERS.standard_normal((256, 128, 3, 3)), None, ROOM)
    assert tiles.note == "23 of 256 outputs (rows), 39 of 128 inputs"
    tiles = weight_tiles(NUMBERS.standard_normal((300, 500)), None, ROOM)
    assert tiles.note == "238 of 300 rows, 398 of 500 columns"
    tiles = signal_tiles(NUMBERS.standard_normal((1, 512, 40, 40)), ROOM)
    assert tiles.note == "first 45 of 512 channels"
    assert signal_tiles(NUMBERS.standard_normal((1, 16, 4, 4)), ROOM).note == ""


@pytest.mark.parametrize(
    "shape", [(3,), (256,), (10, 1), (1, 4096), (5, 7), (16, 8, 1, 1), (1, 48, 14, 14), (2, 3, 1, 1), (8, 1, 7, 7)]
)
def test_weights_of_any_shape_fit(shape: tuple[int, ...]) -> None:
    picture = weight_tiles(NUMBERS.standard_normal(shape), None, ROOM).picture
    assert picture.width <= ROOM[0]
    assert picture.height <= ROOM[1]


@pytest.mark.parametrize("shape", [(1, 3), (1, 5000), (64, 49), (1, 3, 32, 32), (1, 64, 1, 1), (1, 2, 300, 300)])
def test_activations_of_any_shape(shape: tuple[int, ...]) -> None:
    assert signal_tiles(NUMBERS.standard_normal(shape), ROOM).picture.width <= max(ROOM[0], shape[-1] + 2)


def test_a_matrix_whose_input_is_an_image() -> None:
    """(2, 12): a row of three tiles 2 x 2 for each output."""
    matrix = np.zeros((2, 20))
    matrix[1, 16:] = 1.0  # the last channel
    pixels = colors(weight_tiles(matrix, (5, 2, 2), ROOM))[..., 0]
    assert pixels[37, 4 * 25 + 12] == 255
    assert (pixels[12, 4 * 25 + 12], pixels[37, 12]) == (128, 128)
    flat = colors(weight_tiles(matrix, None, ROOM))
    assert flat.shape[:2] == (2 * 12 + 2, 20 * 12 + 2)


def test_a_point_that_sticks_out_does_not_hide_the_others() -> None:
    values = np.append(NUMBERS.uniform(-1, 1, 999), 100.0)
    assert 0.9 < weight_tiles(values, None, ROOM).limit < 1.1


def test_only_zeros_are_gray() -> None:
    tiles = signal_tiles(np.zeros((1, 4, 3, 3)), ROOM)
    assert tiles.limit == 0.0
    assert tuple(colors(tiles)[5, 5]) == GRAY


def a_layer(name: str, num_out: int = 4) -> Layer:
    weight, out = NUMBERS.standard_normal((num_out, 3, 3, 3)), NUMBERS.standard_normal((1, num_out, 8, 8))
    held = [Signal("weight", weight, weight), Signal("mean", np.ones(3), None)]
    return Layer(name, "linear", held, [Signal("out", out, out)], None)


def test_pages_hold_a_few_layers_each() -> None:
    image = NUMBERS.integers(0, 256, (3, 32, 32), np.uint8)
    assert len(layer_pages([a_layer("a")] * 8, "t", image, "says")) == 1
    pages = layer_pages([a_layer("a")] * 9, "t", image, "says")
    assert len(pages) == 2
    assert pages[0].height - pages[1].height < 400  # 5 and 4, not 8 and 1


def test_the_last_layer_answers_by_name() -> None:
    answers = np.array([[1.0, -1.0, 0.0]])
    layer = Layer("linear", "linear", a_layer("a").held, [Signal("out", answers, answers)], None)
    image = np.zeros((1, 28, 28), np.uint8)
    (plain,), (named,) = (layer_pages([layer], "t", image, "s", names) for names in ((), ("cat", "dog", "ש")))
    assert named.height >= plain.height
    row = np.asarray(named)[:, 860 + 5]
    assert {WHITE, BLACK, GRAY} <= {tuple(pixel) for pixel in row.tolist()}


def test_weights_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wider with every step; the share of all is 100 %, less what is beyond."""
    drawn: list[Line] = []
    said: dict[str, object] = {}

    def chart(lines: list[Line], **how: object) -> None:
        drawn.extend(lines)
        said.update(how)

    monkeypatch.setattr("glassnet.insight.pictures.line_chart", chart)
    moments = {step: {"w": NUMBERS.normal(0, 1 + step, (100, 50))} for step in range(30)}
    weights_over_time(moments, "title")
    assert [line.name for line in drawn][::9] == ["step 29", "random (step 0)"]
    assert len(drawn) == 10
    totals = [float(np.sum(line.y)) for line in drawn]
    assert totals[0] == pytest.approx(99.5, abs=0.05)
    assert totals[1:] == pytest.approx([100.0] * 9, abs=0.5)
    assert np.ptp(drawn[-1].x) < np.ptp(drawn[0].x) / 5
    assert said["y_label"] == "share of all weights in each of 81 equal ranges, %; not shown: up to 0.5 % beyond"


def test_weights_that_never_change() -> None:
    assert weights_over_time({0: {"w": np.zeros(10)}}, "title").size == (1000, 600)
