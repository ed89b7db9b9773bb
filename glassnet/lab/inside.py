"""Requests about the inside of a network at any moment: its layers for one picture, its weights over the training, the
loss around them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from glassnet.data.pictures import quiet
from glassnet.insight.histograms import histograms
from glassnet.insight.layers import Layer, Signal
from glassnet.lab.answers import json_answer, query_int, query_text
from glassnet.lab.asked import BYTES, STEP, path_of, picture_of, step_of
from glassnet.lab.encoding import MOST_NUMBERS, number, pixels, tensor
from glassnet.lab.endpoint import WHOLE, Endpoint, Schema
from glassnet.lab.opened import Moment, moment_of, stamp, subject_of
from glassnet.lab.worker import in_worker
from glassnet.tasks import look
from glassnet.tasks.look import Inside
from glassnet.tasks.subject import Example, decode_example, flops_of, held_out, names_of
from glassnet.training import Run, history

_PICTURE: Schema = {**WHOLE, "default": 0, "description": "Its number among those that were held out."}
_BINS: Schema = {"type": "integer", "minimum": 1, "maximum": 501, "default": 81}
_PLANE: Schema = {"enum": ["random", "gradient"], "default": "random"}
_MOST_LEVELS = 1_000_000  # of all tensors of an answer, a byte each
_LEAST_SHOWN = 4_096  # numbers of a tensor, however many there are
_NUM_ALONG, _NUM_PLANE = 25, 13
# Of all these losses: some fifteen seconds of one core. With fewer examples than the least there is little to see.
_MOST_FLOPS, _LEAST_EXAMPLES = 3e11, 4
_SURROUNDINGS_S = 180.0


def layers(path: str, step: int | None, picture: int) -> dict[str, Any]:
    """For one of the pictures that were held out."""
    subject = subject_of(Run(Path(path)), step)
    return _told(subject.run, subject.step, look.look_inside(subject, held_out(subject, picture)))


def layers_for(path: str, step: int | None, content: bytes) -> dict[str, Any]:
    """For a picture that somebody sent."""
    run = Run(Path(path))
    with quiet():
        image = decode_example(run, Path("the picture"), content)
    subject = subject_of(run, step)
    return _told(run, subject.step, look.look_inside(subject, Example(image, None, "the picture")))


def _told(run: Run, step: int, inside: Inside) -> dict[str, Any]:
    names, example = names_of(run), inside.example
    num_tensors = sum(2 * (len(layer.held) + len(layer.said)) for layer in inside.layers)
    most = max(_LEAST_SHOWN, min(MOST_NUMBERS, _MOST_LEVELS // max(1, num_tensors)))
    return {
        "step": step,
        "loss": number(inside.loss),
        "shown": {
            "pictures": pixels(example.image[None], is_ink=not names),
            "label": None if example.label is None else names[example.label],
            "source": example.source,
        },
        "answers": [{"name": names[i], "probability": number(share)} for i, share in inside.answers],
        "layers": [_layer(layer, most) for layer in inside.layers],
    }


def _layer(layer: Layer, most: int) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "num_weights": layer.num_weights,
        "input_shape": None if layer.input_shape is None else list(layer.input_shape),
        "held": [_signal(signal, most) for signal in layer.held],
        "said": [_signal(signal, most) for signal in layer.said],
    }


def _signal(signal: Signal, most: int) -> dict[str, Any]:
    gradient = None if signal.gradient is None else tensor(signal.name, signal.gradient, most)
    return {"name": signal.name, "values": tensor(signal.name, signal.values, most), "gradient": gradient}


def weights_in_time(path: str, bins: int) -> dict[str, Any]:
    """Histograms of all learned weights, at the moments that were kept and at the newest checkpoint."""
    run = Run(Path(path))
    newest = moment_of(run, None).step
    kept = tuple((step, stamp(file)) for step, file in history.snapshots(run))
    return _histograms(path, bins, newest, kept)


@lru_cache(maxsize=16)
def _histograms(path: str, bins: int, newest: int, kept: tuple[tuple[int, tuple[int, ...]], ...]) -> dict[str, Any]:
    run = Run(Path(path))
    edges, shares = histograms(look.kept_weights(run, moment_of(run, None).checkpoint), bins)
    moments = [{"step": step, "shares": share.tolist()} for step, share in shares.items()]
    return {"edges": edges.tolist(), "moments": moments}


def surroundings(path: str, step: int | None, plane: Literal["random", "gradient"]) -> dict[str, Any]:
    """The loss of the first examples of the training, down its gradient, and on a plane through the weights."""
    moment = moment_of(Run(Path(path)), step)
    return {"step": moment.step, **_surroundings(path, step, moment, plane)}


@lru_cache(maxsize=8)
def _surroundings(path: str, step: int | None, moment: Moment, plane: Literal["random", "gradient"]) -> dict[str, Any]:
    subject = subject_of(Run(Path(path)), step, needs_training=True)
    num_losses = 2 * _NUM_ALONG + _NUM_PLANE**2
    num = int(_MOST_FLOPS / (num_losses * flops_of(subject)))
    around = look.surroundings(
        subject,
        plane,
        num_examples=min(max(num, _LEAST_EXAMPLES), look.MOST_EXAMPLES),
        num_along=_NUM_ALONG,
        num_plane=_NUM_PLANE,
    )
    values = {"num_examples": around.num_examples, **look.surroundings_values(around)}
    along = values["loss_along_gradient"]
    return {**values, "loss_along_gradient": {**along, "loss": number(along["loss"]), "slope": number(along["slope"])}}


async def _get_layers(request: Request) -> Response:
    picture = query_int(request, "picture", None) or 0
    return json_answer(await in_worker(layers, path_of(request), step_of(request), picture))


async def _post_layers(request: Request) -> Response:
    path, step = path_of(request), step_of(request)
    return json_answer(await in_worker(layers_for, path, step, await picture_of(request)))


async def _get_weights(request: Request) -> Response:
    bins = query_int(request, "bins", None) or _BINS["default"]
    return json_answer(await in_worker(weights_in_time, path_of(request), bins))


async def _get_surroundings(request: Request) -> Response:
    plane: Any = query_text(request, "plane", _PLANE["default"])
    path, step = path_of(request), step_of(request)
    return json_answer(await in_worker(surroundings, path, step, plane, within_s=_SURROUNDINGS_S))


ENDPOINTS = (
    Endpoint(
        "GET", "/api/runs/{run}/layers", _get_layers, "What every layer holds and says of a picture that was held out.",
        {"step": STEP, "picture": _PICTURE},
    ),
    Endpoint(
        "POST", "/api/runs/{run}/layers", _post_layers, "What every layer holds and says of a picture of yours.",
        {"step": STEP}, body=BYTES,
    ),
    Endpoint(
        "GET", "/api/runs/{run}/weights", _get_weights, "How many weights have which value, over the training.",
        {"bins": _BINS},
    ),
    Endpoint(
        "GET", "/api/runs/{run}/surroundings", _get_surroundings, "The loss around the weights.",
        {"step": STEP, "plane": _PLANE},
    ),
)  # fmt: skip
