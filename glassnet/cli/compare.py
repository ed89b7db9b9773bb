"""`glassnet compare`: a network beside classical algorithms, on the same pictures."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result
from glassnet.cli.using import encodable, notify, readable, runtime_options, save_picture

if TYPE_CHECKING:
    from PIL import Image

    from glassnet.runtimes import Runtime
    from glassnet.tasks.comparison import Row, Split
    from glassnet.tasks.grid import Cell, Ledger, Plan, Result
    from glassnet.training import Settings
    from glassnet.training.events import Event

RUNS = Path("runs")
_RUNTIME = ("runtime", "device", "precision")
_BLUES = ((168, 205, 236), (17, 60, 120))  # of the smallest network and of the largest
_CLASSICAL_COLORS = ((120, 120, 120), (222, 135, 12), (190, 40, 30))


@click.group()
def compare() -> None:
    """Set a network beside classical algorithms, on the same pictures."""


@compare.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder of people; with --run, of photos to test with.")
@click.option(
    "--block", "is_block", is_flag=True, default=None, help="Hold out neighboring numbers: photos of an event together."
)
@click.option("--per-person", "num_per_person", type=click.IntRange(min=1), help="Learn from so many of each person.")
@click.option("--crop/--no-crop", default=None, help="Find the faces in the photos, or take them as they are.")
@click.option("--minutes", type=float, help="Train the network for this long.  [default: by number of photos]")
@click.option("--run", "path", type=click.Path(path_type=Path), help="Take this trained network instead of a new one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the split and of all trainings.")
@runtime_options
@json_option
def faces(path: Path | None, data: Path | None, seed: int, as_json: bool, **options: Any) -> None:
    """Who is in a photo, said by nearest neighbor, eigenfaces + SVM, HOG + SVM and the network.

    A folder with train and test in it is taken as it is; of another, one photo in five of each person is held out.
    With --run, all learn from what that network was trained on.
    """
    from glassnet.baselines.classical import require_packages
    from glassnet.baselines.machine import machine
    from glassnet.runtimes import get_runtime
    from glassnet.tasks.comparison import classical_rows, most_frequent, network_row
    from glassnet.training import Run

    require_packages()
    given = {name: value for name, value in options.items() if value is not None}
    settings = _settings(path, seed, given)
    runtime = get_runtime(settings.runtime, settings.device, settings.precision)
    split = _split(path, data, seed, given)
    known, test = split.known, split.test
    click.echo(f"{readable(known.source)}; asked for {len(test.labels):,}, {readable(split.how)}", err=True)
    notify(known.notices)
    rows = []
    for row in classical_rows(split, seed):
        rows.append(row)
        click.echo(f"{row.algorithm}: {row.accuracy:.1%} after {row.training_s:.0f} s of training", err=True)
    rows.append(network_row(split, Run(path), runtime) if path else _trained(split, settings, given, runtime))
    name, share = most_frequent(split)
    drawn = path / "comparison.png" if path else RUNS / f"compare-faces-{time.strftime('%Y%m%d-%H%M%S')}.png"
    values = {
        "data": encodable(known.source), "test": encodable(split.how), "num_people": len(known.names),
        "num_training": len(known.training.labels), "num_test": len(test.labels), "seed": seed,
        "rows": [dataclasses.asdict(row) for row in rows],
        "most_frequent": {"name": encodable(name), "accuracy": share},
        "picture": save_picture(_bars(rows, split), drawn), "machine": machine(),
    }  # fmt: skip
    lines = [*_table_of_faces(rows), f"always saying {readable(name)}: {share:.1%}", "", f"picture: {readable(drawn)}"]
    print_result(as_json, values, "\n".join(lines))


@compare.command()
@click.option("--full", "is_full", is_flag=True, help="Four sizes, three numbers of photos, all test photos: hours.")
@click.option("--data", help="Where CIFAR-10 is.")
@click.option(
    "--run",
    "directory",
    type=click.Path(path_type=Path),
    default=RUNS / "compare-cifar10",
    show_default=True,
    help="Directory of the results; what it has already is not measured again.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of photos and of all trainings.")
@runtime_options
@json_option
def cifar10(is_full: bool, data: str | None, directory: Path, seed: int, as_json: bool, **options: str | None) -> None:
    """Thousands of weights against millions: accuracy by size of the network and by number of training photos.

    Beside it nearest neighbor, HOG + SVM and k-means features, trained on the same photos. Ctrl-C keeps what is
    measured; the same command goes on.
    """
    from glassnet.baselines.machine import machine
    from glassnet.tasks.grid import FULL, SMALL, Ledger, cells_of

    plan = dataclasses.replace(FULL if is_full else SMALL, seed=seed)
    with Ledger(directory) as ledger:
        notify(ledger.complaints)
        _fill(plan, ledger, data, options)
        results = [ledger.results[cell] for cell in cells_of(plan)]
    drawn = directory / "comparison.png"
    values = {
        "run": encodable(directory), "plan": dataclasses.asdict(plan),
        "results": [dataclasses.asdict(result) for result in results],
        "picture": save_picture(_lines(results, plan), drawn), "machine": machine(),
    }  # fmt: skip
    text = [*_table_of_grid(results, plan), "", *_verdicts(results, plan), "", f"picture: {readable(drawn)}"]
    print_result(as_json, values, "\n".join(text))


def _settings(path: Path | None, seed: int, given: Mapping[str, Any]) -> Settings:
    """Of the training to come; or of the run, on another runtime if one is given."""
    from glassnet.tasks import settings_for
    from glassnet.training import Run

    if path is None:
        others = {name: value for name, value in given.items() if name not in ("is_block", "num_per_person")}
        return settings_for("faces", {**others, "seed": seed})
    chosen = {name: given[name] for name in _RUNTIME if name in given}
    unsaid = dict.fromkeys(_RUNTIME, "auto") if "runtime" in given else {}
    return dataclasses.replace(Run(path).settings, **{**unsaid, **chosen})


def _split(path: Path | None, data: Path | None, seed: int, given: Mapping[str, Any]) -> Split:
    from glassnet.errors import SettingsError
    from glassnet.tasks.comparison import split, split_of
    from glassnet.training import Run

    if path is None:
        how = (given.get("crop", True), given.get("is_block", False), given.get("num_per_person"))
        return split(data, *how, seed=seed)
    options = {"is_block": "--block", "num_per_person": "--per-person", "crop": "--crop", "minutes": "--minutes"}
    wrong = [option for name, option in options.items() if name in given]
    if wrong:
        raise SettingsError(
            f"expected no {wrong[0]} with --run, which says that; got both. To fix: leave one of them out."
        )
    return split_of(Run(path), data)


def _trained(split: Split, settings: Settings, given: Mapping[str, Any], runtime: Runtime) -> Row:
    """What a network does that is trained here.

    It is not kept: `glassnet evaluate` would ask it for photos that this split has it learn from.
    """
    from glassnet.tasks import fit_to_data
    from glassnet.tasks.comparison import network_row
    from glassnet.tasks.faces import Faces
    from glassnet.training import create, train

    task = Faces(settings, split.known)
    with tempfile.TemporaryDirectory() as directory:
        run = create(Path(directory) / "run", fit_to_data(settings, task, given), task.facts)
        _follow_to_its_end(train(task, run, runtime))
        return network_row(split, run, runtime)


def _follow_to_its_end(training: Generator[Event | None]) -> None:
    """Draw the events as they come. Ctrl-C ends the command."""
    from glassnet.cli.progress import follow

    if follow(training).reason == "stopped":
        raise KeyboardInterrupt


def _table_of_faces(rows: Sequence[Row]) -> list[str]:
    width = max(len(row.algorithm) for row in rows)
    head = f"{'':{width}}  accuracy  mean of persons  training s  s per 1,000  numbers kept"
    return [head] + [
        f"{row.algorithm:{width}}  {row.accuracy:8.1%}  {row.mean_recall:15.1%}  {row.training_s:10,.1f}  "
        f"{row.answering_s:11,.2f}  {row.num_kept:12,}  {row.kept}"
        for row in rows
    ]


def _bars(rows: Sequence[Row], split: Split) -> Image.Image:
    from glassnet.insight.charts import Bar, bar_chart
    from glassnet.tasks.comparison import NETWORK

    texts = [f"{row.accuracy:.1%}, {row.num_kept:,} numbers" for row in rows]
    bars = [
        Bar(row.algorithm, 100 * row.accuracy, text, is_pale=row.algorithm != NETWORK)
        for row, text in zip(rows, texts, strict=True)
    ]
    num, num_people = len(split.test.labels), len(split.known.names)
    title = f"Who is it? {num:,} new photos of {num_people:,} people, learned from {len(split.known.training.labels):,}"
    return bar_chart(bars, title=title, value_label="photos named rightly, in %")


def _fill(plan: Plan, ledger: Ledger, data: str | None, options: Mapping[str, str | None]) -> None:
    """Measure what the ledger lacks."""
    from glassnet.baselines.classical import require_packages
    from glassnet.data import cifar10
    from glassnet.runtimes import get_runtime
    from glassnet.tasks.grid import cells_of, measure, missing

    todo, num = missing(plan, ledger), len(cells_of(plan))
    if not todo:
        return
    require_packages()
    runtime = get_runtime(*(options[name] or "auto" for name in _RUNTIME))
    pictures = cifar10.load(data)
    for done, cell in enumerate(todo, start=num - len(todo) + 1):
        click.echo(f"{done} of {num}: {_name(cell)}, {cell.num_training:,} photos", err=True)
        result = measure(cell, pictures, ledger, runtime, _follow_to_its_end)
        click.echo(f"  {result.accuracy:.1%} after {result.training_s:.0f} s of training", err=True)


def _name(cell: Cell) -> str:
    from glassnet.tasks.grid import NETWORK

    return f"network of width {cell.size}" if cell.algorithm == NETWORK else cell.algorithm


def _by_method(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Rows of the table, lines of the chart: by number of photos each; the networks come last, smallest first."""
    methods: dict[str, list[Result]] = {}
    for result in results:
        methods.setdefault(_name(result.cell), []).append(result)
    return methods


