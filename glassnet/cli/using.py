"""What the verbs for pictures share: options of a trained network, how it is opened, how names and notices show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from PIL import Image

    from glassnet.autodiff import Array
    from glassnet.runtimes import Runtime
    from glassnet.tasks.classification import Predictor
    from glassnet.tasks.gallery import Gallery
    from glassnet.tasks.recognition import Recognizer
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
class Opened:
    """The newest whole checkpoint of a run, and what its network is to run on."""

    run: Run
    checkpoint: Checkpoint
    runtime: Runtime

    @property
    def is_of_faces(self) -> bool:
        """Whether it tells persons apart, not classes of pictures."""
        return "people" in self.run.facts

    @property
    def num_weights(self) -> int:
        return sum(t.size for name, t in self.checkpoint.tensors.items() if name.startswith("parameters/"))


def open_run(path: Path, runtime: str | None, device: str | None, precision: str | None) -> Opened:
    """The run at ``path``, on the runtime of its training unless another is given."""
    from glassnet.runtimes import get_runtime

    run, checkpoint = open_checkpoint(path)
    if runtime is None:
        saved = run.settings
        opened = get_runtime(saved.runtime, device or saved.device, precision or saved.precision)
    else:  # it may not have the device and the precision of the training
        opened = get_runtime(runtime, device or "auto", precision or "auto")
    return Opened(run, checkpoint, opened)


def open_checkpoint(path: Path) -> tuple[Run, Checkpoint]:
    """The run at ``path`` and its newest whole checkpoint; damaged ones are told."""
    from glassnet.training import Run

    run = Run(path)
    checkpoint, complaints = run.newest_checkpoint()
    for complaint in complaints:
        click.echo(f"{complaint} Using step {checkpoint.step}.", err=True)
    return run, checkpoint


def open_classifier(opened: Opened) -> Predictor:
    """The network of a run that tells classes of pictures apart."""
    from glassnet.tasks.classification import Predictor

    return Predictor(opened.run, opened.checkpoint, opened.runtime)


def open_recognizer(opened: Opened) -> Recognizer:
    """The network of a run that tells persons apart."""
    from glassnet.tasks.recognition import Recognizer

    return Recognizer(opened.run, opened.checkpoint, opened.runtime)


def open_gallery(opened: Opened, fpir: float | None = None) -> Gallery:
    """The persons that a run knows, with a threshold for that share of strangers; what to know of them on stderr."""
    from glassnet.tasks.recognition import open_gallery

    gallery, notices = open_gallery(opened.run, opened.checkpoint, fpir)
    notify(notices)
    return gallery


def read_faces(paths: Sequence[Path], recognizer: Recognizer) -> list[Array | str]:
    """The face in each photo as the recognizer wants it, or why there is none, in order."""
    from glassnet.data import people

    reasons = {people.NO_FACE: "none"}
    return [
        f"expected a face in {path}; got {reasons.get(face, face)}. To fix: choose another photo."
        if isinstance(face, str)
        else face
        for path, face in zip(paths, people.read_faces(paths, recognizer.framing), strict=True)
    ]


def save_picture(picture: Image.Image, path: Path) -> str:
    """Write it into a run directory, which is made if need be; returns the path as it is printed."""
    from glassnet.errors import CheckpointError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    except OSError as error:
        raise CheckpointError(
            f"expected to write {path}; got '{error.strerror}'. To fix: free space or permissions there."
        ) from error
    return encodable(path)


def save_output(picture: Image.Image, output: Path) -> str:
    """Write it where --output says; returns the path as it is printed."""
    from glassnet.errors import SettingsError

    try:
        picture.save(output)
    except OSError as error:
        raise SettingsError(
            f"expected to write {output}; got '{error.strerror}'. To fix: choose another --output."
        ) from error
    return encodable(output)


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
