"""What stands for the content of each of many files, found by several processes without decoding a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import FileList
from glassnet.data.pictures import content_sum, quiet
from glassnet.data.processes import Processes
from glassnet.data.reading import at_most, reason_of, unreadable
from glassnet.errors import DataError

_AT_ONCE = 256


def summed(files: FileList, notices: list[str]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Which of the files are pictures, (N,), as far as their beginnings tell, and the sums of their contents, (N,)."""
    sums = np.zeros(len(files), np.uint64)
    reasons: dict[int, str] = {}
    starts = range(0, len(files), _AT_ONCE)
    with closing(Processes(sums_of)) as processes:
        chunks = (partial(_paths, files[start : start + _AT_ONCE]) for start in starts)
        for start, results in zip(starts, processes.map(chunks), strict=True):
            for row, result in enumerate(results, start):
                if isinstance(result, str):
                    reasons[row] = result
                else:
                    sums[row] = result
    bad = np.array(list(reasons), np.int64)
    notices += at_most(unreadable(files[bad], list(reasons.values())))
    rows = np.delete(np.arange(len(files)), bad)
    return rows, sums[rows]


def sums_of(paths: Sequence[str]) -> list[int | str]:
    """What stands for the content of each picture, or why there is none, in order; called in the processes."""

    def sum_of(path: str) -> int | str:
        try:
            return content_sum(Path(path))
        except DataError as error:
            return reason_of(error)

    with quiet():
        return [sum_of(path) for path in paths]


def _paths(files: FileList) -> list[str]:
    return [os.fspath(file.path) for file in files]
