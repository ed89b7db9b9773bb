"""`glassnet runs`: what has been trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result

if TYPE_CHECKING:
    from glassnet.training import Run


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default=Path("runs"))
@json_option
def runs(directory: Path, as_json: bool) -> None:
    """What has been trained in DIRECTORY (runs), oldest first."""
    from glassnet.training import find_runs

    whole, complaints = find_runs(directory)
    for complaint in complaints:
        click.echo(complaint, err=True)
    found = [_summary(run) for run in whole]
    width = max((len(str(summary["run"])) for summary in found), default=0)
    lines = [
        f"{summary['run']!s:{width}}  {summary['task']:8}  {summary['steps']:>7,} steps  {summary['seconds']:>6.0f} s  "
        f"{summary['reason'] or 'not finished'}"
        for summary in found
    ]
    print_result(as_json, {"runs": found}, "\n".join(lines) or f"nothing has been trained in {directory} yet")


def _summary(run: Run) -> dict[str, Any]:
    from glassnet.training.events import Checkpointed, Finished

    saved = finished = None
    for event in run.events():  # once: a long training has a long log
        if isinstance(event, Checkpointed):
            saved = event
        elif isinstance(event, Finished):
            finished = event
    return {
        "run": str(run.path),
        "task": run.settings.task,
        "steps": saved.step if saved else 0,
        "seconds": saved.elapsed_s if saved else 0.0,
        "validation_loss": finished.validation_loss if finished else None,
        "reason": finished.reason if finished else None,
    }