def _kept(results: Sequence[Result]) -> str:
    """How many numbers, which for nearest neighbor hangs on how many photos there are."""
    least, most = (f"{choose(result.num_kept for result in results):,}" for choose in (min, max))
    return least if least == most else f"{least} to {most}"


def _table_of_grid(results: Sequence[Result], plan: Plan) -> list[str]:
    from glassnet.tasks.grid import MOST_OFTEN

    methods = _by_method(results)
    width = max(map(len, methods))
    kept = {name: _kept(row) for name, row in methods.items()}
    kept_width = max(len("numbers kept"), *map(len, kept.values()))
    photos = "".join(f"{num:>9,}" for num in plan.nums_training)
    lines = [
        f"accuracy in % on {plan.num_test:,} test photos, by number of training photos; networks saw "
        f"{plan.num_seen:,} examples, no photo more than {MOST_OFTEN} times",
        f"{'':{width}}  {'numbers kept':>{kept_width}}{photos}",
    ]
    for name, row in methods.items():
        shares = "".join(f"{100 * result.accuracy:9.1f}" for result in row)
        lines.append(f"{name:{width}}  {kept[name]:>{kept_width}}{shares}")
    minutes = sum(result.training_s + result.answering_s * plan.num_test / 1_000 for result in results) / 60
    return [*lines, f"{minutes:.0f} minutes of training and testing in all"]


