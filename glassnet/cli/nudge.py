"""`glassnet nudge`: learning by trying a small change of every weight, raced against backpropagation."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result
from glassnet.cli.using import encodable, notify, readable

if TYPE_CHECKING:
    from glassnet.insight.race import Race, Terms
    from glassnet.tasks.race import Entry

_LINE_INTERVAL_S = 5.0
_NUM_CROSSINGS = 5


@click.command()
@click.argument("task")
@click.option("--data", help="As of `glassnet train`.")
@click.option("--model", default="smooth", show_default=True, help="A small network made for this, or one of TASK's.")
@click.option("--rule", "rules", type=click.Choice(["a", "b", "c"]), multiple=True, help="One of them; may be repeated.")
@click.option("--epsilon", type=float, default=1e-4, show_default=True, help="How far each weight is nudged.")
@click.option("--learning-rate", type=float, default=0.1, show_default=True, help="The step size of rule c.")
@click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True, help="End after so many steps.")
@click.option("--minutes", type=float, default=1.0, show_default=True, help="End after about so long.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Examples that the loss is of.  [default: 16]")
@click.option("--new-batches", is_flag=True, help="New examples and new noise in each step, the same for all who race.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of weights, examples and noise.")
@click.option("--force", is_flag=True, help="Even if it takes days.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="FILE.png: the loss as a picture.")
@json_option
def nudge(
    task: str,
    data: str | None,
    model: str,
    rules: tuple[str, ...],
    epsilon: float,
    learning_rate: float,
    steps: int,
    minutes: float,
    batch_size: int | None,
    new_batches: bool,
    seed: int,
    force: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Nudge every weight of a network up and down, see what the loss does, and learn from that: three rules, raced
    against backpropagation from the same weights on the same examples.

    Rule a makes the single best nudge, b every nudge that helps, c a step down the slopes that the nudges show.
    """
    from glassnet.insight.race import Terms
    from glassnet.tasks.race import check_duration, costs, enter, facts
    from glassnet.training.pictures import check_output

    terms = Terms(rules or ("a", "b", "c"), epsilon, learning_rate, steps, 60.0 * minutes)
    if output is not None:
        check_output(output, ".png")
    entry = enter(task, data=data, model=model, batch_size=batch_size, seed=seed, has_new_batches=new_batches)
    click.echo(f"nudging {entry.num_weights:,} weights on {readable(entry.source)}", err=True)
    notify(entry.notices)
    if not force:
        check_duration(entry, terms.limit_s)
    known = _follow(entry, terms)
    values = {**facts(entry, terms, known), "data": encodable(entry.source), "seed": seed}
    values["larger"] = [dataclasses.asdict(cost) for cost in costs(entry.batch_size)]
    values["picture"] = None if output is None else _save(known, entry, output)
    print_result(as_json, values, "" if as_json else in_words(values))


def _follow(entry: Entry, terms: Terms) -> Race:
    """The race to its end, with a line on stderr now and then."""
    from glassnet.tasks.race import run

    printed = time.monotonic()
    for step, known in enumerate(run(entry, terms), 1):
        if time.monotonic() - printed > _LINE_INTERVAL_S:
            printed = time.monotonic()
            losses = ", ".join(f"({contest.rule}) {contest.nudge.loss[-1]:.6g}" for contest in known.contests)
            click.echo(f"step {step:,}  loss {losses}", err=True)
    return known


def _save(known: Race, entry: Entry, output: Path) -> str:
    from glassnet.errors import SettingsError
    from glassnet.insight.race_sheet import race_sheet

    title = f"{entry.task}, {entry.num_weights:,} weights"
    try:
        race_sheet(known.contests, title).save(output)
    except OSError as error:
        raise SettingsError(
            f"expected to write {output}; got '{error.strerror}'. To fix: choose another --output."
        ) from error
    return encodable(output)


def in_words(values: Mapping[str, Any]) -> str:
    """The result for people: what the slopes cost and how well they agree, the race, and larger networks."""
    return "\n".join([*_slopes(values), "", *_race(values), "", *_larger(values)])


def _slopes(values: Mapping[str, Any]) -> list[str]:
    from glassnet.tasks.race import in_words as duration

    passes, worth = values["forward_passes_per_sweep"], values["forward_passes_per_gradient"]
    lines = [
        f"{values['task']}, {values['model']}: {values['weights']:,} weights, {values['batch_size']} examples; the slope "
        "of the loss along every weight",
        f"  by nudging         {passes:>9,} forward passes  {duration(values['seconds_per_sweep']):>8}  (one after "
        f"another: {duration(values['seconds_per_sweep_one_by_one'])})",
        f"  by backpropagation {worth:>9.1f} forward passes  {duration(values['seconds_per_backward']):>8}",
        f"They agree: cosine {values['cosine']:.12f}, largest difference {values['largest_relative_difference']:.1e} "
        "of a slope.",
    ]
    if values["num_crossing"]:
        others = values["cosine_of_others"]
        lines.append(
            f"{values['num_crossing']:,} nudges cross a corner (of relu or max-pooling), where the slope jumps; cosine of "
            f"the others {'-' if others is None else f'{others:.12f}'}. They differ most at"
        )
        lines += [
            f"  {c['weight']}: {c['by_nudge']:.6g} by nudging, {c['by_backpropagation']:.6g} by backpropagation"
            for c in values["crossing"][:_NUM_CROSSINGS]
        ]
    return lines + values["doubts"]


def _race(values: Mapping[str, Any]) -> list[str]:
    lines = [
        f"The race, from the same weights, with nudges of {values['epsilon']:g}:",
        f"  {'rule':27}  {'steps':>5}  {'loss':>10}  {'by backpropagation':>29}  {'difference':>10}  "
        f"{'forward passes':>26}  {'seconds':>15}",
    ]
    for rule, curves in values["curves"].items():
        nudge, other = curves["nudge"], curves["backpropagation"]
        passes = f"{nudge['forward_passes'][-1]:,.0f} : {other['forward_passes'][-1]:,.0f}"
        seconds = f"{nudge['seconds'][-1]:.3g} : {other['seconds'][-1]:.2g}"
        lines.append(
            f"  ({rule}) {curves['rule']:23}  {len(nudge['loss']) - 1:>5}  {nudge['loss'][-1]:>10.6f}  "
            f"{curves['matching']:>18} {other['loss'][-1]:>10.6f}  {curves['largest_relative_difference']:>10.1e}  "
            f"{passes:>26}  {seconds:>15}"
        )
    first = next(iter(values["curves"].values()))["nudge"]["loss"][0]
    ended = [f"({rule})" for rule, curves in values["curves"].items() if curves["is_over"]]
    lines.append(f"The loss was {first:.6f} at the start." + (f" No nudge helps any more: {', '.join(ended)}." * bool(ended)))
    return lines


def _larger(values: Mapping[str, Any]) -> list[str]:
    from glassnet.tasks.race import in_words as duration

    lines = ["The same step for larger networks, one weight after another (extrapolated from one forward pass):"]
    for cost in values["larger"]:
        lines.append(
            f"  {cost['network']:10} {cost['weights']:>9,} weights  {cost['forward_passes_per_sweep']:>10,} forward passes  "
            f"{duration(cost['seconds_per_sweep']):>12}   backpropagation {cost['forward_passes_per_gradient']:.1f}  "
            f"{duration(cost['seconds_per_gradient']):>8}"
        )
    return lines
