"""`glassnet train`: settings from options, a progress bar from events, and what came out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result, training_options
from glassnet.cli.several import agree, follow_leader, several, shared, was_interrupted
from glassnet.cli.using import notify, readable

if TYPE_CHECKING:
    from glassnet.runtimes import Runtime
    from glassnet.runtimes.parallel import Group
    from glassnet.tasks.classification import Classification
    from glassnet.tasks.faces import Faces
    from glassnet.training import Run, Settings, Task
    from glassnet.training.events import Finished

RUNS = Path("runs")
_BY_FOLDER = ("folder", "faces")  # tasks of which there are as many as there are folders


@click.command()
@click.argument("task")
@training_options()
@click.option(
    "--run", "--run-dir", "path", type=click.Path(path_type=Path),
    help="Directory of the run.  [default: runs/TASK-TIME]",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with --run (or the newest run of TASK) where it stopped.")
@json_option
def train(task: str, path: Path | None, resume: bool, as_json: bool, **options: Any) -> None:
    """Train TASK from random weights: cifar10, faces, houses, or a folder with a folder of pictures per class
    (or shards of such a folder, here or at a URL).

    Ctrl-C saves and stops; --resume goes on. Meanwhile `glassnet lab` can pause it and change its numbers.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("start"):
        given["start"] = str(Path(given["start"]).expanduser().absolute())
    with several(given) as group:
        _train(task, path, resume, given, as_json, group)


def _train(
    task: str, path: Path | None, resume: bool, given: dict[str, Any], as_json: bool, group: Group | None
) -> None:
    from glassnet.cli.progress import follow
    from glassnet.runtimes import get_runtime
    from glassnet.tasks import fit_to_data, open_task
    from glassnet.training import check_start, create, new_directory, steered

    leads = group is None or group.leads
    resume = resume or was_interrupted(path)
    settings, run = _begun(task, path, resume, given) if leads else (None, None)
    settings = shared(settings, group)
    runtime = get_runtime(settings.runtime, settings.device, settings.precision)
    opened = open_task(settings, runtime)
    if not resume:
        settings = fit_to_data(settings, opened, given)
    if group is not None:
        agree(settings, opened, group)
        if not leads:
            return follow_leader(opened, settings, runtime, group)
    click.echo(f"learning from {readable(opened.source)}", err=True)
    notify(opened.notices)
    if run is None:
        check_start(opened, settings)
        run = create(path or new_directory(RUNS, settings.task), settings, opened.facts)
    finished = follow(steered(opened, run, runtime, resume))
    _report(task, run, opened, runtime, finished, as_json)
    if finished.reason == "stopped":
        raise KeyboardInterrupt
    return None


def _begun(task: str, path: Path | None, resume: bool, given: dict[str, Any]) -> tuple[Settings, Run | None]:
    """The settings of what is to be trained, and the run, if there is one that goes on."""
    from glassnet.tasks import on_this_machine, settings_for
    from glassnet.training import unpause

    settings = settings_for(task, given)
    if not resume:
        return on_this_machine(settings, given), None
    run = _find(task, settings, path)
    run.adopt(given)
    unpause(run)
    return run.settings, run


def _find(task: str, settings: Settings, path: Path | None) -> Run:
    """The run to go on with: the one named, or the newest of the task; of a folder, that very folder."""
    from glassnet.errors import CheckpointError
    from glassnet.training import Run, find_runs

    if path is not None:
        run = Run(path)
        if not _is_of(run, settings):
            raise CheckpointError(
                f"expected a run of {task} in {path}; got one of {run.settings.task}. To fix: choose another --run."
            )
        return run
    of_task = [run for run in find_runs(RUNS)[0] if _is_of(run, settings)]
    if not of_task:
        raise CheckpointError(f"expected a run of {task} in {RUNS}/ to resume; got none. To fix: name it with --run.")
    return of_task[-1]


def _is_of(run: Run, settings: Settings) -> bool:
    is_same_data = settings.task not in _BY_FOLDER or settings.data in (None, run.settings.data)
    return run.settings.task == settings.task and is_same_data


