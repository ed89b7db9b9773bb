"""`glassnet import`: a training that a page saved becomes a run."""

from __future__ import annotations

from pathlib import Path

import click

from glassnet.cli.options import json_option, print_result
from glassnet.cli.using import encodable, readable


@click.command(name="import")
@click.argument("file", metavar="FILE.safetensors", type=click.Path(path_type=Path))
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@json_option
def import_state(file: Path, run: Path, as_json: bool) -> None:
    """Bring home what a page that trains by itself has saved ("Save everything").

    RUN is a new directory: predict and evaluate use it, `glassnet train TASK --resume --run RUN` goes on.
    """
    from glassnet.training.saved_state import unpack

    made = unpack(file, run)
    checkpoint, _ = made.newest_checkpoint()
    task = made.settings.task
    values = {"path": encodable(run), "task": task, "step": checkpoint.step, "elapsed_s": checkpoint.elapsed_s}
    text = f"{readable(run)}: {task} after {checkpoint.step:,} steps, {checkpoint.elapsed_s:.0f} s"
    print_result(as_json, values, text)
