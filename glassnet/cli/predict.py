"""`glassnet predict`: what a trained network says of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result, run_argument
from glassnet.cli.using import encodable, open_classifier, readable, runtime_options

if TYPE_CHECKING:
    from glassnet.autodiff import Array
    from glassnet.tasks.classification import Predictor

_BATCH = 250  # pictures in memory at a time
_NUM_SHOWN = 3


@click.command()
@run_argument
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="IMAGE...")
@runtime_options
@json_option
def predict(run: Path, images: tuple[Path, ...], as_json: bool, **chosen: str | None) -> None:
    """Say what is in each IMAGE, by the network of RUN.

    Those that cannot be read are reported, the others are answered all the same, and the exit code is 1.
    """
    predictor = open_classifier(run, **chosen).predictor
    results = []
    for path, answer in _answers(predictor, images):
        if isinstance(answer, str):
            click.echo(f"glassnet: {readable(answer)}", err=True)
        elif not as_json:
            click.echo(f"{readable(path)}: {_in_words(answer, predictor.classes)}")
        results.append(_as_values(path, answer, predictor.classes))
    if as_json:
        print_result(as_json, {"results": results}, "")
    if any("error" in result for result in results):
        click.get_current_context().exit(1)


def _answers(predictor: Predictor, paths: Sequence[Path]) -> Iterator[tuple[Path, Array | str]]:
    """For each path in order the probabilities (K,) of its picture, or why there are none."""
    import numpy as np

    for start in range(0, len(paths), _BATCH):
        batch = paths[start : start + _BATCH]
        read = [_read(path, predictor.image_shape) for path in batch]
        images = [image for image in read if not isinstance(image, str)]
        rows = iter(predictor.probabilities(np.stack(images)) if images else ())
        for path, image in zip(batch, read, strict=True):
            yield path, image if isinstance(image, str) else next(rows)


def _read(path: Path, image_shape: Sequence[int]) -> Array | str:
    """The picture (C, H, W), or what is wrong with it."""
    from glassnet.data.pictures import read_picture
    from glassnet.errors import DataError

    channels, size_px, _ = image_shape
    try:
        return read_picture(path, size_px, channels)
    except DataError as error:
        return str(error)


def _in_words(probabilities: Array, classes: Sequence[str]) -> str:
    best = (-probabilities).argsort(kind="stable")[:_NUM_SHOWN]
    return ", ".join(f"{readable(classes[i])} {100 * probabilities[i]:.1f} %" for i in best)


def _as_values(path: Path, answer: Array | str, classes: Sequence[str]) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"path": encodable(path), "error": encodable(answer)}
    number = int(answer.argmax())
    name = classes[number]
    return {
        "path": encodable(path), "number": number, "name": name, "probability": float(answer[number]),
        "unknown": False, "nearest": name,
    }  # fmt: skip
