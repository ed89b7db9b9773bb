"""`glassnet look`: pictures of the inside of a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from glassnet.cli.options import json_option, print_result, run_argument
from glassnet.cli.using import encodable, notify, open_run, readable, runtime_options

if TYPE_CHECKING:
    from PIL import Image


@click.command()
@run_argument
@click.option("--picture", type=click.Path(path_type=Path), help="What to show it.  [default: one held out]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the pictures.  [default: RUN/look]")
@click.option(
    "--plane", type=click.Choice(["random", "gradient"]), default="random", show_default=True,
    help="What the map of the loss spans: two random directions, or the gradient and one.",
)  # fmt: skip
@runtime_options
@json_option
def look(
    run: Path,
    picture: Path | None,
    output: Path | None,
    plane: Literal["random", "gradient"],
    as_json: bool,
    **chosen: str | None,
) -> None:
    """Draw what is inside the network of RUN.

    For one picture, the weights and activations of each layer and their gradients; the values of all weights from
    random to trained; the loss down the gradient, and over a plane through the weights.
    """
    from glassnet.tasks import look as inside
    from glassnet.tasks.subject import open_subject, read_example

    opened = open_run(run, **chosen)
    subject = open_subject(opened.run, opened.checkpoint, opened.runtime)
    notify(subject.task.notices)
    example = read_example(subject, picture)
    folder = _made(output or run / "look")
    click.echo(f"looking into {readable(run)}: {subject.title}, {subject.when}", err=True)
    seen = inside.look_inside(subject, example)
    paths = _save(folder, inside.draw_inside(subject, seen))
    moments = inside.weights_in_time(subject)
    paths |= _save(folder, {"weights_over_time": inside.draw_time(subject, moments)})
    around = inside.surroundings(subject, plane)
    paths |= _save(folder, inside.draw_surroundings(subject, around))
    values: dict[str, Any] = inside.values_of(subject, seen, moments, around)
    values |= {"shown": encodable(values["shown"]), "pictures": paths}
    words = [readable(line) for line in inside.in_words(subject, seen).splitlines()]
    print_result(as_json, values, "\n".join([*words, "", *(readable(path) for path in paths.values())]))


def _made(folder: Path) -> Path:
    from glassnet.errors import CheckpointError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"expected a folder for the pictures at {folder}; got '{error.strerror}'. To fix: choose another --output."
        ) from error
    return folder


def _save(folder: Path, pictures: dict[str, Image.Image]) -> dict[str, str]:
    from glassnet.cli.using import save_picture

    return {name: save_picture(picture, folder / f"{name}.png") for name, picture in pictures.items()}
