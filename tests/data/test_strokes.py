"""Stroke files: both formats, Google's simplification, and every way in which a file can be broken."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.data import strokes
from glassnet.data.normal import normalize, simplify
from glassnet.data.strokes import read_drawings
from glassnet.errors import DataError

GOOD = '{"drawing": [[[0, 255], [0, 100]], [[7], [8]]]}'


def line(*strokes: Any) -> str:
    return json.dumps({"word": "house", "drawing": list(strokes)})


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "my.ndjson"
    path.write_text("\n".join(lines))
    return path


def test_simplified_strokes_are_taken_as_they_are(tmp_path: Path) -> None:
    (first, second), _ = read_drawings(write(tmp_path, GOOD, "", GOOD, ""))
    assert first.tolist() == [[0, 0], [255, 100]]
    assert second.tolist() == [[7, 8]]


def test_raw_strokes_are_aligned_scaled_and_thinned(tmp_path: Path) -> None:
    raw = line([[100, 150, 200], [50, 50, 50], [0, 1, 2]], [[200, 200], [50, 40.5], [3, 4]])
    (drawing,) = read_drawings(write(tmp_path, raw))
    assert [stroke.tolist() for stroke in drawing] == [[[0, 24], [255, 24]], [[255, 24], [255, 0]]]


def test_limit_stops_reading_early(tmp_path: Path) -> None:
    assert len(read_drawings(write(tmp_path, GOOD, GOOD, "broken"), limit=2)) == 2


def test_simplify_keeps_corners_and_leaves_out_tremor() -> None:
    shaky = np.array([[0, 0], [50, 1.5], [100, 0], [100.5, 60], [100, 100]], float)
    assert simplify(shaky, 2.0).tolist() == [[0, 0], [100, 0], [100, 100]]
    closed = np.array([[0, 0], [10, 0], [10, 10], [0, 0]], float)
    assert simplify(closed, 2.0).tolist() == closed.tolist()


def test_a_single_dot_is_a_drawing() -> None:
    assert [stroke.tolist() for stroke in normalize([np.array([[812.0, 33.0]])])] == [[[0, 0]]]


@pytest.mark.parametrize(
    ("bad", "expected", "got"),
    [
        ('{"drawing": [[[0, 1', "expected JSON", "breaks off"),
        ("hello", "expected JSON", "breaks"),
        ("[" * 100_000, "expected JSON", "breaks"),
        ("[1, 2]", 'a list named "drawing"', "got a list"),
        ("null", 'a list named "drawing"', "got null"),
        ('{"word": "house"}', 'a list named "drawing"', "got an object"),
        ('{"drawing": 3}', 'a list named "drawing"', "got an object"),
        (line(), "at least one stroke", "got a blank drawing"),
        (line([[], []]), "at least one point", "lengths 0 and 0"),
        (line([[1, 2], [1]]), "lists of one length", "lengths 2 and 1"),
        (line([[1, 2], [1, 2], [5]]), "lists of one length", "lengths 2 and 2 and 1"),
        (line([[1, 2], [1, 2], 5]), "lists of one length", "lengths 2 and 2 and 0"),
        (line([[1, 2]]), "strokes of the form", "another form"),
        (line("abc"), "strokes of the form", "another form"),
        (line([["1"], ["2"]]), "lists of numbers", "something else"),
        (line([[True], [1]]), "lists of numbers", "something else"),
        (line([[1, 2], 3]), "lists of numbers", "something else"),
        (line([[float("nan")], [1]]), "finite coordinates", "got nan"),
        (line([[float("inf")], [1], [0]]), "finite coordinates", "got inf"),
        (line([[1e9, 0], [1, 1], [0, 1]]), "within ±100,000", "got 1e+09"),
        (line([[10**400], [1]]), "within ±100,000", "far larger integer"),
        (line([[0, 1213], [0, 9]]), "coordinates from 0 to 255", "got 0 to 1213"),
        (line([[-3, 20], [0, 9]]), "coordinates from 0 to 255", "got -3 to 20"),
        (line(*[[[1], [1]]] * 501), "at most 500 strokes", "got 501"),
        (line([[0, 255] * 100, [0, 255] * 100]), "lines no longer than 30,000", "got 71,7"),
        (line([[0, 900] * 100, [0, 900] * 100, [0, 1] * 100]), "lines no longer than 30,000", "got 71,7"),
    ],
)
def test_a_broken_line_is_refused_by_its_number(tmp_path: Path, bad: str, expected: str, got: str) -> None:
    with pytest.raises(DataError) as refused:
        read_drawings(write(tmp_path, GOOD, "", bad))
    message = str(refused.value)
    assert "my.ndjson, line 3;" in message
    assert expected in message
    assert got in message
    assert message.endswith("To fix: correct or delete it")
    assert "\n" not in message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.ndjson"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    with pytest.raises(DataError, match=r"expected JSON in .*line 1; got"):
        read_drawings(path)


@pytest.mark.parametrize("text", ["", "\n\n  \n"])
def test_a_file_without_lines_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"expected one drawing per line in .*; got no lines\. To fix: "):
        read_drawings(write(tmp_path, text))


def test_too_many_lines_and_endless_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strokes, "MAX_DRAWINGS", 2)
    with pytest.raises(DataError, match=r"expected at most 2 drawings in .*; got more lines than that"):
        read_drawings(write(tmp_path, GOOD, GOOD, GOOD))
    path = tmp_path / "endless.ndjson"
    path.write_bytes(b" " * (4 * 2**20 + 1))
    with pytest.raises(DataError, match=r"expected a line under 4 MiB in .*line 1; got a longer one"):
        read_drawings(path)
