"""`glassnet explain`: the story of one weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassnet.cli.options import json_option, print_result, run_argument
from glassnet.cli.using import encodable, open_checkpoint, readable, save_output

if TYPE_CHECKING:
    from PIL import Image

    from glassnet.tasks.story import Told

_NUM_MOMENTS, _NUM_LOUDEST = 6, 3


@click.command()
@run_argument
@click.argument("weight")
@click.option("--picture", type=click.Path(path_type=Path), metavar="IMAGE", help="Tell it at this picture alone.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Tell it at so many examples of the next step.  [default: all, at most 64]",
)
@click.option("--epsilon", type=float, default=1e-4, show_default=True, help="How far the weight is nudged.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="FILE.png: the story as a picture.")
@json_option
def explain(
    run: Path, weight: str, picture: Path | None, batch_size: int | None, epsilon: float, output: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Tell the whole story of one WEIGHT of RUN, such as 'conv1.weight[3,0,2,2]': its value and how it came to it, what
    a nudge does to the loss, where its slope comes from, and what the optimizer makes of it.
    """
    from glassnet.errors import SettingsError
    from glassnet.tasks import story
    from glassnet.training.pictures import check_output

    if output is not None:
        check_output(output, ".png")
    if picture is not None and batch_size is not None:
        raise SettingsError("expected --picture or --batch-size; got both. To fix: leave one out.")
    opened, checkpoint = open_checkpoint(run)
    told = story.explain(opened, checkpoint, weight, picture=picture, batch_size=batch_size, epsilon=epsilon)
    values = {"run": encodable(run), **story.facts(told)}
    values |= {
        "examples": encodable(told.scene.examples),
        "notices": [encodable(notice) for notice in told.scene.notices],
    }
    values["picture"] = None if output is None else save_output(_sheet(told), output)
    print_result(as_json, values, "" if as_json else in_words(values))


def in_words(values: Mapping[str, Any]) -> str:
    """The story for people, in the order in which one wonders."""
    chapters = (_what(values), _nudged(values), _why(values), _optimized(values), _after(values))
    return "\n\n".join("\n".join(chapter) for chapter in chapters)


