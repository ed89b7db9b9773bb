"""Splits: a fifth of everyone, neighbors together, so many of each; the same again, whatever else there is."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.data.splits import Photo, by_block, by_name, per_person

SIZES = {"Ann": 1, "Bob": 2, "Cem": 7, "Dora": 40}
# Names that sort in another order as text than as numbers.
PHOTOS: list[Photo] = [(person, f"{person}_{i}.jpg") for person, num in SIZES.items() for i in range(1, num + 1)]


def held_out(photos: list[Photo], is_held_out: np.ndarray) -> dict[str, list[str]]:
    return {
        person: [name for (p, name), is_out in zip(photos, is_held_out, strict=True) if p == person and is_out]
        for person in SIZES
    }


@pytest.mark.parametrize("rule", [by_name, by_block])
def test_a_fifth_of_everyone(rule) -> None:
    assert {person: len(names) for person, names in held_out(PHOTOS, rule(PHOTOS)).items()} == {
        "Ann": 0, "Bob": 1, "Cem": 1, "Dora": 8,
    }  # fmt: skip


@pytest.mark.parametrize("rule", [by_name, by_block, lambda photos: per_person(photos, 2)])
def test_the_order_of_the_photos_does_not_matter(rule) -> None:
    order = np.random.default_rng(0).permutation(len(PHOTOS))
    shuffled = [PHOTOS[i] for i in order]
    np.testing.assert_array_equal(rule(shuffled), rule(PHOTOS)[order])


@pytest.mark.parametrize("rule", [by_name, by_block])
def test_others_do_not_matter(rule) -> None:
    alone = [photo for photo in PHOTOS if photo[0] == "Dora"]
    assert held_out(alone, rule(alone))["Dora"] == held_out(PHOTOS, rule(PHOTOS))["Dora"]


def test_a_block_is_of_neighboring_numbers() -> None:
    starts = set()
    for seed in range(20):
        numbers = [int(name[5:-4]) for name in held_out(PHOTOS, by_block(PHOTOS, seed))["Dora"]]
        assert numbers == list(range(numbers[0], numbers[0] + 8))
        starts.add(numbers[0])
    assert len(starts) > 5


def test_names_scatter() -> None:
    numbers = [int(name[5:-4]) for name in held_out(PHOTOS, by_name(PHOTOS))["Dora"]]
    assert max(numbers) - min(numbers) > 8


def test_so_many_of_each() -> None:
    counts = {person: SIZES[person] - len(names) for person, names in held_out(PHOTOS, per_person(PHOTOS, 5)).items()}
    assert counts == {"Ann": 1, "Bob": 2, "Cem": 5, "Dora": 5}
    assert held_out(PHOTOS, per_person(PHOTOS, 5, seed=1))["Dora"] != held_out(PHOTOS, per_person(PHOTOS, 5))["Dora"]
