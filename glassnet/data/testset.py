"""Which pictures of a folder are for training and which for the test, from their names and sums of their contents."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import Files, by_class
from glassnet.data.pictures import Pictures
from glassnet.data.reading import at_most, name_of, share_of, unreadable
from glassnet.data.stream import Decoder, Stream, read

TEST_SHARE = 0.2
MAX_READ = 20_000


@dataclass(frozen=True)
class Parts:
    """Numbers of files, in order, by what they are for; `classes` are those of the training."""

    training: NDArray[np.int64]
    test: NDArray[np.int64]
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    """Of all files, (N,), -1 for other classes."""


def divide(files: Files, sums: NDArray[np.uint64], is_test: NDArray[np.bool_] | None, notices: list[str]) -> Parts:
    """Of files whose contents have these sums (N,); `is_test` where the folder says so, else see `_held_out`.

    A test on what was trained on would prove nothing: copies leave the test, and so do classes of nothing else.
    """
    names, class_of = files.classes()
    if is_test is None:
        is_test = np.zeros(len(files), bool)
        for members in by_class(files):
            is_test[members] = _held_out(files[members], sums[members])
    training, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    is_known = np.isin(np.arange(len(names)), class_of[training])
    classes = tuple(name for name, known in zip(names, is_known, strict=True) if known)
    labels = np.where(is_known, np.cumsum(is_known) - 1, -1)[class_of]
    is_copy = np.isin(sums[test], sums[training])
    notices += at_most([f"{name_of(copy)}: left out of the test, it is in training" for copy in files[test[is_copy]]])
    test = test[~is_copy]
    unknown = [names[number] for number in np.unique(class_of[test[labels[test] < 0]])]
    notices += [f"{name}: left out of the test, no picture of it is in training" for name in unknown]
    return Parts(training, test[labels[test] >= 0], classes, labels)


def shares(files: Files) -> NDArray[np.float64]:
    """(N,) numbers between 0 and 1, from hashes of class and name: what does not depend on which others there are."""
    return np.fromiter(map(share_of, files), np.float64, len(files))


def read_test(
    files: Files,
    labels: NDArray[np.int64],
    max_bytes: int,
    decoder: Decoder,
    shape: tuple[int, ...],
    notices: list[str],
) -> Pictures:
    """As many pictures as fit, `MAX_READ` at most: those whose names have the smallest hashes, so that they stay."""
    num = max(1, min(MAX_READ, max_bytes // int(np.prod(shape))))
    if num < len(files):
        notices.append(f"of {len(files):,} pictures that are held out {num:,} are used, by a hash of their names")
        chosen = np.sort(np.argsort(shares(files))[:num])
        files, labels = files[chosen], labels[chosen]
    stream = Stream(files, decoder, shape)
    with closing(stream):
        images, reasons = read(stream, np.arange(len(files)))
    bad = list(reasons)
    notices += at_most(unreadable(files[np.array(bad, np.int64)], list(reasons.values())))
    return Pictures(images, np.delete(labels, bad))


def _held_out(files: Files, sums: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(N,): which of the pictures of one class are for the test.

    Each name has, with its class, a number between 0 and 1, from a hash, and is for the test below 0.2. So what a
    picture is for does not depend on which others there are, with two exceptions: copies go together, to training if
    one of them does; and where all would be on one side, the picture nearest to the border is on the other, until a
    name comes that needs no such help.
    """
    contents, content_of = np.unique(sums, return_inverse=True)
    highest = np.zeros(len(contents))
    np.maximum.at(highest, content_of, shares(files))
    num = min(max(int((highest < TEST_SHARE).sum()), 1), len(contents) - 1)
    is_chosen = np.zeros(len(contents), bool)
    is_chosen[np.argsort(highest)[:num]] = True
    return is_chosen[content_of]
