"""Decoders for the tests of streams; in a file of their own, so that other processes find them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import FileList

SHAPE = (1, 4, 4)


def numbered(count: int, *bad: int) -> FileList:
    """Files whose names are numbers, without the files; of `bad` the names are none."""
    names = [f"bad {number}" if number in bad else str(number) for number in range(count)]
    return FileList.of([(Path("nowhere", "numbers"), names)])


def numbers(paths: Sequence[Path]) -> list[NDArray[np.uint8] | str]:
    """Pictures of one brightness, the number that is the name of the file."""
    return [
        np.full(SHAPE, int(path.name) % 256, np.uint8) if path.name.isdecimal() else f"no number ({path.name})"
        for path in paths
    ]


def slow_numbers(paths: Sequence[Path]) -> list[NDArray[np.uint8] | str]:
    """The same, the earlier ones later than those behind them, and with chatter."""
    print("chatter")
    time.sleep(0.02 if int(paths[0].name) % 128 else 0.08)
    return numbers(paths)


def dying(paths: Sequence[Path]) -> list[NDArray[np.uint8] | str]:
    """Killed by the file 100, as by a system that is short of memory."""
    if any(path.name == "100" for path in paths):
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers(paths)


def failing(paths: Sequence[Path]) -> list[NDArray[np.uint8] | str]:
    """As a library that is not there."""
    raise ModuleNotFoundError("No module named 'decoding'")
