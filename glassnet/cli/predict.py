"""`glassnet predict`: what a trained network says of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from glassnet.cli.options import json_option, print_result, run_argument
from glassnet.cli.using import (
    Opened,
    encodable,
    open_classifier,
    open_gallery,
    open_recognizer,
    open_run,
    read_faces,
    readable,
    runtime_options,
)

if TYPE_CHECKING:
    from glassnet.autodiff import Array
    from glassnet.tasks.recognition import Answer

T = TypeVar("T")
Said: TypeAlias = tuple[str, dict[str, Any]]  # in words, and as values of JSON

_BATCH = 250  # pictures in memory at a time
_NUM_SHOWN = 3


@click.command()
@run_argument
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="IMAGE...")
@runtime_options
@json_option
def predict(run: Path, images: tuple[Path, ...], as_json: bool, **chosen: str | None) -> None:
    """Say what is in each IMAGE, or whose face it is, by the network of RUN.

    Those that cannot be read are reported, the others are answered all the same, and the exit code is 1.
    """
    opened = open_run(run, **chosen)
    say = _say_persons if opened.is_of_faces else _say_classes
    results = []
    for path, (words, values) in zip(images, say(opened, images), strict=True):
        if "error" in values:
            click.echo(f"glassnet: {readable(words)}", err=True)
        elif not as_json:
            click.echo(f"{readable(path)}: {words}")
        results.append({"path": encodable(path), **values})
    if as_json:
        print_result(as_json, {"results": results}, "")
    if any("error" in result for result in results):
        click.get_current_context().exit(1)


def _say_classes(opened: Opened, paths: Sequence[Path]) -> Iterator[Said]:
    predictor = open_classifier(opened)

    def read(batch: Sequence[Path]) -> list[Array | str]:
        return [_read(path, predictor.image_shape) for path in batch]

    for answer in _answers(paths, read, predictor.probabilities):
        yield _failed(answer) if isinstance(answer, str) else _class(answer, predictor.classes)


def _say_persons(opened: Opened, paths: Sequence[Path]) -> Iterator[Said]:
    from glassnet.tasks.recognition import identify

    recognizer, gallery = open_recognizer(opened), open_gallery(opened)

    def answer(images: Array) -> list[Answer]:
        return identify(recognizer.embed(images), gallery)

    for said in _answers(paths, lambda batch: read_faces(batch, recognizer), answer):
        yield _failed(said) if isinstance(said, str) else _person(said, gallery.threshold)


def _answers(
    paths: Sequence[Path],
    read: Callable[[Sequence[Path]], list[Array | str]],
    answer: Callable[[Array], Iterable[T]],
) -> Iterator[T | str]:
    """What is answered to the picture of each path, in order, or why it cannot be read."""
    import numpy as np

    for start in range(0, len(paths), _BATCH):
        pictures = read(paths[start : start + _BATCH])
        images = [picture for picture in pictures if not isinstance(picture, str)]
        answers = iter(answer(np.stack(images)) if images else ())
        for picture in pictures:
            yield picture if isinstance(picture, str) else next(answers)


def _read(path: Path, image_shape: Sequence[int]) -> Array | str:
    """The picture (C, H, W), or what is wrong with it."""
    from glassnet.data.pictures import read_picture
    from glassnet.errors import DataError

    channels, size_px, _ = image_shape
    try:
        return read_picture(path, size_px, channels)
    except DataError as error:
        return str(error)


def _failed(reason: str) -> Said:
    return reason, {"error": encodable(reason)}


def _class(probabilities: Array, classes: Sequence[str]) -> Said:
    best = (-probabilities).argsort(kind="stable")[:_NUM_SHOWN]
    words = ", ".join(f"{readable(classes[i])} {100 * probabilities[i]:.1f} %" for i in best)
    number = int(best[0])
    name, probability = classes[number], float(probabilities[number])
    return words, {"number": number, "name": name, "probability": probability, "unknown": False, "nearest": name}


def _person(answer: Answer, threshold: float) -> Said:
    percent = f"{100 * answer.probability:.1f} %"
    if answer.is_unknown:
        words = f"unknown (nearest: {readable(answer.nearest)}, {percent})"
    else:
        words = f"{readable(answer.name)} (number {answer.number}, {percent})"
    return words, {
        "number": answer.number, "name": answer.name, "probability": answer.probability, "unknown": answer.is_unknown,
        "nearest": answer.nearest, "score": answer.score, "threshold": threshold,
    }  # fmt: skip