def _report(task: str, run: Run, opened: Task, runtime: Runtime, finished: Finished, as_json: bool) -> None:
    """What came out, and what can be done with it; ``task`` as it was typed."""
    from glassnet.tasks.classification import Classification
    from glassnet.tasks.faces import Faces
    from glassnet.training.events import Started

    started = run.last(Started)
    assert started is not None
    values = {
        "run": run.path, "task": run.settings.task, "source": started.source, "weights": started.num_weights,
        "steps": finished.step, "seconds": finished.elapsed_s, "loss": finished.loss,
        "validation_loss": finished.validation_loss, "reason": finished.reason,
    }  # fmt: skip
    minutes = max(2, round(2 * finished.elapsed_s / 60))
    loss = "unknown" if finished.loss is None else f"{finished.loss:.4f}"
    if isinstance(opened, Classification):
        more, lines = _tested(run, opened, runtime, finished)
    elif isinstance(opened, Faces):
        more, lines = _known(run, opened, runtime, finished)
    else:
        more, lines = _filmed(run)
    text = [
        f"{finished.reason}: {finished.step:,} steps in {finished.elapsed_s:.0f} s, loss {loss}",
        *lines,
        f"  glassnet train {_typed(task)} --resume --run {_typed(run.path)} --minutes {minutes}    # learn on",
    ]
    print_result(as_json, {**values, **more}, "\n".join(text))


def _tested(run: Run, task: Classification, runtime: Runtime, finished: Finished) -> tuple[dict[str, Any], list[str]]:
    """How much of the whole test set is named rightly. Who pressed Ctrl-C is not kept waiting for it."""
    from glassnet.tasks.classification import Predictor

    num = len(task.test.labels)
    is_stopped = finished.reason == "stopped"
    accuracy = None if is_stopped else Predictor(run, run.newest_checkpoint()[0], runtime).accuracy(task.test)
    said = [] if accuracy is None else [f"test accuracy {accuracy:.2%} of {num:,} pictures it never learned from"]
    lines = [
        *said,
        "next:",
        f"  glassnet evaluate {_typed(run.path)}    # which classes it knows, and which it confuses",
        f"  glassnet predict {_typed(run.path)} photo.jpg    # what it sees in a picture of yours",
    ]
    return {"accuracy": accuracy, "num_test": num}, lines


def _known(run: Run, task: Faces, runtime: Runtime, finished: Finished) -> tuple[dict[str, Any], list[str]]:
    """Set the threshold for strangers, which takes a moment. Who pressed Ctrl-C is not kept waiting for it."""
    from glassnet.tasks.recognition import calibrated

    known, checkpoint = task.people, run.newest_checkpoint()[0]
    if finished.reason != "stopped":
        calibrated(run, checkpoint, known, runtime, run.settings.fpir)
    num = len(known.held_out.labels)
    said = [] if finished.accuracy is None else [f"accuracy {finished.accuracy:.2%} of {num:,} photos held out"]
    lines = [
        *said,
        "next:",
        f"  glassnet predict {_typed(run.path)} photo.jpg    # whose face it is, or unknown",
        f"  glassnet evaluate {_typed(run.path)}    # who is named rightly, and what becomes of strangers",
        f"  glassnet enroll {_typed(run.path)} NAME photo.jpg    # one person more, without training",
    ]
    return {"accuracy": finished.accuracy, "num_test": num, "people": len(known.names)}, lines


def _filmed(run: Run) -> tuple[dict[str, Any], list[str]]:
    from glassnet.training import write_film

    film = write_film(run.pictures, run.path / "film.png") if any(run.pictures.glob("*.npy")) else None
    return {"film": film}, [
        f"from noise to houses, row by row, the same eight noise seeds: {film}",
        "next:",
        f"  glassnet draw {_typed(run.path)}    # new drawings",
        f"  glassnet film {_typed(run.path)}    # how they came to be, as a picture and an animation",
    ]


def _typed(path: str | Path) -> str:
    """A path as one types it in a shell."""
    return shlex.quote(readable(path))
