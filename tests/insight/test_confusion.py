"""The confusion matrix and what is read from it, counted by hand and by dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glassnet.insight.confusion import accuracy, confusion, frequent_confusions, mistakes, recall

# Two cats, of which one is said to be a dog; four dogs, of which two are said to be cats and one a fish; no fish.
LABELS = np.array([0, 0, 1, 1, 1, 1])
SAID = np.array([0, 1, 0, 0, 1, 2])


def test_by_hand() -> None:
    counts = confusion(LABELS, SAID, 3)
    assert counts.dtype == np.int64
    assert counts.tolist() == [[1, 1, 0], [2, 1, 1], [0, 0, 0]]
    assert accuracy(counts) == 2 / 6
    assert recall(counts) == (1 / 2, 1 / 4, None)
    assert frequent_confusions(counts, 10) == [(1, 0, 2), (0, 1, 1), (1, 2, 1)]
    assert frequent_confusions(counts, 1) == [(1, 0, 2)]


def test_labels_of_few_bits_do_not_overflow() -> None:
    labels = np.array([199, 200], np.uint8)
    assert confusion(labels, labels, 201)[200, 200] == 1


def test_nothing_is_confused() -> None:
    counts = confusion(np.arange(4), np.arange(4), 4)
    assert accuracy(counts) == 1.0
    assert frequent_confusions(counts, 3) == []


PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=50)


@given(PAIRS)
def test_against_a_dictionary(pairs: list[tuple[int, int]]) -> None:
    labels, said = map(np.array, zip(*pairs, strict=True))
    counts = confusion(labels, said, 7)
    counted = Counter(pairs)
    assert {(i, j): n for (i, j), n in np.ndenumerate(counts) if n} == dict(counted)
    wrong = frequent_confusions(counts, 100)
    assert {(i, j): n for i, j, n in wrong} == {pair: n for pair, n in counted.items() if pair[0] != pair[1]}
    assert [n for *_, n in wrong] == sorted((n for *_, n in wrong), reverse=True)


def test_the_surest_mistakes_come_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.05, 0.95], [0.4, 0.6]], np.float32)
    labels = np.array([0, 1, 0, 1, 0])
    assert mistakes(probabilities, labels, 10).tolist() == [2, 1, 4]
    assert mistakes(probabilities, labels, 1).tolist() == [2]
    assert mistakes(probabilities, probabilities.argmax(axis=1), 10).tolist() == []
