"""`glassnet export`: a training as a site that goes on in a browser tab, or a network as one ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from glassnet.cli.options import json_option, print_result
from glassnet.cli.using import encodable, notify, readable


@click.command()
@click.argument("what", metavar="TASK|RUN")
@click.argument("output", metavar="SITE|FILE.onnx", type=click.Path(path_type=Path))
@click.option("--web", "is_web", is_flag=True, help="Write a folder of plain files that trains in a browser tab.")
@json_option
def export(what: str, output: Path, is_web: bool, as_json: bool, **options: Any) -> None:
    """Take a training to a browser, or a network to another program."""
    from glassnet.export.site import write_site
    from glassnet.export.subject import open_subject

    given = {name: value for name, value in options.items() if value is not None}
    subject = open_subject(what, given)
    click.echo(f"learning from {readable(subject.task.source)}", err=True)
    notify(subject.notices)
    written = write_site(subject, output, lambda words: click.echo(readable(words), err=True))
    values = {"path": encodable(output), "bytes": written.num_bytes, "files": written.num_files,
              "first_bytes": written.first_bytes, "weights": written.num_weights}  # fmt: skip
    print_result(as_json, values, f"{readable(output)}, {written.num_bytes / 1e6:.1f} MB in {written.num_files} files")
