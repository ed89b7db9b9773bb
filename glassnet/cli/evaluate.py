"""`glassnet evaluate`: how well a trained network names pictures that it has never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result, run_argument
from glassnet.cli.using import (
    Opened,
    encodable,
    notify,
    open_classifier,
    open_run,
    readable,
    runtime_options,
    save_picture,
)

if TYPE_CHECKING:
    from glassnet.autodiff import Array
    from glassnet.tasks.unseen import Unseen

_NUM_CONFUSIONS = 10
_NUM_MISTAKES = 24


@click.command()
@run_argument
@click.option(
    "--data",
    help="CIFAR-10 in any of its forms, or a folder of pictures or of people.  [default: the test set of the training]",
)
@click.option("--fpir", type=float, help="faces: share of strangers that may be given a name.")
@runtime_options
@json_option
def evaluate(run: Path, data: str | None, fpir: float | None, as_json: bool, **chosen: str | None) -> None:
    """Let the network of RUN name pictures that it has never seen, and count what is right.

    What it confuses is drawn in RUN/confusion.png (of faces, in RUN/map.png and RUN/rates.png), its surest mistakes in
    RUN/mistakes.png.
    """
    opened = open_run(run, **chosen)
    if opened.is_of_faces:
        from glassnet.cli.evaluate_faces import evaluate_faces, in_words

        values = evaluate_faces(opened, data, fpir)
        print_result(as_json, values, "" if as_json else in_words(values))
    else:
        values, counts = _evaluate_classes(opened, data, fpir)
        print_result(as_json, values, "" if as_json else _in_words(values, counts))


def _evaluate_classes(opened: Opened, data: str | None, fpir: float | None) -> tuple[dict[str, Any], Array]:
    """The result as values of JSON, and the confusion matrix (K, K)."""
    from glassnet.errors import SettingsError
    from glassnet.insight.confusion import accuracy, confusion, recall
    from glassnet.tasks.unseen import other_test, own_test

    predictor, settings, checkpoint = open_classifier(opened), opened.run.settings, opened.checkpoint
    if fpir is not None:
        raise SettingsError(
            f"expected --fpir for a run of faces; got {opened.run.path}, one of {settings.task}. To fix: leave it out."
        )
    classes, size_px = predictor.classes, predictor.image_shape[-1]
    test = own_test(settings, classes, size_px) if data is None else other_test(data, settings, classes, size_px)
    notify(test.notices)
    probabilities = predictor.probabilities(test.pictures.images)
    counts = confusion(test.pictures.labels, probabilities.argmax(axis=1), len(classes))
    return {
        "accuracy": accuracy(counts),
        "recall": dict(zip(classes, recall(counts), strict=True)),
        "confusion": counts.tolist(),
        "classes": list(classes),
        "weights": opened.num_weights,
        "seconds": checkpoint.elapsed_s,
        "num_test": len(test.pictures.labels),
        "step": checkpoint.step,
        "pictures": _draw(opened.run.path, counts, probabilities, test, classes),
        "data": encodable(test.source),
    }, counts


def _draw(run: Path, counts: Array, probabilities: Array, test: Unseen, classes: Sequence[str]) -> dict[str, str]:
    from glassnet.insight.confusion import mistakes
    from glassnet.insight.sheets import confusion_sheet, mistakes_sheet

    labels = test.pictures.labels
    wrong = mistakes(probabilities, labels, _NUM_MISTAKES)
    sheets = {
        "confusion": confusion_sheet(counts, classes),
        "mistakes": mistakes_sheet(test.pictures.images[wrong], probabilities[wrong], labels[wrong], classes),
    }
    return {name: save_picture(sheet, run / f"{name}.png") for name, sheet in sheets.items()}


def _in_words(values: Mapping[str, Any], counts: Array) -> str:
    from glassnet.insight.confusion import frequent_confusions

    names = [readable(name) for name in values["classes"]]
    width = max(5, *map(len, names))
    lines = [
        f"accuracy {100 * values['accuracy']:.2f} % on {values['num_test']:,} pictures",
        f"{readable(values['data'])}",
        f"{values['weights']:,} weights, trained for {values['step']:,} steps in {values['seconds']:.0f} s",
        "",
        f"number  {'class':{width}}  pictures  recall",
    ]
    for i, (name, share) in enumerate(zip(names, values["recall"].values(), strict=True)):
        shown = "-" if share is None else f"{100 * share:.1f} %"
        lines.append(f"{i:>6}  {name:{width}}  {counts[i].sum():>8,}  {shown:>7}")
    confused = [
        f"  {names[i]} said to be {names[j]}: {n:,}" for i, j, n in frequent_confusions(counts, _NUM_CONFUSIONS)
    ]
    lines += ["", "most frequent mistakes:", *(confused or ["  none"]), ""]
    lines += [f"{name}: {readable(path)}" for name, path in values["pictures"].items()]
    return "\n".join(lines)