def _what(values: Mapping[str, Any]) -> list[str]:
    shape, history = " x ".join(map(str, values["shape"])) or "1", values["history"]
    lines = [
        f"{values['weight']} is one of the {values['weights']:,} weights of {readable(values['run'])} "
        f"({readable(values['task'])}, {values['model']}), after {values['step']:,} steps.",
        f"It belongs to {values['tensor']}, a tensor of {shape} weights.",
        f"Its value is {values['value']:.6g}; {100 * values['share_smaller']:.0f} % of that tensor are nearer to 0. "
        f"Answers are given by its running average, {values['averaged']:.6g}.",
    ]
    if len(history) < 2:
        return [*lines, "What it was before was not kept."]
    chosen = [history[i * (len(history) - 1) // _NUM_MOMENTS] for i in range(_NUM_MOMENTS + 1)]
    moments = {moment["step"]: f"{moment['value']:.4g}" for moment in chosen}
    moved = values["value"] - history[0]["value"]
    return [
        *lines,
        f"It started at {history[0]['value']:.6g} and has moved by {moved:+.4g}. After so many steps it was:",
        "  " + "   ".join(f"{step:,}: {value}" for step, value in moments.items()),
    ]


def _nudged(values: Mapping[str, Any]) -> list[str]:
    e, loss = values["epsilon"], values["loss"]
    lines = [
        f"What if it were a little different, all else as it is? At {readable(values['examples'])}:",
        f"  {f'{e:g} lower':16} loss {_rounded(values['loss_down'])}  ({values['loss_down'] - loss:+.4e})",
        f"  {'as it is':16} loss {_rounded(loss)}",
        f"  {f'{e:g} higher':16} loss {_rounded(values['loss_up'])}  ({values['loss_up'] - loss:+.4e})",
        "Its slope is by how much the loss changes for each 1 that the weight changes:",
        f"  {values['slope_by_nudge']:+.10g} by the nudges: difference of the losses / difference of the weights",
        f"  {values['slope_by_backpropagation']:+.10g} by backpropagation, without any nudge",
    ]
    if values["corners"]:
        lines.append(
            f"The nudges cross {values['corners']:,} corners of relu or max-pooling, where the slope jumps: the first "
            "mixes both sides."
        )
    return [*lines, *values["doubts"]]


def _why(values: Mapping[str, Any]) -> list[str]:
    rule = values["chain_rule"]
    if not rule["largest"]:
        return ["Why that slope? No signal comes to it, or no blame comes back: at these examples it has no effect."]
    lines = [
        f"Why that slope? Numbers that the weight has a part in, by {' and '.join(rule['calls'])}: {rule['terms']:,}.",
        "For each of them: how far it moves with the weight (the signal coming in) x how far the loss moves with it",
        f"(the blame coming back). Products that are not 0: {rule['nonzero']:,}. Added up:",
        f"  {rule['positive']:+.10g} from those that say: lower the weight",
        f"  {rule['negative']:+.10g} from those that say: raise it",
        f"  {rule['sum']:+.10g} together, which is the slope",
        *_loudest(rule["by_example"]),
        "The largest products, and the pixels behind each:",
    ]
    return lines + [f"  {_in_a_line(term)}" for term in rule["largest"]]


def _loudest(by_example: Sequence[float] | None) -> list[str]:
    if by_example is None or len(by_example) < 2:
        return []
    order = sorted(range(len(by_example)), key=lambda i: -abs(by_example[i]))[:_NUM_LOUDEST]
    return [f"Of the examples these say most: {', '.join(f'{i} ({by_example[i]:+.3g})' for i in order)}."]


def _in_a_line(term: Mapping[str, Any]) -> str:
    from glassnet.insight.weight_story import place_in_words

    label = "" if term["label"] is None else f" ({readable(term['label'])})"
    whose = "all examples" if term["example"] is None else f"example {term['example']}{label}"
    product = f"{term['signal']:.3g} x {term['blame']:.3g} = {term['term']:+.3g}"
    words = f"{whose}, {place_in_words(term['place'])}: {product}"
    if term["patch"] is None:
        return words
    top, left, bottom, right = term["patch"]
    return f"{words}, rows {top}-{bottom - 1}, columns {left}-{right - 1}"


def _optimized(values: Mapping[str, Any]) -> list[str]:
    return [
        f"What the optimizer ({values['optimizer']}) makes of it:",
        *(f"  {part['name']:16} {part['value']:>12.5g}  {part['words']}" for part in values["parts"]),
        f"  {'change':16} {values['change']:>12.5g}  so much is added to the weight",
        *_turned(values),
        *map(readable, values["notices"]),
    ]


def _turned(values: Mapping[str, Any]) -> list[str]:
    if values["expected_change_of_loss"] <= 0.0:
        return []
    others = "earlier steps, and the other weights of its tensor," if values["optimizer"] == "muon" else "earlier steps"
    return [f"It goes up this slope, not down: what {others} said outweighs what these examples say."]


def _after(values: Mapping[str, Any]) -> list[str]:
    loss, alone, after = values["loss"], values["loss_after_this_weight_alone"], values["loss_after"]
    return [
        "And then? On the same examples:",
        f"  before the step                loss {_rounded(loss)}",
        f"  if this weight alone makes it  loss {_rounded(alone)}  ({alone - loss:+.3e}; slope x change is "
        f"{values['expected_change_of_loss']:+.3e})",
        f"  when all weights make theirs   loss {_rounded(after)}  ({after - loss:+.3e})",
    ]


def _rounded(loss: float) -> str:
    return f"{loss + 0.0:.12g}"  # never -0


def _sheet(told: Told) -> Image.Image:
    from glassnet.insight.story_sheet import story_sheet

    return story_sheet(told.story, told.scene.step, told.scene.labels)
