"""Write docs/commands.md and docs/settings.md from the program itself; `tests/test_docs.py` compares them with it."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import click

from glassnet.cli.main import glassnet
from glassnet.cli.train import train
from glassnet.tasks import classification, settings_for
from glassnet.training import Settings

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 100
COMMANDS = """# Commands

Written by `make docs`; do not edit. What can be set of a training is explained in [settings.md](settings.md).

Progress goes to stderr, results to stdout; with `--json` stdout is exactly one JSON object. The exit code is 0 on
success, 1 on a failure that is explained in one line, 2 on wrong usage, and 130 after Ctrl-C or a stop from outside,
when the training has saved itself.
"""
SETTINGS = """# Settings

Written by `make docs`; do not edit. A run keeps these in its `settings.json`. Those with an option can be given to
`glassnet train`; the others have the values that suit the task and the model, a column for each; a folder of pictures
is like `cifar10` but for budget and batch size, and faces are trained for more steps the more photos there are, from
620 on. Exactly one of `minutes`, `epochs` and `steps` is the budget, and the
course of the learning rate is fitted to it.

"""
COLUMNS = {"houses": ("houses", {}), "faces": ("faces", {})} | {
    f"cifar10, {model}": ("cifar10", {"model": model}) for model in classification.RECIPES
}
MEANINGS = {
    "task": "What is learned.",
    "data": "Where the examples are from. Houses: `generated`, `quickdraw`, or a `.npy` or `.ndjson` file of drawings; "
    "without it, Quick, Draw! where it is on this machine already, else generated drawings. CIFAR-10: its archive or "
    "folder; without it, what is on this machine. Faces: a folder with a sub-folder of photos for each person; without "
    "it, the AT&T faces, where they are on this machine.",
    "model": "The network: its name, or for pictures its [layers](layers.md).",
    "start": "Where the first weights are from: a run (its averaged weights), `RUN@STEP` of its history, or a "
    "`.safetensors` file with all of the network by name; without it, they are random.",
    "minutes": "Budget: how long the training lasts.",
    "epochs": "Budget: how many times each example is seen.",
    "steps": "Budget: how many times the weights are updated.",
    "batch_size": "Examples in each step.",
    "learning_rate": "The largest step size.",
    "schedule": "The course of the step size over the budget: `constant`, `linear`, `cosine` or `one_cycle`.",
    "warmup": "The share of the budget in which the step size rises from 0; `one_cycle` has a rise of its own.",
    "optimizer": "The rule of learning: `adamw`, `sgd` or `muon`.",
    "momentum": "How much of the last step is in the next one; of `adamw` it is beta1.",
    "vector_ratio": "The share of the learning rate that biases and the last layer get (`muon`).",
    "weight_decay": "How strongly matrices and kernels are pulled towards 0; under `muon`, which keeps the length of "
    "its matrices, only the last layer.",
    "max_gradient_norm": "A longer gradient is shortened to this length.",
    "ema_decay": "How slowly the averaged weights, which draw, follow those that learn.",
    "patience": "The training ends after this many evaluations without a better validation loss; without a number it "
    "does not.",
    "label_smoothing": "The share of a label that is spread evenly over all classes.",
    "flip": "Mirrored pictures: `none`, at `random`, or `alternating`, each picture in every second epoch.",
    "shift_px": "Pictures are moved by up to this many pixels.",
    "rotation_degrees": "Pictures are turned by up to this angle, either way.",
    "zoom": "Pictures are enlarged or reduced by up to this share.",
    "blur_px": "Pictures are blurred by a Gaussian of up to this standard deviation, in pixels.",
    "crop": "Whether faces are found in the photos and cut out; otherwise each photo is taken for a face as it is.",
    "logit_scale": "Faces: cosines are multiplied by this before the softmax.",
    "margin": "Faces: a person's cosine has to be larger than all others by this much.",
    "sampled_classes": "Faces: how many people, drawn at random in each step, a photo is compared with beside its own; "
    "0: all. Without a number a tenth of them where there are more than 20,000, else all; see [scaling](scaling.md).",
    "fpir": "Faces: the share of strangers' photos that may be answered with a name; the threshold is chosen for it.",
    "cutout_px": "The side of a square that is cut out of each picture.",
    "brightness": "How much the brightness of pictures varies, as a share of the range from black to white.",
    "contrast": "How much the contrast of pictures varies, as a share.",
    "runtime": "What runs the graph: `auto`, `onnx`, `torch` or `numpy`.",
    "device": "Where it runs: `auto`, `cpu` or `cuda`.",
    "precision": "What multiplications are rounded to, where the device has a choice: `auto` (float32), `float32`, "
    "`bfloat16` or `float16`.",
    "sync_batchnorm": "Whether several processes take the statistics of batch normalization over the whole batch, "
    "as one process does, or each over its part.",
    "micro_batches": "Parts in which a batch is computed, one after another, where it is too large for memory.",
    "seed": "Of the first weights, the order of examples, and all noise.",
}


def main() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The text of each generated page, by file name."""
    sections = (f"\n## {name}\n\n```\n{text}\n```\n" for name, text in helps(glassnet, None, "glassnet"))
    return {"commands.md": COMMANDS + "".join(sections), "settings.md": SETTINGS + "".join(rows())}


def helps(command: click.Command, parent: click.Context | None, name: str) -> Iterator[tuple[str, str]]:
    """(name, help) of the command and all below it."""
    context = click.Context(command, parent, name, terminal_width=WIDTH, **command.context_settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            yield from helps(command.commands[child], context, child)


def rows() -> Iterator[str]:
    """The table: a line for each setting."""
    options = {parameter.name: parameter.opts[0] for parameter in train.params if isinstance(parameter, click.Option)}
    columns = [settings_for(task, given) for task, given in COLUMNS.values()]
    titles = ["setting", "option", "default", *COLUMNS, "what it does"]
    yield f"| {' | '.join(titles)} |\n| {' | '.join(['---'] * len(titles))} |\n"
    for field in dataclasses.fields(Settings):
        option = f"`{options[field.name]}`" if field.name in options else "the argument" if field.name == "task" else ""
        values = [shown(field.default), *(shown(getattr(settings, field.name)) for settings in columns)]
        yield f"| {' | '.join([f'`{field.name}`', option, *values, MEANINGS[field.name]])} |\n"


def shown(value: object) -> str:
    return (
        ""
        if value is None or value is dataclasses.MISSING
        else f"{value:g}"
        if isinstance(value, float)
        else f"{value}"
    )


if __name__ == "__main__":
    main()
