"""`glassnet export`: a training as a site that goes on in a browser tab, or a network as one ONNX file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from glassnet.cli.options import json_option, print_result, training_options
from glassnet.cli.using import encodable, notify, open_checkpoint, readable

_NOT_HERE = ("runtime", "device", "precision", "fpir")  # options of a training that a browser has no use for


@click.command()
@click.argument("what", metavar="TASK|RUN")
@click.argument("output", metavar="SITE|FILE.onnx", type=click.Path(path_type=Path))
@click.option("--web", "is_web", is_flag=True, help="Write a folder of plain files that trains in a browser tab.")
@training_options(without=_NOT_HERE)
@json_option
def export(what: str, output: Path, is_web: bool, as_json: bool, **options: Any) -> None:
    """Take a training into a browser tab, or a trained network to other programs.

    With --web, SITE becomes a folder of plain files for any web server: TASK begins there as the options say, RUN
    goes on from its newest checkpoint, and its budget alone can be another one. Without it, FILE.onnx becomes the
    network of RUN with its weights in it, from a picture to probabilities (of houses: a step from noise to a drawing).
    """
    given = {name: value for name, value in options.items() if value is not None}
    if is_web:
        _export_site(what, output, given, as_json)
    else:
        _export_network(Path(what), output, given, as_json)


def _export_site(what: str, site: Path, given: Mapping[str, Any], as_json: bool) -> None:
    from glassnet.export.folder import check_target
    from glassnet.export.site import write_site
    from glassnet.export.subject import open_subject

    check_target(site)
    subject = open_subject(what, given)
    click.echo(f"learning from {readable(subject.task.source)}", err=True)
    notify(subject.notices)
    written = write_site(subject, site, lambda words: click.echo(words, err=True))
    values = {
        "path": encodable(site), "bytes": written.num_bytes, "files": written.num_files,
        "first_bytes": written.first_bytes, "weights": written.num_weights,
    }  # fmt: skip
    lines = [
        f"{readable(site)}: {written.num_files} files, {written.num_bytes / 1e6:.1f} MB; a browser loads "
        f"{written.first_bytes / 1e6:.1f} MB before the first step",
        "next:",
        f"  python3 -m http.server --bind 127.0.0.1 -d {shlex.quote(readable(site))}    # then open "
        "http://127.0.0.1:8000",
        "Several threads at once need a server that sends the two headers in its file _headers, as some hosts of "
        "static files do.",
    ]
    print_result(as_json, values, "\n".join(lines))


def _export_network(path: Path, file: Path, given: Mapping[str, Any], as_json: bool) -> None:
    from glassnet.errors import SettingsError
    from glassnet.export.network import write_network

    if given:
        raise SettingsError(
            f"expected no --{next(iter(given)).replace('_', '-')} without --web; got it. To fix: leave it out, or add "
            "--web."
        )
    if file.suffix.lower() != ".onnx":
        raise SettingsError(f"expected FILE.onnx, or --web for a site; got {file}. To fix: choose one of them.")
    run, checkpoint = open_checkpoint(path)
    written = write_network(run, checkpoint, file)
    values = {
        "path": encodable(file), "bytes": written.num_bytes, "step": checkpoint.step, "weights": written.num_weights,
        "inputs": written.inputs, "outputs": written.outputs,
    }  # fmt: skip
    signature = " -> ".join(
        ", ".join(f"{n} {s}" for n, s in named.items()) for named in (written.inputs, written.outputs)
    )
    text = (
        f"{readable(file)}: {written.num_weights:,} weights after {checkpoint.step:,} steps, "
        f"{written.num_bytes / 1e6:.1f} MB\n{signature}"
    )
    print_result(as_json, values, text)
