"""`glassnet runs`: what has been trained."""

from __future__ import annotations

from pathlib import Path

import click

from glassnet.cli.options import json_option, print_result


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default=Path("runs"))
@json_option
def runs(directory: Path, as_json: bool) -> None:
    """What has been trained in DIRECTORY (runs), oldest first."""
    from glassnet.training import find_runs

    found = [run.summary() for run in find_runs(directory)]
    width = max((len(str(summary["run"])) for summary in found), default=0)
    lines = [
        f"{summary['run']!s:{width}}  {summary['task']:8}  {summary['steps']:>7,} steps  {summary['seconds']:>6.0f} s  "
        f"validation loss {summary['validation_loss']:.4f}  {summary['reason'] or 'not finished'}"
        for summary in found
    ]
    print_result(as_json, {"runs": found}, "\n".join(lines) or f"nothing has been trained in {directory} yet")
