"""Photos of persons that do not exist, each made when it is asked for, from the numbers of person and photo alone.

A person is a smooth pattern. A photo of the person has light from some side, one of a few expressions that all persons
share, a small shift, and noise; together they change more pixels than the person does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import File

SHAPE = (1, 40, 32)
_ROWS, _COLUMNS = 9, 7  # waves of a pattern, down and across
_LIGHT, _NUM_EXPRESSIONS = 3, 6
_PERSON, _LIGHTING, _EXPRESSION, _NOISE, _SHIFT = 0.7, 0.5, 0.35, 0.3, 0.02
_EVERYBODY = np.random.default_rng(0).standard_normal((1 + _NUM_EXPRESSIONS, _ROWS, _COLUMNS))


@dataclass(frozen=True)
class Portraits:
    """Photos (N,) in an order, as `glassnet.data.classfolders.Files`; the path of one is its person and its number."""

    persons: NDArray[np.int64]
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.persons)

    def __iter__(self) -> Iterator[File]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice | NDArray[np.int64]) -> Portraits: ...
    def __getitem__(self, index: int | slice | NDArray[np.int64]) -> File | Portraits:
        if isinstance(index, int):
            person, number = str(self.persons[index]), str(self.numbers[index])
            return File(Path(person, number), person, number)
        return Portraits(self.persons[index], self.numbers[index])

    def classes(self) -> tuple[list[str], NDArray[np.int64]]:
        names, class_of = np.unique(self.persons, return_inverse=True)
        return names.astype(str).tolist(), class_of


def portraits(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """The photos, each (1, 40, 32), as a `Stream` wants them decoded."""
    return [portrait(int(path.parent.name), int(path.name)) for path in paths]


def portrait(person: int, number: int) -> NDArray[np.uint8]:
    """(1, 40, 32)"""
    draw = np.random.default_rng((person, number))
    waves = _EVERYBODY[0] + _PERSON * np.random.default_rng(person).standard_normal((_ROWS, _COLUMNS))
    waves = waves + _EXPRESSION * np.tensordot(draw.standard_normal(_NUM_EXPRESSIONS), _EVERYBODY[1:], axes=1)
    waves[:_LIGHT, :_LIGHT] += _LIGHTING * draw.standard_normal((_LIGHT, _LIGHT))
    down, across = draw.normal(0.0, _SHIFT, 2)
    pattern = _waves(SHAPE[1], _ROWS, down) @ waves @ _waves(SHAPE[2], _COLUMNS, across).T
    pattern += _NOISE * draw.standard_normal(pattern.shape)
    return (128.0 + 24.0 * pattern).clip(0, 255).astype(np.uint8)[None]


def _waves(size: int, num: int, shift: float) -> NDArray[np.float64]:
    """(size, num): cosines over the picture, moved by a share of it; fast ones are weaker, as in photos."""
    places = (np.arange(size) + 0.5) / size + shift
    frequencies = np.arange(num)
    return np.cos(np.pi * places[:, None] * frequencies) / (1.0 + 0.3 * frequencies)
