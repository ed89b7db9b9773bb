"""Several runs on one chart, and classical algorithms beside them: measured here, or else as our results pages say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from glassnet.errors import SettingsError
from glassnet.lab.answers import json_answer
from glassnet.lab.endpoint import TEXT, Endpoint
from glassnet.lab.lab import Lab
from glassnet.lab.worker import in_worker
from glassnet.tasks.grid import NETWORK, Result, results_in
from glassnet.training import Run
from glassnet.training.events import Evaluated, Started, Stepped

_MOST_RUNS, _MOST_POINTS = 12, 500
_LEDGER = Path("compare-cifar10") / "results.jsonl"
_SHIPPED = Path(__file__).parent / "static" / "classical.json"


async def compare(request: Request) -> Response:
    lab: Lab = request.app.state.lab
    names = list(dict.fromkeys(request.query_params.getlist("run")))
    if not 1 <= len(names) <= _MOST_RUNS:
        raise SettingsError(
            f"expected 1 to {_MOST_RUNS} runs to compare; got {len(names)}. To fix: name them, as run=a&run=b."
        )
    runs = [lab.run(name) for name in names]
    curves = [await in_worker(curves_of, run.path) for run in runs]
    told = [{"run": name, **told_of(run), **drawn} for name, run, drawn in zip(names, runs, curves, strict=True)]
    tasks = {run.settings.task for run in runs}
    return json_answer({"runs": told, "differing": differing(runs), "classical": classical(lab.runs, tasks)})


def told_of(run: Run) -> dict[str, Any]:
    settings = run.settings
    return {"task": settings.task, "model": settings.model, "data": settings.data}


def curves_of(path: Path) -> dict[str, Any]:
    """What the events of a run say of its size and of its way, thinned: the means of neighboring steps."""
    started: Started | None = None
    steps: list[Stepped] = []
    tried: list[Evaluated] = []
    for event in Run(path).events():
        if isinstance(event, Stepped):
            steps.append(event)
        elif isinstance(event, Evaluated):
            tried.append(event)
        elif isinstance(event, Started):
            started = event
            # A training that goes on from a checkpoint repeats what came after it.
            steps = [step for step in steps if step.step <= event.step]
            tried = [evaluated for evaluated in tried if evaluated.step <= event.step]
    known: list[Stepped | Evaluated] = [*steps, *tried]
    last = max(known, key=lambda event: event.step, default=None)
    return {
        "num_weights": started and started.num_weights,
        "num_examples": started and started.num_examples,
        "step": last.step if last else 0,
        "elapsed_s": last.elapsed_s if last else 0.0,
        "steps": _thinned(steps, ("step", "elapsed_s", "loss")),
        "evaluations": _thinned(tried, ("step", "elapsed_s", "validation_loss", "accuracy")),
    }


def _thinned(events: Sequence[Stepped | Evaluated], names: Iterable[str]) -> dict[str, list[float | None]]:
    size = -(-len(events) // _MOST_POINTS) or 1
    groups = [events[i : i + size] for i in range(0, len(events), size)]
    return {name: [_mean([getattr(event, name) for event in group]) for group in groups] for name in names}


def _mean(values: Sequence[float | None]) -> float | None:
    """None where a value is missing or is no number."""
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else None


def differing(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The settings in which the runs are not all alike, with the value of each."""
    all_settings = [dataclasses.asdict(run.settings) for run in runs]
    return [
        {"name": name, "values": [settings[name] for settings in all_settings]}
        for name in all_settings[0]
        if any(settings[name] != all_settings[0][name] for settings in all_settings)
    ]


def classical(runs: Path, tasks: set[str]) -> dict[str, Any]:
    """By task; nothing for a task that no classical algorithm was tried on."""
    shipped = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    found = {task: shipped[task] for task in sorted(tasks) if task in shipped}
    measured = _measured(runs / _LEDGER) if "cifar10" in found else None
    return {**found, "cifar10": measured} if measured else found


def _measured(path: Path) -> dict[str, Any] | None:
    """What `glassnet compare cifar10` found on this machine, which may be measuring still; None without results."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    results = [result for result in results_in(text, path)[0].values() if result.cell.algorithm != NETWORK]
    nums = sorted({result.cell.num_training for result in results})
    groups = [_group(num, [result for result in results if result.cell.num_training == num]) for num in nums]
    num_test = max((result.cell.num_test for result in results), default=None)
    source = str(path.parent)
    return {"source": source, "machine": None, "num_test": num_test, "n": 1, "groups": groups} if groups else None


def _group(num_training: int, results: Sequence[Result]) -> dict[str, Any]:
    rows = [
        {"name": result.cell.algorithm, "accuracy": result.accuracy, "num_kept": result.num_kept} for result in results
    ]
    return {"set": "photos", "num_training": num_training, "rows": rows}


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/compare",
        compare,
        "The curves of several runs, the settings in which they differ, and classical algorithms beside them",
        query={"run": {"type": "array", "minItems": 1, "maxItems": _MOST_RUNS, "items": TEXT}},
        required=("run",),
    ),
)
