"""Strokes of any size made alike, as in Google's simplified drawings: same corner, same size, few points."""

import math

import numpy as np
from numpy.typing import NDArray

from glassnet.data.raster import Drawing, Stroke

LARGEST = 255.0
TOLERANCE = 2.0


def normalize(drawing: Drawing) -> Drawing:
    """Google's simplification: align to the top left, scale to 255, leave out what a straight line says.

    Checked pixel by pixel against bitmaps of Google's: without the resampling the corners land elsewhere.
    """
    return [np.rint(simplify(resample(stroke), TOLERANCE)) for stroke in fit(drawing)]


def fit(drawing: Drawing) -> Drawing:
    """Align to the top left and scale evenly, so that the larger side goes from 0 to 255."""
    points = np.concatenate(list(drawing))
    low = points.min(axis=0)
    scale = LARGEST / max(float((points - low).max()), math.ulp(1.0))
    return [(stroke - low) * scale for stroke in drawing]


def resample(stroke: Stroke) -> Stroke:
    """Points at distances 0, 1, 2, … along the stroke, and its last one."""
    way = travelled(stroke)
    stations = np.append(np.arange(0.0, way[-1]), way[-1])
    return np.column_stack([np.interp(stations, way, column) for column in stroke.T])


def travelled(stroke: Stroke) -> NDArray[np.float64]:
    """How far the pen has come at each point, from 0 at the first: (points,)."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])


def simplify(stroke: Stroke, tolerance: float) -> Stroke:
    """Ramer, Douglas and Peucker: keep the ends and, while it is further off than that, the furthest point."""
    kept = np.zeros(len(stroke), dtype=bool)
    kept[[0, -1]] = True
    spans = [(0, len(stroke) - 1)]
    while spans:
        first, last = spans.pop()
        away = _distance_to_chord(stroke[first : last + 1])
        furthest = int(away.argmax())
        if away[furthest] > tolerance:
            kept[first + furthest] = True
            spans += [(first, first + furthest), (first + furthest, last)]
    return stroke[kept]


def _distance_to_chord(points: Stroke) -> NDArray[np.float64]:
    chord, arms = points[-1] - points[0], points - points[0]
    length = math.hypot(*chord)
    if length == 0.0:
        away: NDArray[np.float64] = np.hypot(*arms.T)
    else:
        away = np.abs(chord[0] * arms[:, 1] - chord[1] * arms[:, 0]) / length
    return away
