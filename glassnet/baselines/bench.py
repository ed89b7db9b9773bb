"""Ways to take one step, measured by turns in one run: a machine that slows down then slows all of them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from glassnet.baselines.workers import Memory, Variant, Worker
from glassnet.errors import GlassnetError, RuntimeUnavailableError

T = TypeVar("T")
_TURN_S, _WARMING_S = 0.7, 0.2
# Between turns, until the threads of the last one sleep: OpenMP lets them spin for up to 0.2 s.
_REST_S = 0.25
# Of the first loss and of the next ones, in which another order of sums already tells.
TOLERANCES = {"float32": (2e-3, 3e-2), "bfloat16": (3e-2, 0.1)}
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Timing:
    """What one variant took: seconds per step in each round, of that many steps."""

    variant: Variant
    num_steps: int
    seconds: Sequence[float]
    losses: Sequence[float]
    memory: Memory


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. ``ratio`` is its time over ours, from round to round: above 1 we are faster."""

    name: str
    precision: str
    ms: float
    images_per_s: float
    ratio: float
    ratio_min: float
    ratio_max: float
    gflop_per_s: float
    share_of_peak: float
    peak_mib: float
    added_mib: float
    steps_per_round: int
    rounds_ms: Sequence[float]
    losses: Sequence[float]


def alternate(
    variants: Sequence[Variant], rounds: int, threads: int | None = None
) -> tuple[list[Timing], dict[str, str]]:
    """Each variant's timing, and why those that are missing failed. Each round begins with another variant."""
    with ExitStack() as stack:
        workers, left_out = [], {}
        for variant in variants:
            worker = stack.enter_context(Worker(variant, threads))
            try:
                worker.start()
            except RuntimeUnavailableError as error:
                if not variant.may_fail:
                    raise
                left_out[variant.name] = str(error)
            else:
                workers.append(worker)
        counts = [_steps_of_a_turn(worker) for worker in workers]
        seconds: list[list[float]] = [[] for _ in workers]
        for number in range(rounds):
            for i in _rotated(range(len(workers)), number):
                time.sleep(_REST_S)
                seconds[i].append(workers[i].seconds(counts[i]))
        timings = [
            Timing(worker.variant, count, taken, worker.losses, worker.memory())
            for worker, count, taken in zip(workers, counts, seconds, strict=True)
        ]
    return timings, left_out


def _steps_of_a_turn(worker: Worker) -> int:
    few = max(2, round(_WARMING_S / worker.seconds(2)))
    return max(2, round(_TURN_S / worker.seconds(few)))


def _rotated(items: Sequence[T], number: int) -> list[T]:
    first = number % len(items)
    return [*items[first:], *items[:first]]


def agreeing(timings: Sequence[Timing], reference: Timing) -> tuple[list[Timing], dict[str, str]]:
    """Those that began with the losses of ``reference``, a wrong step being no fast one, and why others are left out.

    Raises GlassnetError if one that may not fail did not.
    """
    complaints = {timing.variant.name: _complaint(timing, reference) for timing in timings}
    for timing in timings:
        if complaints[timing.variant.name] and not timing.variant.may_fail:
            raise GlassnetError(complaints[timing.variant.name])
    agreed = [timing for timing in timings if not complaints[timing.variant.name]]
    return agreed, {name: complaint for name, complaint in complaints.items() if complaint}


def _complaint(timing: Timing, reference: Timing) -> str:
    """What is wrong with its losses; nothing if they are those of ``reference``."""
    first, later = TOLERANCES[timing.variant.precision]
    pairs = enumerate(zip(timing.losses, reference.losses, strict=True))
    if all(math.isclose(got, expected, rel_tol=later if i else first) for i, (got, expected) in pairs):
        return ""
    return (
        f"expected the losses of {reference.variant.name}, {_listed(reference.losses)}; got "
        f"{_listed(timing.losses)} from {timing.variant.name}. To fix: report it, a step is wrong."
    )


def _listed(losses: Sequence[float]) -> str:
    return ", ".join(f"{loss:.4f}" for loss in losses)


def flops_per_s(timing: Timing, flops: float) -> float:
    """``flops`` being those of a step."""
    return flops / statistics.median(timing.seconds)


def rows(timings: Sequence[Timing], flops: float, batch_size: int, peaks: Mapping[str, float]) -> list[Row]:
    """The table, the first timing being ours; ``peaks`` in operations per second, by precision."""
    return [_row(timing, timings[0], flops, batch_size, peaks[timing.variant.precision]) for timing in timings]


def _row(timing: Timing, ours: Timing, flops: float, batch_size: int, peak: float) -> Row:
    median_s = statistics.median(timing.seconds)
    ratios = [theirs / mine for theirs, mine in zip(timing.seconds, ours.seconds, strict=True)]
    reached, memory = flops_per_s(timing, flops), timing.memory
    return Row(
        timing.variant.name, timing.variant.precision, median_s * 1e3, batch_size / median_s,
        statistics.median(ratios), min(ratios), max(ratios), reached / 1e9, reached / peak,
        memory.peak_bytes / _MIB, (memory.peak_bytes - memory.imported_bytes) / _MIB,
        timing.num_steps, [seconds * 1e3 for seconds in timing.seconds], list(timing.losses),
    )  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """The rows as text: what takes 1.5 times as long as ours has 1.50 in the middle column, with its spread."""
    width = max(len(row.name) for row in rows)
    head = f"{'':{width}}  {'ms':>9}  {'images/s':>9}  {'time / ours':>20}  {'GFLOP/s':>8}  {'of peak':>7}"
    lines = [f"{head}  {'peak MiB':>8}  {'beyond imports':>14}"]
    for row in rows:
        spread = f"{row.ratio:.2f} ({row.ratio_min:.2f} to {row.ratio_max:.2f})"
        lines.append(
            f"{row.name:{width}}  {row.ms:9.2f}  {row.images_per_s:9,.0f}  {spread:>20}  {row.gflop_per_s:8.1f}  "
            f"{row.share_of_peak:7.0%}  {row.peak_mib:8,.0f}  {row.added_mib:14,.0f}"
        )
    return "\n".join(lines)
