"""Requests to try a trained network: a photo of one's own, persons who join and leave, drawings out of noise."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from glassnet.autodiff import Array
from glassnet.data.pictures import quiet
from glassnet.errors import CheckpointError, DataError
from glassnet.lab.answers import json_answer, query_int, query_text
from glassnet.lab.asked import BYTES, STEP, path_of, picture_of, step_of
from glassnet.lab.encoding import number, pixels
from glassnet.lab.endpoint import WHOLE, Endpoint, Schema
from glassnet.lab.opened import Moment, answerer_of, moment_of, runtime
from glassnet.lab.worker import in_worker
from glassnet.tasks import enrollment, houses
from glassnet.tasks.classification import softmax
from glassnet.tasks.gallery import Person, Trained, listed, load_changes
from glassnet.tasks.houses import BATCH, NUM_STEPS, Sampler
from glassnet.tasks.recognition import Recognizer, identify, looks_like, open_gallery, trained_persons
from glassnet.tasks.subject import decode_example
from glassnet.training import Checkpoint, Run

_NUM_SAID = 5
_SENT = Path("the picture")  # what messages call it; it has no name of its own
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": enrollment.MOST_LETTERS}
_NUM: Schema = {"type": "integer", "minimum": 1, "maximum": BATCH, "default": 8}
_FRAMES: Schema = {"type": "integer", "minimum": 1, "maximum": NUM_STEPS + 1, "default": NUM_STEPS + 1}


def predict(path: str, step: int | None, content: bytes) -> dict[str, Any]:
    """What is in a picture, or whose face, and what the network saw of it.

    Of the newest checkpoint faces are compared with all who are known; at other moments with those of the training.
    """
    run = Run(Path(path))
    answerer, moment = answerer_of(run), moment_of(run, step)
    image = _seen(run, content)
    if "people" in run.facts and moment.checkpoint is not None:
        told = _person(run, moment, moment.checkpoint, image)
    else:
        (probabilities,) = answerer.probabilities(moment.weights, image[None])
        likeliest = np.argsort(-probabilities, kind="stable")[:_NUM_SAID].tolist()
        said = [_said(i, answerer.names[i], probabilities[i]) for i in likeliest]
        told = {"answers": said, "is_unknown": False, "nearest": said[0]["name"], "threshold": None}
    return {"step": moment.step, **told, "seen": pixels(image[None])}


def _person(run: Run, moment: Moment, checkpoint: Checkpoint, image: Array) -> dict[str, Any]:
    gallery, _ = open_gallery(run, checkpoint)
    embeddings = _recognizer(str(run.path), moment).embed(image[None])
    (found,) = identify(embeddings, gallery)
    probabilities = softmax(gallery.scale * (gallery.prototypes @ embeddings[0]))
    likeliest = np.argsort(-probabilities, kind="stable")[:_NUM_SAID].tolist()
    return {
        "answers": [_said(gallery.numbers[i], gallery.names[i], probabilities[i]) for i in likeliest],
        "is_unknown": found.is_unknown, "nearest": found.nearest, "score": number(found.score),
        "threshold": number(gallery.threshold),
    }  # fmt: skip


def _said(index: int, name: str, probability: float) -> dict[str, Any]:
    return {"number": index, "name": name, "probability": number(probability)}


def people(path: str) -> dict[str, Any]:
    """Whom a run of faces knows."""
    run, trained = _trained(path)
    return {"people": [_values(person) for person in listed(trained, load_changes(run.path, trained))]}


def enroll(path: str, name: str, content: bytes) -> dict[str, Any]:
    """Let it know a person by a photo, or by one more; the photo is not kept."""
    name = enrollment.checked_name(name)
    run, trained = _trained(path)
    moment = moment_of(run, None)
    assert moment.checkpoint is not None, path
    image = _seen(run, content)
    embeddings = _recognizer(path, moment).embed(image[None])
    person = enrollment.enroll(run.path, trained, name, embeddings)
    gallery, _ = open_gallery(run, moment.checkpoint)
    other = looks_like(embeddings, gallery, person.number)
    return {**_values(person), "looks_like": other, "seen": pixels(image[None])}


def forget(path: str, name: str) -> dict[str, Any]:
    """Take a person out; nobody else gets the number."""
    run, trained = _trained(path)
    return _values(enrollment.forget(run.path, trained, name))


def drawings(path: str, step: int | None, seed: int, num: int, frames: int) -> dict[str, Any]:
    """The walk from noise to drawings: the noise first, and as many moments of the way as there are frames."""
    run = Run(Path(path))
    if run.settings.task != houses.NAME:
        raise DataError(f"expected a run of houses; got one of {run.settings.task}. To fix: choose another run.")
    moment = moment_of(run, step)
    walk = list(_sampler().walk(moment.weights, houses.noise(seed, BATCH)))
    # Of a single frame, the end; of several, the first and the last among them.
    chosen = np.linspace(NUM_STEPS if frames == 1 else 0, NUM_STEPS, frames).round().astype(int).tolist()
    return {
        "step": moment.step,
        "times": [walk[i][0] for i in chosen],
        "frames": [pixels(walk[i][1][:num], is_ink=True) for i in chosen],
    }


def _seen(run: Run, content: bytes) -> Array:
    with quiet():
        return decode_example(run, _SENT, content)


def _trained(path: str) -> tuple[Run, Trained]:
    run = Run(Path(path))
    if "people" not in run.facts:
        raise DataError(
            f"expected a run that tells persons apart; got one of {run.settings.task}. To fix: choose a run of faces."
        )
    return run, _trained_at(path, moment_of(run, None))


@lru_cache(maxsize=4)
def _trained_at(path: str, moment: Moment) -> Trained:
    if moment.checkpoint is None:
        raise CheckpointError(f"expected a checkpoint in {path}; got none. To fix: train this run first.")
    return trained_persons(Run(Path(path)), moment.checkpoint)


@lru_cache(maxsize=2)
def _recognizer(path: str, moment: Moment) -> Recognizer:
    assert moment.checkpoint is not None, path
    return Recognizer(Run(Path(path)), moment.checkpoint, runtime())


@lru_cache(maxsize=1)
def _sampler() -> Sampler:
    return Sampler(runtime(), BATCH)


def _values(person: Person) -> dict[str, Any]:
    return {
        "number": person.number, "name": person.name, "source": person.source, "photos": person.photos,
        "is_outdated": person.is_outdated,
    }  # fmt: skip


async def _post_predict(request: Request) -> Response:
    path, step = path_of(request), step_of(request)
    return json_answer(await in_worker(predict, path, step, await picture_of(request)))


async def _get_people(request: Request) -> Response:
    return json_answer(await in_worker(people, path_of(request)))


async def _post_people(request: Request) -> Response:
    path, name = path_of(request), query_text(request, "name")
    return json_answer(await in_worker(enroll, path, name, await picture_of(request)))


async def _delete_people(request: Request) -> Response:
    return json_answer(await in_worker(forget, path_of(request), query_text(request, "name")))


async def _get_drawings(request: Request) -> Response:
    seed = query_int(request, "seed", None) or 0
    num = query_int(request, "num", None) or _NUM["default"]
    frames = query_int(request, "frames", None) or _FRAMES["default"]
    return json_answer(await in_worker(drawings, path_of(request), step_of(request), seed, num, frames))


ENDPOINTS = (
    Endpoint(
        "POST", "/api/runs/{run}/predict", _post_predict, "What is in a picture of yours, or whose face.",
        {"step": STEP}, body=BYTES,
    ),
    Endpoint("GET", "/api/runs/{run}/people", _get_people, "Whom a run of faces knows."),
    Endpoint(
        "POST", "/api/runs/{run}/people", _post_people, "Let a run of faces know a person by a photo.",
        {"name": _NAME}, ("name",), body=BYTES,
    ),
    Endpoint(
        "DELETE", "/api/runs/{run}/people", _delete_people, "Take a person out of what a run answers.",
        {"name": _NAME}, ("name",),
    ),
    Endpoint(
        "GET", "/api/runs/{run}/drawings", _get_drawings, "Drawings, and how they come out of noise.",
        {"step": STEP, "seed": {**WHOLE, "default": 0}, "num": _NUM, "frames": _FRAMES},
    ),
)  # fmt: skip
