"""`glassnet enroll`, `forget` and `people`: whom a run of faces knows, changed without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result, run_argument
from glassnet.cli.using import (
    encodable,
    open_checkpoint,
    open_gallery,
    open_recognizer,
    open_run,
    read_faces,
    readable,
    runtime_options,
)

if TYPE_CHECKING:
    from glassnet.tasks.gallery import Person, Trained


@click.command()
@run_argument
@click.argument("name")
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="IMAGE...")
@runtime_options
@json_option
def enroll(run: Path, name: str, images: tuple[Path, ...], as_json: bool, **chosen: str | None) -> None:
    """Let RUN know the person NAME by photos, in seconds and without training.

    Photos of somebody it knows already are added to the others. No photo is kept, only what the network makes of it.
    Those that cannot be used are reported, and the others are used all the same.
    """
    import numpy as np

    from glassnet.errors import DataError
    from glassnet.tasks import enrollment
    from glassnet.tasks.recognition import looks_like, trained_persons

    name = enrollment.checked_name(name)
    opened = open_run(run, **chosen)
    recognizer, trained = open_recognizer(opened), trained_persons(opened.run, opened.checkpoint)
    read = read_faces(images, recognizer)
    failures = [(path, face) for path, face in zip(images, read, strict=True) if isinstance(face, str)]
    for _, reason in failures:
        click.echo(f"left out: {readable(reason)}", err=True)
    faces = [face for face in read if not isinstance(face, str)]
    if not faces:
        raise DataError(f"expected a photo with the face of {name}; got none. To fix: choose other photos.")
    embeddings = recognizer.embed(np.stack(faces))
    person = enrollment.enroll(run, trained, name, embeddings)
    other = looks_like(embeddings, open_gallery(opened), person.number)
    if other is not None:
        click.echo(f"{readable(name)} looks like {readable(other)}: is that the same person?", err=True)
    left_out = [{"path": encodable(path), "error": encodable(reason)} for path, reason in failures]
    values = {**_as_values(person), "used": len(faces), "left_out": left_out, "looks_like": other}
    photos = f"{person.photos:,} photo{'' if person.photos == 1 else 's'}"
    print_result(as_json, values, f"{readable(name)}: number {person.number}, known by {photos}")


@click.command()
@run_argument
@click.argument("name")
@json_option
def forget(run: Path, name: str, as_json: bool) -> None:
    """Take the person NAME out of what RUN answers. Nobody else gets the number."""
    from glassnet.tasks import enrollment

    person = enrollment.forget(run, _trained(run), name)
    print_result(as_json, _as_values(person), f"{readable(person.name)}, number {person.number}, is forgotten")


@click.command()
@run_argument
@json_option
def people(run: Path, as_json: bool) -> None:
    """Whom RUN knows: numbers, names, and by how many photos."""
    from glassnet.tasks.gallery import listed, load_changes

    trained = _trained(run)
    persons = listed(trained, load_changes(run, trained))
    width = max((len(readable(person.name)) for person in persons), default=0)
    lines = [f"number  {'name':{width}}  source    photos"]
    for person in persons:
        note = "  by an earlier network, so not known any more: enroll again" if person.is_outdated else ""
        lines.append(
            f"{person.number:>6}  {readable(person.name):{width}}  {person.source:8}  {person.photos:>6,}{note}"
        )
    print_result(as_json, {"people": [_as_values(person) for person in persons]}, "\n".join(lines))


def _trained(run: Path) -> Trained:
    from glassnet.tasks.recognition import trained_persons

    return trained_persons(*open_checkpoint(run))


def _as_values(person: Person) -> dict[str, Any]:
    return {
        "number": person.number, "name": person.name, "source": person.source, "photos": person.photos,
        "outdated": person.is_outdated,
    }  # fmt: skip
