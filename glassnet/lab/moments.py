"""Requests about any moment of a training: what the network answers to pictures that were held out, which it confuses,
its drawings, and itself as a file."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as save_safetensors
from starlette.requests import Request
from starlette.responses import Response

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError, DataError
from glassnet.insight import confusion
from glassnet.lab.answers import NotFoundError, json_answer, query_int
from glassnet.lab.asked import BYTES, STEP, path_of, step_of
from glassnet.lab.encoding import pixels
from glassnet.lab.endpoint import Endpoint, Schema
from glassnet.lab.opened import Moment, answerer_of, held_out, moment_of
from glassnet.lab.worker import in_worker
from glassnet.training import Run
from glassnet.training.pictures import kept_pictures, read_pictures

_NUM: Schema = {"type": "integer", "minimum": 1, "maximum": 64, "default": 24, "description": "How many pictures."}
_MOST_CLASSES = 256  # of a matrix with a number for each pair of them
_MOST_SHOWN = 48
_MOST_FLOPS, _LEAST_JUDGED = 1e10, 100  # of what an accuracy costs: a second or less, but for large networks
_DIGITS = 5  # of a probability


def drawings_of(path: str, step: int) -> dict[str, Any]:
    """The pictures that the training kept at that step, or last before it."""
    files = kept_pictures(Path(path, "pictures"))
    kept = [at for at in files if at <= step]
    if not kept:
        raise NotFoundError(f"expected pictures kept up to step {step}; got none. To fix: choose a later step.")
    try:
        images = read_pictures(files[kept[-1]])
        if images.dtype != np.uint8 or images.ndim != 3:
            raise ValueError(f"{images.dtype} {images.shape}")
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"expected pictures in {files[kept[-1]].name}; got something else ({error}). To fix: delete that file."
        ) from error
    return {"step": kept[-1], **pixels(images, is_ink=True)}


def answers(path: str, step: int | None, num: int) -> dict[str, Any]:
    """To the first ``num`` pictures that were held out, averaged over the views that the network is asked for in use.

    The accuracy is of the first ``num`` in the answer, each seen once as it is: of a large network not all that were
    held out, so that the answer comes soon.
    """
    run = Run(Path(path))
    answerer, moment, examples = answerer_of(run), moment_of(run, step), held_out(run)
    images, labels = examples["images"], examples["labels"]
    said = answerer.probabilities(moment.weights, images[:num])
    num_judged = min(len(labels), max(_LEAST_JUDGED, int(_MOST_FLOPS / answerer.flops)))
    plain = _plain(path, moment, num_judged)
    return {
        "step": moment.step,
        "classes": answerer.names,
        "pictures": pixels(images[:num]),
        "labels": labels[:num].tolist(),
        "probabilities": _rounded(said),
        "accuracy": float(np.mean(plain.argmax(1) == labels[:num_judged])),
        "num": num_judged,
    }


def confusions(path: str, step: int | None) -> dict[str, Any]:
    """Of all pictures that were held out, each seen once as it is: rows are what they are, columns what is said."""
    run, moment, labels, plain = _asked(path, step)
    counts = confusion.confusion(labels, plain.argmax(1), plain.shape[1])
    return {
        "step": moment.step,
        "classes": answerer_of(run).names,
        "counts": counts.tolist(),
        "accuracy": confusion.accuracy(counts),
        "recall": confusion.recall(counts),
        "num": len(labels),
    }


def confused(path: str, step: int | None, row: int, column: int) -> dict[str, Any]:
    """The pictures of one cell of the matrix, the surest first."""
    run, moment, labels, plain = _asked(path, step)
    if max(row, column) >= plain.shape[1]:
        raise NotFoundError(
            f"expected numbers of classes, 0 to {plain.shape[1] - 1}; got {row} and {column}. To fix: choose others."
        )
    found = np.flatnonzero((labels == row) & (plain.argmax(1) == column))
    shown = found[np.argsort(-plain[found, column], kind="stable")][:_MOST_SHOWN]
    return {
        "step": moment.step,
        "pictures": pixels(held_out(run)["images"][shown]),
        "probabilities": _rounded(plain[shown]),
        "total": len(found),
    }


def network_file(path: str, step: int | None) -> tuple[int, bytes]:
    """The step, and the weights by their names in the model as a file."""
    moment = moment_of(Run(Path(path)), step)
    return moment.step, save_safetensors({name: np.ascontiguousarray(a) for name, a in moment.weights.items()})


def _asked(path: str, step: int | None) -> tuple[Run, Moment, Array, Array]:
    """The labels (N,) of all that were held out, and what is said of them (N, K)."""
    run = Run(Path(path))
    num, moment = len(answerer_of(run).names), moment_of(run, step)
    if num > _MOST_CLASSES:
        raise DataError(f"expected at most {_MOST_CLASSES} classes; got {num}. To fix: choose another run.")
    labels = held_out(run)["labels"]
    return run, moment, labels, _plain(path, moment, len(labels))


@lru_cache(maxsize=16)
def _plain(path: str, moment: Moment, num: int) -> Array:
    """What is said of the first pictures that were held out, each seen once as it is."""
    run = Run(Path(path))
    return answerer_of(run).probabilities(moment.weights, held_out(run)["images"][:num], is_averaged=False)


def _rounded(probabilities: Array) -> list[list[float]]:
    return np.round(probabilities.astype(np.float64), _DIGITS).tolist()


async def _get_drawings(request: Request) -> Response:
    return json_answer(await in_worker(drawings_of, path_of(request), request.path_params["step"]))


async def _get_answers(request: Request) -> Response:
    num = query_int(request, "num", None) or _NUM["default"]
    return json_answer(await in_worker(answers, path_of(request), step_of(request), num))


async def _get_confusion(request: Request) -> Response:
    return json_answer(await in_worker(confusions, path_of(request), step_of(request)))


async def _get_cell(request: Request) -> Response:
    row, column = request.path_params["row"], request.path_params["column"]
    return json_answer(await in_worker(confused, path_of(request), step_of(request), row, column))


async def _get_network(request: Request) -> Response:
    step, content = await in_worker(network_file, path_of(request), step_of(request))
    # Of the name of a run only what every system takes as the name of a file.
    name = re.sub(r"[^A-Za-z0-9._-]", "_", request.path_params["run"]).strip("._-") or "network"
    headers = {"Content-Disposition": f'attachment; filename="{name}-{step}.safetensors"'}
    return Response(content, media_type=BYTES, headers=headers)


ENDPOINTS = (
    Endpoint("GET", "/api/runs/{run}/pictures/{step:int}", _get_drawings, "The drawings that the training kept."),
    Endpoint(
        "GET", "/api/runs/{run}/answers", _get_answers, "What the network says of pictures that were held out.",
        {"step": STEP, "num": _NUM},
    ),
    Endpoint(
        "GET", "/api/runs/{run}/confusion", _get_confusion, "Which classes are taken for which.", {"step": STEP},
    ),
    Endpoint(
        "GET", "/api/runs/{run}/confusion/{row:int}/{column:int}", _get_cell,
        "The pictures of one class taken for another.", {"step": STEP},
    ),
    Endpoint(
        "GET", "/api/runs/{run}/network", _get_network, "The weights as a file, from which a training can start.",
        {"step": STEP}, answer=BYTES,
    ),
)  # fmt: skip
