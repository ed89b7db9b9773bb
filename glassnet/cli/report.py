"""`glassnet report`: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from glassnet.cli.options import json_option, print_result, run_argument
from glassnet.cli.using import encodable, notify, readable


@click.command()
@run_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), help="FILE.html  [default: RUN/report.html]")
@json_option
def report(run: Path, output: Path | None, as_json: bool) -> None:
    """Write what the lab shows of RUN into one HTML file, to be opened anywhere: its curves, its pictures, its layers,
    the stories of some of its weights.

    The file needs neither glassnet nor the internet.
    """
    from glassnet.errors import SettingsError
    from glassnet.lab.report import write_report

    output = output or run / "report.html"
    if output.suffix.lower() not in (".html", ".htm"):
        raise SettingsError(f"expected --output FILE.html; got {output}. To fix: choose a name that ends in .html.")
    written = write_report(run, output, lambda words: click.echo(readable(words), err=True))
    notify(written.notices)
    values = {"report": encodable(output), "bytes": written.size_bytes}
    print_result(as_json, values, f"{readable(output)}, {written.size_bytes / 1e6:.1f} MB: open it in a browser")
