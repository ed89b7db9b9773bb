"""Steps for workers to take that need no network: each misbehaves in one way, or writes down that it was taken."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from glassnet.baselines.workers import Step


def falling(start: float) -> Step:
    """Losses start, start - learning rate, ...; it prints where a worker answers."""
    loss = [start]

    def step(learning_rate: float) -> float:
        print("a library that talks", flush=True)
        os.write(1, b"and its kernels")
        before = loss[0]
        loss[0] -= learning_rate
        return before

    return step


def noting(path: str, name: str) -> Step:
    """Every step is a line of a file."""

    def step(learning_rate: float) -> float:
        with Path(path).open("a") as file:
            file.write(f"{name} {learning_rate}\n")
        return 1.0

    return step


def needing(size_mib: int) -> Step:
    """Memory that is used in the step only."""

    def step(learning_rate: float) -> float:
        return float(np.ones(size_mib * 2**17).sum())

    return step


def failing(message: str) -> Step:
    raise ValueError(f"{message}\nwith more on a second line")


def dying(code: int) -> Step:
    def step(learning_rate: float) -> float:
        os._exit(code)

    return step
