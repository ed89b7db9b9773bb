"""Requests about one weight: its story at any moment of the training, and the loss with another value in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from glassnet.autodiff import Shape
from glassnet.errors import CheckpointError, SettingsError, ShapeError
from glassnet.insight.landscape import Around
from glassnet.insight.weight_story import NUM_POINTS, Place, Sum, find
from glassnet.lab.answers import NotFoundError, json_answer, query_int, query_text
from glassnet.lab.asked import STEP, path_of, step_of
from glassnet.lab.encoding import number, pixels, spread
from glassnet.lab.endpoint import Endpoint, Schema
from glassnet.lab.opened import Moment, moment_of, subject_of
from glassnet.lab.worker import in_worker
from glassnet.tasks import story
from glassnet.tasks.scene import Scene, open_scene
from glassnet.tasks.subject import flops_of
from glassnet.training import Run

_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "description": "As conv1.weight[3,0,2,2]."}
_BATCH_SIZE: Schema = {"type": "integer", "minimum": 1, "maximum": 128, "description": "How many examples."}
_VALUE: Schema = {"type": "number", "minimum": -1e6, "maximum": 1e6}
# Unless one asks for a number of examples: so that a story is told in a few seconds, and not of too few.
_MOST_FLOPS, _MOST_EXAMPLES, _LEAST_EXAMPLES = 1e10, 16, 4
_FORWARDS = 12  # what a story takes beside the points of its curve, in forward passes
_FEWER_POINTS = 13
_WITHIN_S = 180.0  # with the photos to learn from read first


@dataclass(frozen=True)
class _Set:
    """A scene with the loss around its weights, at which single weights can be changed quickly."""

    scene: Scene
    around: Around
    num_points: int


def weight(path: str, name: str, step: int | None, batch_size: int | None) -> dict[str, Any]:
    """The story of one weight, with the pictures of its largest terms."""
    run = Run(Path(path))
    moment = moment_of(run, step)
    place = _place(run, moment, name)
    opened = _opened(path, step, moment, batch_size)
    told = story.tell_of(opened.scene, place, around=opened.around, num_points=opened.num_points)
    values = story.facts(told)
    shape = told.story.shape
    return {
        **values,
        "step": moment.step,
        "pictures": _pictures(told.story.sum),
        "neighbors": {"previous": _beside(place, shape, -1), "next": _beside(place, shape, 1)},
    }


def loss_with(path: str, name: str, value: float, step: int | None, batch_size: int | None) -> dict[str, Any]:
    """The loss of the same examples with that weight set so, all others as they are."""
    run = Run(Path(path))
    moment = moment_of(run, step)
    place = _place(run, moment, name)
    opened = _opened(path, step, moment, batch_size)
    amount = value - float(opened.scene.weights[place.name][place.index])
    (loss,) = opened.around.along(place.name, place.index, np.array([amount])).tolist()
    return {"step": moment.step, "value": value, "loss": number(loss)}


def _place(run: Run, moment: Moment, name: str) -> Place:
    newest = moment_of(run, None).checkpoint
    assert newest is not None, run.path
    learned = {n.removeprefix("parameters/"): a.shape for n, a in newest.tensors.items() if n.startswith("parameters/")}
    try:
        return find(name, learned, [other for other in moment.weights if other not in learned])
    except CheckpointError as error:
        raise NotFoundError(str(error)) from error


@lru_cache(maxsize=3)
def _opened(path: str, step: int | None, moment: Moment, batch_size: int | None) -> _Set:
    """The scene of that moment; ``step`` is what `moment_of` gave it for."""
    subject = subject_of(Run(Path(path)), step, needs_training=True)
    flops, most = flops_of(subject), subject.run.settings.batch_size
    num_points = NUM_POINTS if (NUM_POINTS + _FORWARDS) * _MOST_EXAMPLES * flops <= _MOST_FLOPS else _FEWER_POINTS
    if batch_size is None:
        num = int(_MOST_FLOPS / ((num_points + _FORWARDS) * flops))
        batch_size = min(max(num, _LEAST_EXAMPLES), _MOST_EXAMPLES, most)
    if batch_size > most:
        raise SettingsError(
            f"expected batch_size to be at most {most}, that of the training; got {batch_size}. To fix: ask for fewer."
        )
    try:
        scene = open_scene(subject, batch_size=batch_size)
    except ShapeError as error:  # of a batch normalization, which one example leaves without anything to compare
        raise SettingsError(str(error)) from error
    return _Set(scene, scene.landscape.around(scene.weights), num_points)


def _pictures(found: Sum) -> list[dict[str, Any] | None]:
    """One for each of the largest terms, as the network saw it; None where there is none."""
    return [
        None if images is None or term.example is None else pixels(spread(images[term.example : term.example + 1]))
        for term, images in zip(found.largest, found.pictures, strict=True)
    ]


def _beside(place: Place, shape: Shape, by: int) -> str | None:
    """The weight before or behind it in its tensor."""
    if not shape:
        return None
    there = int(np.ravel_multi_index(place.index, shape)) + by
    if not 0 <= there < int(np.prod(shape)):
        return None
    return str(Place(place.name, tuple(int(i) for i in np.unravel_index(there, shape))))


async def _get_weight(request: Request) -> Response:
    path, step, name = path_of(request), step_of(request), query_text(request, "name")
    batch_size = query_int(request, "batch_size", None)
    return json_answer(await in_worker(weight, path, name, step, batch_size, within_s=_WITHIN_S))


async def _get_loss(request: Request) -> Response:
    path, step, name = path_of(request), step_of(request), query_text(request, "name")
    value, batch_size = float(query_text(request, "value")), query_int(request, "batch_size", None)
    return json_answer(await in_worker(loss_with, path, name, value, step, batch_size, within_s=_WITHIN_S))


_QUERY: Mapping[str, Schema] = {"name": _NAME, "step": STEP, "batch_size": _BATCH_SIZE}
ENDPOINTS = (
    Endpoint("GET", "/api/runs/{run}/weight", _get_weight, "The story of one weight.", _QUERY, ("name",)),
    Endpoint(
        "GET", "/api/runs/{run}/weight/loss", _get_loss, "The loss with one weight set to a value.",
        {**_QUERY, "value": _VALUE}, ("name", "value"),
    ),
)  # fmt: skip
