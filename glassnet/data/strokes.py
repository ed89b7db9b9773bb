"""Stroke files in the two ndjson formats of Quick, Draw!: one drawing per line, checked, made ready to draw.

Formats: https://github.com/googlecreativelab/quickdraw-dataset. Raw strokes are [x[], y[], t[]] in the units
of somebody's screen; simplified ones are [x[], y[]] from 0 to 255.
"""

import json
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np

from glassnet.data.normal import LARGEST, fit, normalize, travelled
from glassnet.data.raster import Drawing, Stroke
from glassnet.errors import DataError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

# Far above what anyone draws: the limits keep the time and memory that one line can take within bounds.
MAX_DRAWINGS = 500_000
MAX_STROKES = 500
MAX_LENGTH = 30_000.0
MAX_COORDINATE = 100_000.0
MAX_LINE_BYTES = 4 * 2**20


def read_drawings(path: Path, limit: int | None = None) -> list[Drawing]:
    """Read the drawings of an ndjson file, at most `limit` of them, each with coordinates from 0 to 255."""
    with closing(_lines(path)) as lines:
        drawings = [_drawing(line, f"{path}, line {number}") for number, line in islice(lines, limit)]
    if not drawings:
        raise DataError(
            f"expected one drawing per line in {path}; got no lines. To fix: copy or download the file again"
        )
    return drawings


def _lines(path: Path) -> Generator[tuple[int, bytes]]:
    """The lines that hold something, numbered from 1 as editors do."""
    count = 0
    with path.open("rb") as file:
        # A bounded readline: a file of another kind may be one endless line.
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), start=1):
            if len(line) > MAX_LINE_BYTES:
                raise _refusal(f"{path}, line {number}", "a line under 4 MiB", "a longer one")
            if line.strip():
                count += 1
                if count > MAX_DRAWINGS:
                    raise _refusal(str(path), f"at most {MAX_DRAWINGS:,} drawings", "more lines than that")
                yield number, line


def _refusal(where: str, expected: str, got: str) -> DataError:
    return DataError(f"expected {expected} in {where}; got {got}. To fix: correct or delete it")


def _drawing(line: bytes, where: str) -> Drawing:
    """One line to strokes; raw ones are normalized, simplified ones are so already."""
    strokes = _strokes(line, where)
    arrays = [_stroke(stroke, where) for stroke in strokes]
    is_raw = any(len(stroke) == 3 for stroke in strokes)
    drawing = fit(arrays) if is_raw else arrays
    low, high = min(float(a.min()) for a in arrays), max(float(a.max()) for a in arrays)
    if not is_raw and (low < 0 or high > LARGEST):
        got = f"{low:g} to {high:g}"
        raise _refusal(where, "coordinates from 0 to 255, or times as the third list of a stroke", got)
    length = sum(float(travelled(stroke)[-1]) for stroke in drawing)
    if length > MAX_LENGTH:
        raise _refusal(where, f"lines no longer than {MAX_LENGTH:,.0f} in all", f"{length:,.0f}")
    return normalize(drawing) if is_raw else drawing


def _strokes(line: bytes, where: str) -> list[list[Json]]:
    """The strokes of a line: a list of lists, of which each has two or three members."""
    try:
        record: Json = json.loads(line)
    # ValueError is also text that is no UTF-8; RecursionError is a thousand brackets.
    except (ValueError, RecursionError) as error:
        raise _refusal(where, "JSON", f"text that breaks off or breaks its rules ({error})") from error
    drawing = record.get("drawing") if isinstance(record, dict) else None
    if not isinstance(drawing, list):
        raise _refusal(where, 'an object with a list named "drawing"', _kind(record))
    if not drawing:
        raise _refusal(where, "at least one stroke", "a blank drawing")
    strokes = [stroke for stroke in drawing if isinstance(stroke, list) and len(stroke) in (2, 3)]
    if len(drawing) > MAX_STROKES:
        raise _refusal(where, f"at most {MAX_STROKES} strokes", f"{len(drawing):,}")
    if len(strokes) < len(drawing):
        raise _refusal(where, "strokes of the form [x[], y[]] or [x[], y[], t[]]", "a stroke of another form")
    return strokes


def _stroke(stroke: list[Json], where: str) -> Stroke:
    """The points of one stroke, (points, 2); times are left out."""
    x, y = _numbers(stroke[0], where), _numbers(stroke[1], where)
    times = stroke[2] if len(stroke) == 3 else x
    lengths = [len(x), len(y), len(times) if isinstance(times, list) else 0]
    if min(lengths) < 1 or min(lengths) < max(lengths):
        got = " and ".join(map(str, lengths[: len(stroke)]))
        raise _refusal(where, "strokes with at least one point and lists of one length", f"lengths {got}")
    return np.column_stack([x, y])


def _numbers(values: Json, where: str) -> list[float]:
    # bool is an int to Python, so the type itself is asked for; NaN and Infinity are JSON to Python.
    if not isinstance(values, list) or any(type(value) not in (int, float) for value in values):
        raise _refusal(where, "lists of numbers in a stroke", "something else")
    numbers = [value for value in values if isinstance(value, int | float)]
    strange = next((n for n in numbers if not -MAX_COORDINATE <= n <= MAX_COORDINATE), None)
    if strange is not None:
        got = f"{strange:g}" if isinstance(strange, float) else "a far larger integer"
        raise _refusal(where, f"finite coordinates within ±{MAX_COORDINATE:,.0f}", got)
    return [float(number) for number in numbers]


def _kind(value: Json) -> str:
    names = {dict: 'an object without such a "drawing"', list: "a list", str: "a string", type(None): "null"}
    return names.get(type(value), "a number")
