"""What the verbs for pictures share: options of a trained classifier, how it is opened, how names and notices show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from glassnet.tasks.classification import Predictor
    from glassnet.training import Checkpoint, Run

F = TypeVar("F", bound=Callable[..., Any])

_NOTICES_SHOWN = 10
_CHOICES = {
    "runtime": (["auto", "onnx", "torch", "numpy"], "What runs the graph.  [default: as in the training]"),
    "device": (["auto", "cpu", "cuda"], "Where it runs.  [default: as in the training, or auto with --runtime]"),
    "precision": (["auto", "float32", "bfloat16", "float16"], "Of its numbers.  [default: likewise]"),
}


def runtime_options(verb: F) -> F:
    """--runtime, --device and --precision, each None unless it is given."""
    for name, (choices, text) in reversed(_CHOICES.items()):
        verb = click.option(f"--{name}", type=click.Choice(choices), help=text)(verb)
    return verb


@dataclasses.dataclass(frozen=True)
class Classifier:
    """The network of a run as its newest whole checkpoint left it."""

    run: Run
    checkpoint: Checkpoint
    predictor: Predictor


def open_classifier(path: Path, runtime: str | None, device: str | None, precision: str | None) -> Classifier:
    """The classifier of the run at ``path``, on the runtime of its training unless another is given."""
    from glassnet.runtimes import get_runtime
    from glassnet.tasks.classification import Predictor
    from glassnet.training import Run

    run = Run(path)
    checkpoint, complaints = run.newest_checkpoint()
    for complaint in complaints:
        click.echo(f"{complaint} Using step {checkpoint.step}.", err=True)
    if runtime is None:
        saved = run.settings
        opened = get_runtime(saved.runtime, device or saved.device, precision or saved.precision)
    else:  # it may not have the device and the precision of the training
        opened = get_runtime(runtime, device or "auto", precision or "auto")
    return Classifier(run, checkpoint, Predictor(run, checkpoint, opened))


def notify(notices: Sequence[str]) -> None:
    """The first notices of a data set on stderr, a line each."""
    for notice in notices[:_NOTICES_SHOWN]:
        click.echo(readable(notice), err=True)
    if len(notices) > _NOTICES_SHOWN:
        click.echo(f"and {len(notices) - _NOTICES_SHOWN:,} more", err=True)


def readable(text: object) -> str:
    """A name or message in one line, whatever is in it; see `one_line`."""
    from glassnet.insight.names import one_line

    return one_line(str(text))


def encodable(text: object) -> str:
    """The text without what is left of names that are not UTF-8, which many readers of JSON refuse."""
    return str(text).encode(errors="surrogateescape").decode(errors="replace")
