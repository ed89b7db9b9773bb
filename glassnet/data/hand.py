"""A hand that draws: what is meant as a straight line comes out bent, and corners do not quite meet."""

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import TypeAlias

import numpy as np

from glassnet.data.raster import Drawing

Point: TypeAlias = tuple[float, float]

# As parts of the height of a wall, which is about one.
ASTRAY = 0.035
OVERSHOOT = 0.05
BOW = 0.035
TREMOR = 0.008
STEP = 0.3


class Hand:
    """Holds the pencil: each call leaves one more stroke; `care` from 0.4 (tidy) to 1.8 (hasty)."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.care = random.uniform(0.4, 1.8)
        self._strokes: list[list[Point]] = []

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def about(self, value: float, spread: float) -> float:
        return value + self.random.uniform(-spread, spread)

    def line(self, *corners: Point) -> None:
        """From corner to corner without lifting the pencil."""
        self._follow([self._miss(corner, ASTRAY) for corner in corners])

    def box(self, left: float, top: float, right: float, bottom: float, sides: int = 4) -> None:
        """Four sides in one go, past or short of the start; with three sides, open at the bottom."""
        round_trip = [(left, bottom), (left, top), (right, top), (right, bottom)]
        corners = [self._miss(corner, ASTRAY * min(1.0, right - left)) for corner in round_trip]
        if sides == 4:
            corners.append(self._miss(corners[0], OVERSHOOT * min(1.0, right - left)))
        self._follow(corners)

    def circle(self, x: float, y: float, radius: float) -> None:
        """Round about: begins anywhere and goes a little past where it began."""
        start, turn = self.random.uniform(0, math.tau), self.about(math.tau, 0.4)
        squash = self.about(1.0, 0.15)
        angles = [start + turn * k / 9 for k in range(10)]
        self._follow([(x + radius * math.cos(a), y + radius * squash * math.sin(a)) for a in angles])

    def dot(self, x: float, y: float) -> None:
        self._strokes.append([(x, y)])

    def drawing(self) -> Drawing:
        """All strokes so far, seen from the left or the right, the paper held a little askew."""
        side = self.random.choice([-1.0, 1.0])
        slant = [self.about(0.0, 0.06 * self.care) for _ in range(2)]
        askew = np.array([[side, slant[0]], [slant[1], 1.0]])
        return [np.array(stroke) @ askew for stroke in self._strokes]

    def _miss(self, point: Point, by: float) -> Point:
        return self.about(point[0], by * self.care), self.about(point[1], by * self.care)

    def _follow(self, corners: Sequence[Point]) -> None:
        points = [corners[0]]
        for start, end in pairwise(corners):
            points += self._side(start, end)
        self._strokes.append(points)

    def _side(self, start: Point, end: Point) -> list[Point]:
        """The way to the next corner: bowed to one side, trembling, there in the end."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        count = 1 + int(math.hypot(dx, dy) / STEP)
        bow, tremor = self.about(0.0, BOW * self.care), TREMOR * self.care
        points = []
        for k in range(1, count + 1):
            t = k / count
            bend = 4 * t * (1 - t) * bow
            x, y = start[0] + t * dx - bend * dy, start[1] + t * dy + bend * dx
            points.append((self.about(x, tremor), self.about(y, tremor)))
        return points
