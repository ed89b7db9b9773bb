"""`glassnet train`: settings from options, a progress bar from events."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result

if TYPE_CHECKING:
    from glassnet.training import Run
    from glassnet.training.events import Finished

RUNS = Path("runs")


@click.command()
@click.argument("task")
@click.option("--data", help="generated, quickdraw, or the path of a .npy or .ndjson file of drawings.")
@click.option("--model", help="Name of the network; each task has a default.")
@click.option("--minutes", type=float, help="Train for this long.")
@click.option("--epochs", type=float, help="Train for this many passes over the data.")
@click.option("--steps", type=int, help="Train for this many updates of the weights.")
@click.option("--batch-size", type=int, help="Examples in each step.")
@click.option("--learning-rate", type=float, help="The largest step size; the schedule goes up to it and down again.")
@click.option("--schedule", type=click.Choice(["constant", "linear", "cosine", "one_cycle"]), help="Its course.")
@click.option("--weight-decay", type=float, help="How strongly weights are pulled towards 0.")
@click.option("--runtime", type=click.Choice(["auto", "onnx", "torch", "numpy"]), help="What runs the graph.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where it runs.")
@click.option("--seed", type=int, help="Of the first weights, the order of examples and all noise.")
@click.option("--run", "path", type=click.Path(path_type=Path), help="Directory of the run.  [default: runs/TASK-TIME]")
@click.option("--resume", is_flag=True, help="Go on with --run (or the newest run of TASK) where it stopped.")
@json_option
def train(task: str, path: Path | None, resume: bool, as_json: bool, **options: Any) -> None:
    """Train TASK (houses) from random weights. Ctrl-C saves and stops; --resume goes on."""
    from glassnet.cli.progress import follow
    from glassnet.runtimes import get_runtime
    from glassnet.tasks import open_task, settings_for
    from glassnet.training import create
    from glassnet.training import train as training

    given = {name: value for name, value in options.items() if value is not None}
    settings = settings_for(task, given)
    if resume:
        run = _find(task, path)
        run.adopt(given)
        settings = run.settings
    runtime = get_runtime(settings.runtime, settings.device)
    opened = open_task(settings, runtime)
    click.echo(f"learning from {opened.source}", err=True)
    if not resume:
        run = create(path or RUNS / f"{task}-{time.strftime('%Y%m%d-%H%M%S')}", settings)
    finished = follow(training(opened, run, runtime, resume))
    _report(run, finished, as_json)
    if finished.reason == "stopped":
        raise KeyboardInterrupt


def _find(task: str, path: Path | None) -> Run:
    """The run to go on with: the one named, or the newest of the task."""
    from glassnet.errors import CheckpointError
    from glassnet.training import Run, find_runs

    if path is not None:
        run = Run(path)
        if run.settings.task != task:
            raise CheckpointError(
                f"expected a run of {task} in {path}; got one of {run.settings.task}. To fix: choose another --run."
            )
        return run
    of_task = [run for run in find_runs(RUNS)[0] if run.settings.task == task]
    if not of_task:
        raise CheckpointError(f"expected a run of {task} in {RUNS}/ to resume; got none. To fix: name it with --run.")
    return of_task[-1]


def _report(run: Run, finished: Finished, as_json: bool) -> None:
    from glassnet.training import write_film
    from glassnet.training.events import Started

    film = write_film(run.pictures, run.path / "film.png") if any(run.pictures.glob("*.npy")) else None
    started = run.last(Started)
    assert started is not None
    values = {
        "run": run.path, "task": run.settings.task, "source": started.source, "weights": started.num_weights,
        "steps": finished.step, "seconds": finished.elapsed_s, "loss": finished.loss,
        "validation_loss": finished.validation_loss, "reason": finished.reason, "film": film,
    }  # fmt: skip
    minutes = max(2, round(2 * finished.elapsed_s / 60))
    loss = "unknown" if finished.loss is None else f"{finished.loss:.4f}"
    lines = [
        f"{finished.reason}: {finished.step:,} steps in {finished.elapsed_s:.0f} s, loss {loss}",
        f"from noise to houses, row by row, the same eight noise seeds: {film}",
        "next:",
        f"  glassnet draw {run.path}    # new drawings",
        f"  glassnet film {run.path}    # how they came to be, as a picture and an animation",
        f"  glassnet train {run.settings.task} --resume --run {run.path} --minutes {minutes}    # learn on",
    ]
    print_result(as_json, values, "\n".join(lines))
