"""`glassnet nudge`: learning by trying a small change of every weight, raced against backpropagation."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result
from glassnet.cli.several import leading, obey_only_the_leader, several
from glassnet.cli.using import encodable, notify, readable, save_output

if TYPE_CHECKING:
    from PIL import Image

    from glassnet.insight.race import Race, Terms
    from glassnet.runtimes.parallel import Group
    from glassnet.tasks.race import Entry

_LINE_INTERVAL_S = 5.0
_NUM_CROSSINGS = 5


@click.command()
@click.argument("task")
@click.option("--data", help="As of `glassnet train`.")
@click.option(
    "--model", default="smooth", show_default=True, help="smooth, a small network made for this, or one of TASK's own."
)
@click.option(
    "--rule", "rules", type=click.Choice(["a", "b", "c"]), multiple=True, help="May be repeated.  [default: all]"
)
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

    Rule a makes the single best nudge, b every nudge that helps, c a step down the slopes that the nudges show. Started
    by torchrun, several processes share the nudges.
    """
    from glassnet.insight.race import Terms
    from glassnet.tasks.race import enter
    from glassnet.training.pictures import check_output

    terms = Terms(rules or ("a", "b", "c"), epsilon, learning_rate, steps, 60.0 * minutes)
    if output is not None:
        check_output(output, ".png")
    with several(click.get_current_context().params, shares_batches=False) as group:
        entry = enter(task, data=data, model=model, batch_size=batch_size, seed=seed, has_new_batches=new_batches)
        if group is None or group.leads:
            values = _led(entry, terms, force, output, group)
            print_result(as_json, {**values, "seed": seed}, "" if as_json else in_words(values))
        else:
            _help(entry, group)


def _led(entry: Entry, terms: Terms, force: bool, output: Path | None, group: Group | None) -> dict[str, Any]:
    """The race, and what came of it."""
    from glassnet.tasks.race import check_duration, costs, facts

    click.echo(f"nudging {entry.num_weights:,} weights on {readable(entry.source)}", err=True)
    notify(entry.notices)
    with leading(group):
        if not force:
            check_duration(entry, terms.limit_s)
        known = _follow(entry, terms, group)
    values = {**facts(entry, terms, known), "data": encodable(entry.source)}
    values["processes"] = 1 if group is None else group.size
    values["larger"] = [dataclasses.asdict(cost) for cost in costs(entry.batch_size)]
    values["picture"] = None if output is None else save_output(_sheet(known, entry), output)
    return values


def _help(entry: Entry, group: Group) -> None:
    from glassnet.insight.spread import help_to_nudge

    obey_only_the_leader()
    help_to_nudge(entry.landscape_of(0), entry.weights, group)


def _follow(entry: Entry, terms: Terms, group: Group | None) -> Race:
    """The race to its end, with a line on stderr now and then."""
    from glassnet.insight.landscape import Landscape
    from glassnet.insight.spread import spread_over
    from glassnet.tasks.race import run

    printed = time.monotonic()
    nudge = Landscape.nudge if group is None else spread_over(group)
    for step, known in enumerate(run(entry, terms, nudge), 1):
        if time.monotonic() - printed > _LINE_INTERVAL_S:
            printed = time.monotonic()
            losses = ", ".join(f"({contest.rule}) {contest.nudge.loss[-1]:.6g}" for contest in known.contests)
            click.echo(f"step {step:,}  loss {losses}", err=True)
    return known


def _sheet(known: Race, entry: Entry) -> Image.Image:
    from glassnet.insight.race_sheet import race_sheet

    return race_sheet(known.contests, f"{entry.task}, {entry.num_weights:,} weights")


def in_words(values: Mapping[str, Any]) -> str:
    """The result for people: what the slopes cost and whether they agree, the race, and larger networks."""
    return "\n".join([*_slopes(values), "", *_race(values), "", *_larger(values)])


def _slopes(values: Mapping[str, Any]) -> list[str]:
    from glassnet.insight.durations import in_words as duration

    passes, worth = values["forward_passes_per_sweep"], values["forward_passes_per_gradient"]
    one_by_one = duration(values["seconds_per_sweep_one_by_one"])
    lines = [
        f"{values['task']}, {values['model']}: {values['weights']:,} weights, {values['batch_size']} examples.",
        "How the loss changes with each weight:",
        f"  nudge every weight  {passes:>10,} forward passes  {duration(values['seconds_per_sweep']):>8}"
        f"  ({one_by_one} if nothing is shared)",
        f"  backpropagation     {worth:>10.1f} forward passes  {duration(values['seconds_per_backward']):>8}",
        f"Both find the same slopes to a cosine of {values['cosine']:.12f}; the largest difference is "
        f"{values['largest_relative_difference']:.1e} of a slope.",
    ]
    return lines + _corners(values) + values["doubts"]


def _corners(values: Mapping[str, Any]) -> list[str]:
    if not values["num_crossing"]:
        return []
    others = "" if values["cosine_of_others"] is None else f" The others agree to {values['cosine_of_others']:.12f}."
    return [
        f"{values['num_crossing']:,} nudges cross a corner of relu or max-pooling, where the slope jumps.{others}",
        "These differ most (in brackets how many corners they cross):",
        *(
            f"  {c['weight']}: {c['by_nudge']:.6g} by nudging, {c['by_backpropagation']:.6g} by backpropagation "
            f"({c['corners']})"
            for c in values["crossing"][:_NUM_CROSSINGS]
        ),
    ]


def _race(values: Mapping[str, Any]) -> list[str]:
    curves = values["curves"]
    start = next(iter(curves.values()))["nudge"]["loss"][0]
    lines = [
        f"The race: nudges of {values['epsilon']:g}, from the same weights with a loss of {start:.6f}.",
        f"  {'':30} {'steps':>6} {'loss':>12} {'forward passes':>16} {'seconds':>10}",
    ]
    for rule, both in curves.items():
        lines.append(_runner(f"({rule}) {both['rule']}", both["nudge"]))
        lines.append(_runner(f"    {both['matching']}", both["backpropagation"]))
    differences = [f"({rule}) {_rounded(both['largest_relative_difference'])}" for rule, both in curves.items()]
    lines.append(f"Largest relative difference of the two losses after as many steps: {', '.join(differences)}.")
    ended = [f"({rule})" for rule, both in curves.items() if both["is_over"]]
    return [*lines, f"No nudge helps any more: {', '.join(ended)}."] if ended else lines


def _rounded(share: float) -> str:
    return f"{share:.0e}" if share else "0"


def _runner(name: str, curve: Mapping[str, Any]) -> str:
    steps, loss = len(curve["loss"]) - 1, curve["loss"][-1]
    return f"  {name:30} {steps:>6,} {loss:>12.6f} {curve['forward_passes'][-1]:>16,.0f} {curve['seconds'][-1]:>10.3g}"


def _larger(values: Mapping[str, Any]) -> list[str]:
    from glassnet.insight.durations import in_words as duration

    return [
        "One step of larger networks, from the time of one forward pass, if nothing is shared:",
        *(
            f"  {cost['network']:10} {cost['weights']:>9,} weights: {cost['forward_passes_per_sweep']:>10,} forward "
            f"passes, {duration(cost['seconds_per_sweep']):>12}; backpropagation "
            f"{cost['forward_passes_per_gradient']:.1f}, {duration(cost['seconds_per_gradient'])}"
            for cost in values["larger"]
        ),
    ]