def _verdicts(results: Sequence[Result], plan: Plan) -> list[str]:
    """For each number of photos, the best network and the best of the others."""
    from glassnet.tasks.grid import NETWORK

    lines = []
    for num in plan.nums_training:
        of_num = [result for result in results if result.cell.num_training == num]
        network, other = (
            max((r for r in of_num if (r.cell.algorithm == NETWORK) == is_network), key=lambda r: r.accuracy)
            for is_network in (True, False)
        )
        lines.append(
            f"{num:,} photos: {network.accuracy:.1%} by a network of {network.num_kept:,} numbers, "
            f"{other.accuracy:.1%} by {_name(other.cell)}"
        )
    return lines


def _lines(results: Sequence[Result], plan: Plan) -> Image.Image:
    from glassnet.insight.charts import Line, line_chart
    from glassnet.tasks.grid import NETWORK

    methods = _by_method(results)
    colors = [*_CLASSICAL_COLORS, *_blues(len(plan.widths))]
    lines = []
    for (name, row), color in zip(methods.items(), colors, strict=True):
        shown = f"network of {row[0].num_kept:,} numbers" if row[0].cell.algorithm == NETWORK else name
        shares = [100 * result.accuracy for result in row]
        lines.append(Line(shown, [result.cell.num_training for result in row], shares, has_dots=True, color=color))
    return line_chart(
        lines, title="Networks with few and with many weights, beside classical algorithms",
        x_label="training photos", y_label=f"accuracy in % on {plan.num_test:,} test photos", x_scale="log",
    )  # fmt: skip


def _blues(num: int) -> list[tuple[int, int, int]]:
    """The smaller the network, the paler."""
    import numpy as np

    pale, deep = np.array(_BLUES)
    shades = [pale + (deep - pale) * i / max(num - 1, 1) for i in range(num)]
    return [(int(r), int(g), int(b)) for r, g, b in shades]
