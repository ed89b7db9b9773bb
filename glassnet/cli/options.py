"""What several verbs share: --json and how results are printed, and what can be said of a training."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
run_argument = click.argument("run", type=click.Path(path_type=Path))


def print_result(as_json: bool, values: Mapping[str, Any], text: str) -> None:
    """The result on stdout: one JSON object, or words."""
    click.echo(json.dumps(values, default=str, allow_nan=False) if as_json else text)


def training_options(without: Container[str] = ()) -> Callable[[F], F]:
    """The options that become `Settings`, each None unless it is given; some may be left out, by their names."""

    def add(verb: F) -> F:
        for name, option in reversed(_OF_A_TRAINING.items()):
            verb = verb if name in without else option(verb)
        return verb

    return add


_OF_A_TRAINING = {
    "data": click.option(
        "--data", help="faces: a folder of people. houses: generated, quickdraw, a file. cifar10: where it is."
    ),
    "model": click.option(
        "--model", help="Name of the network, or its layers: 'conv 16 5x5, relu, pool 2'; tasks have a default."
    ),
    "start": click.option(
        "--start", help="First weights: a run, RUN@STEP of its history, or a .safetensors file; else random."
    ),
    "minutes": click.option("--minutes", type=float, help="Train for this long."),
    "epochs": click.option("--epochs", type=float, help="Train for this many passes over the data."),
    "steps": click.option("--steps", type=int, help="Train for this many updates of the weights."),
    "batch-size": click.option("--batch-size", type=int, help="Examples in each step."),
    "learning-rate": click.option(
        "--learning-rate", type=float, help="The largest step size; the schedule goes up to it and down again."
    ),
    "schedule": click.option(
        "--schedule", type=click.Choice(["constant", "linear", "cosine", "one_cycle"]), help="Its course."
    ),
    "optimizer": click.option("--optimizer", type=click.Choice(["adamw", "sgd", "muon"]), help="The rule of learning."),
    "momentum": click.option(
        "--momentum", type=float, help="How much of the last step is in the next one; of adamw its beta1."
    ),
    "weight-decay": click.option("--weight-decay", type=float, help="How strongly weights are pulled towards 0."),
    "runtime": click.option(
        "--runtime", type=click.Choice(["auto", "onnx", "torch", "numpy"]), help="What runs the graph."
    ),
    "device": click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where it runs."),
    "precision": click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        help="Of the multiplications, where the device has a choice.",
    ),
    "crop": click.option(
        "--crop/--no-crop", default=None, help="faces: find the faces in the photos, or take them as they are."
    ),
    "sampled-classes": click.option(
        "--sampled-classes",
        type=int,
        help="faces: compare a photo with so many people in each step, drawn at random; 0: with all.",
    ),
    "fpir": click.option("--fpir", type=float, help="faces: share of strangers that may be given a name."),
    "sync-batchnorm": click.option(
        "--sync-batchnorm",
        is_flag=True,
        default=None,
        help="With several processes: batch normalization over the whole batch.",
    ),
    "micro-batches": click.option(
        "--micro-batches", type=int, help="Compute each batch in so many parts, where it is too large for memory."
    ),
    "seed": click.option("--seed", type=int, help="Of the first weights, the order of examples and all noise."),
}
