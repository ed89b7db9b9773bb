"""The process that runs a race for the lab: what to race as a line of JSON on stdin, what happens as lines on stdout.

It ends with its stdin, so it cannot outlive the lab. Each line has a "kind": started, progress, slopes, larger, and at
the end finished or failed.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from glassnet.errors import GlassnetError
from glassnet.insight.nudge import RULES
from glassnet.insight.race import Contest, Curve, Race, Terms
from glassnet.tasks.race import Entry, check_duration, costs, enter, facts, run

Line = dict[str, Any]

_INTERVAL_S = 0.2
_NICENESS = 10
_CURVES = ("loss", "forward_passes", "seconds")
_SLOPES = (
    "cosine", "largest_relative_difference", "relative_difference", "num_crossing", "cosine_of_others", "crossing",
    "doubts", "forward_passes_per_sweep", "forward_passes_per_gradient", "seconds_per_forward", "seconds_per_sweep",
    "seconds_per_sweep_one_by_one", "seconds_per_backward",
)  # fmt: skip


def tell(wanted: Mapping[str, Any]) -> Iterator[Line]:
    """The race from its start to its end, as lines; a foreseen failure is the last line."""
    try:
        yield from _race(wanted)
    except GlassnetError as error:
        yield {"kind": "failed", "message": str(error)}


def _race(wanted: Mapping[str, Any]) -> Iterator[Line]:
    choice = {name: wanted[name] for name in ("data", "model") if name in wanted}
    # JSON knows one kind of numbers: 3.0 is as whole as 3.
    choice |= {name: int(wanted[name]) for name in ("batch_size", "seed") if name in wanted}
    entry = enter(wanted["task"], **choice)
    terms = Terms(
        tuple(wanted.get("rules", RULES)),
        wanted.get("epsilon", 1e-4),
        wanted.get("learning_rate", 0.1),
        int(wanted.get("steps", 100)),
        60.0 * wanted.get("minutes", 1.0),
    )
    sweep_s = check_duration(entry, terms.limit_s, "choose a smaller network.")
    yield _started(entry, terms, sweep_s)
    told, told_at, known = 0, -math.inf, None
    for step, known in enumerate(run(entry, terms), start=1):
        if step == 1:
            yield _slopes(entry, terms, known)
        if time.monotonic() - told_at > _INTERVAL_S:
            yield _progress(step, known, told)
            told, told_at = step, time.monotonic()
        if step == 1:  # takes seconds, so the first points come before
            yield {"kind": "larger", "batch_size": entry.batch_size, "networks": _larger(entry)}
    assert known is not None, "a race has one step at least"
    if told < step:
        yield _progress(step, known, told)
    differences = {contest.rule: contest.largest_difference() for contest in known.contests}
    yield {**_slopes(entry, terms, known), "kind": "finished", "step": step, "differences": differences}


def _started(entry: Entry, terms: Terms, sweep_s: float) -> Line:
    return {
        "kind": "started", "task": entry.task, "model": entry.model, "data": entry.source,
        "notices": list(entry.notices), "weights": entry.num_weights, "batch_size": entry.batch_size,
        "epsilon": terms.epsilon, "learning_rate": terms.learning_rate, "steps": terms.num_steps,
        "limit_s": terms.limit_s, "sweep_s": sweep_s,
        "rules": [
            {"rule": rule, "title": RULES[rule].title, "matching": RULES[rule].matching} for rule in terms.rules
        ],
    }  # fmt: skip


def _slopes(entry: Entry, terms: Terms, known: Race) -> Line:
    found = facts(entry, terms, known)
    return {"kind": "slopes", **{name: found[name] for name in _SLOPES}}


def _larger(entry: Entry) -> list[Line]:
    return [dataclasses.asdict(cost) for cost in costs(entry.batch_size)]


def _progress(step: int, known: Race, told: int) -> Line:
    """The points since ``told`` steps; the first of all is that before any step."""
    return {"kind": "progress", "step": step, "contests": [_points(contest, told) for contest in known.contests]}


def _points(contest: Contest, told: int) -> Line:
    since = told + 1 if told else 0
    return {
        "rule": contest.rule, "is_over": contest.is_over, "since": since,
        "nudge": _part(contest.nudge, since), "backpropagation": _part(contest.backpropagation, since),
    }  # fmt: skip


def _part(curve: Curve, since: int) -> dict[str, list[float]]:
    return {name: getattr(curve, name)[since:] for name in _CURVES}


def _end_with(stdin: TextIO) -> None:
    """Wait for the end of stdin, and end this process in the middle of whatever it computes."""
    stdin.read()
    os._exit(0)


def main() -> None:
    """The life of the process."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # trainings go first
    # What a library prints must not get between the lines.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    wanted = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with, args=(sys.stdin,), daemon=True).start()
    for line in tell(wanted):
        lines.write(json.dumps(line, allow_nan=False) + "\n")
        lines.flush()
    os._exit(0)  # without waiting for the thread that reads


if __name__ == "__main__":
    main()
