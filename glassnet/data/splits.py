"""Which photos of each person are held out, where the folder does not say: by their names, in blocks, or at random.

Functions of (person, file name) pairs alone; they return bool (N,), true for what is held out.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Photo: TypeAlias = tuple[str, str]
"""The person and the name of the file."""

TEST_SHARE = 0.2


def by_name(photos: Sequence[Photo]) -> NDArray[np.bool_]:
    """A fifth of each person's photos: those with the smallest hashes of person and name.

    At least one photo stays on either side, except of a person who has only one, which is learned from.
    """
    is_held_out = np.zeros(len(photos), np.bool_)
    for places in _by_person(photos).values():
        ordered = sorted(places, key=lambda place: _number("/".join(photos[place])))
        is_held_out[ordered[: _num_test(places)]] = True
    return is_held_out


def by_block(photos: Sequence[Photo], seed: int = 0) -> NDArray[np.bool_]:
    """A fifth of each person's photos in one piece: neighbors by the numbers in their names go together.

    Photos of one event have neighboring numbers, so that of most events held out no photo is learned from. Where the
    piece lies depends on the seed and the person. There are as many as in `by_name`.
    """
    is_held_out = np.zeros(len(photos), np.bool_)
    for person, places in _by_person(photos).items():
        ordered = sorted(places, key=lambda place: _natural(photos[place][1]))
        num = _num_test(places)
        first = _number(f"{seed} {person}") % (len(ordered) - num + 1)
        is_held_out[ordered[first : first + num]] = True
    return is_held_out


def per_person(photos: Sequence[Photo], num_training: int, seed: int = 0) -> NDArray[np.bool_]:
    """All but ``num_training`` photos of each person, drawn at random; who has no more than these is not tested."""
    is_held_out = np.ones(len(photos), np.bool_)
    numbers = np.random.default_rng(seed)
    for _, places in sorted(_by_person(photos).items()):
        is_held_out[numbers.permutation(sorted(places, key=lambda place: photos[place][1]))[:num_training]] = False
    return is_held_out


def _num_test(places: Sequence[int]) -> int:
    return min(max(1, round(TEST_SHARE * len(places))), len(places) - 1)


def _by_person(photos: Sequence[Photo]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, (person, _) in enumerate(photos):
        places[person].append(place)
    return places


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts 9.jpg before 10.jpg."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
