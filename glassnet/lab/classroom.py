"""How it works: a question about the small networks of that page, checked, computed and answered; nothing is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from glassnet.autodiff import Array
from glassnet.errors import SettingsError
from glassnet.lab import lesson
from glassnet.lab.answers import json_answer, read_json
from glassnet.lab.endpoint import WHOLE, Endpoint, Schema

_MAX_HIDDEN, _MAX_CELLS, _MAX_STEPS, _MAX_EXAMPLES, _MAX_INPUTS = 16, 32, 200, 8, 6
_MOST = 1e6
_NUMBER: Schema = {"type": "number", "minimum": -_MOST, "maximum": _MOST}

QUESTION: Schema = {
    "type": "object",
    "required": ["network"],
    "additionalProperties": False,
    "properties": {
        "network": {"enum": ["neuron", "points"]},
        "num_hidden": {"type": "integer", "minimum": 0, "maximum": _MAX_HIDDEN},
        "set": {"enum": list(lesson.SETS)},
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": _MAX_EXAMPLES,
            "items": {"type": "array", "minItems": 1, "maxItems": _MAX_INPUTS, "items": _NUMBER},
        },
        "targets": {"type": "array", "minItems": 1, "maxItems": _MAX_EXAMPLES, "items": _NUMBER},
        "weights": {"type": "array", "minItems": 1, "maxItems": lesson.MAX_WEIGHTS, "items": _NUMBER},
        "seed": WHOLE,
        "example": WHOLE,
        "is_alone": {"type": "boolean"},
        "weight": WHOLE,
        "by": {"type": "number", "minimum": 1e-9, "maximum": 10.0},
        "low": _NUMBER,
        "high": _NUMBER,
        "is_sweeping": {"type": "boolean"},
        "learning_rate": {"type": "number", "minimum": 1e-9, "maximum": 1000.0},
        "num_steps": {"type": "integer", "minimum": 0, "maximum": _MAX_STEPS},
        "num_cells": {"type": "integer", "minimum": 0, "maximum": _MAX_CELLS},
    },
}


async def ask(request: Request) -> Response:
    question = await read_json(request, QUESTION)
    return json_answer(await to_thread.run_sync(answer, question))


async def facts(request: Request) -> Response:
    return json_answer(await to_thread.run_sync(_facts))


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """All that was asked for, of the network before any step is made; the steps come last."""
    example = int(question.get("example", 0))
    opened = _open(question, example)
    by = question.get("by", 1e-4)
    looked = lesson.look(opened, 0 if question.get("is_alone", False) else example)
    answered: dict[str, Any] = {"names": opened.names, "weights": lesson.flat(opened.weights), **looked}
    # JSON knows one kind of numbers: 3.0 is as whole as 3.
    number = int(question["weight"]) if "weight" in question else None
    if number is not None:
        answered["chosen"] = _of_one(opened, question, number, by)
    if question.get("is_sweeping", False):
        answered["sweep"] = lesson.sweep(opened, by)
    if question.get("num_cells", 0):
        answered["picture"] = lesson.picture(opened, int(question["num_cells"]))
    if "num_steps" in question:
        rate, num_steps = question.get("learning_rate", 0.1), int(question["num_steps"])
        answered["descent"] = lesson.descend(opened, rate, num_steps, number)
    return _finite(answered)


def _of_one(opened: lesson.Lesson, question: Mapping[str, Any], number: int, by: float) -> dict[str, Any]:
    name, index = opened.place(number)
    told = {
        "name": opened.names[number], "value": float(opened.weights[name][index]),
        "nudge": lesson.nudge(opened, number, by), "terms": lesson.terms(opened, number),
    }  # fmt: skip
    if "low" in question and "high" in question:
        told["along"] = lesson.along(opened, number, question["low"], question["high"])
    return told


def _open(question: Mapping[str, Any], example: int) -> lesson.Lesson:
    inputs, targets = _examples(question)
    if example >= len(inputs):
        raise SettingsError(
            f"expected the number of one of {len(inputs)} examples; got {example}. To fix: count from 0."
        )
    if question.get("is_alone", False):
        inputs, targets = inputs[example : example + 1], targets[example : example + 1]
    return lesson.open_lesson(
        question["network"],
        num_hidden=int(question.get("num_hidden", 4)),
        inputs=inputs,
        targets=targets,
        weights=question.get("weights"),
        seed=int(question.get("seed", 0)),
    )


def _examples(question: Mapping[str, Any]) -> tuple[Array, Array]:
    if question["network"] == "points":
        return lesson.points(question.get("set", "halves"))
    rows, targets = question.get("inputs", [[2.0, 0.5, 0.0]]), question.get("targets", [6.0])
    if len({len(row) for row in rows}) != 1 or len(rows) != len(targets):
        raise SettingsError(
            f"expected as many inputs in each example, and a target for each; got {[len(row) for row in rows]} inputs "
            f"and {len(targets)} targets. To fix: make them fit."
        )
    return np.array(rows, np.float64), np.array(targets, np.float64)[:, None]


def _facts() -> dict[str, Any]:
    sets = {}
    for name in lesson.SETS:
        places, kinds = lesson.points(name)
        sets[name] = {"points": places.tolist(), "kinds": [int(kind) for kind in kinds[:, 0]]}
    return {"sets": sets, "networks": lesson.sizes()}


def _finite(value: Any) -> Any:
    """The same with None for what is no number: a loss far up a slope may be beyond all bounds."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


ENDPOINTS = (
    Endpoint("POST", "/api/classroom", ask, "The arithmetic of a small network of How it works", body=QUESTION),
    Endpoint("GET", "/api/classroom", facts, "The points that How it works sorts, and the sizes of the real networks"),
)
