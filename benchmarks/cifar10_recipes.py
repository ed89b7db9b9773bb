"""Recipes for CIFAR-10, compared on photos held out of training; the test set is not looked at.

    python benchmarks/cifar10_recipes.py --model convnetjs --minutes 4 [--set shift_px=1 --set learning_rate=0.005]

Trains on the first 45,000 training photos with the settings of the model, those given in their place, and prints the
accuracy on the other 5,000, with the seconds, steps and versions.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from glassnet.baselines.machine import describe
from glassnet.data import cifar10
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.runtimes import get_runtime
from glassnet.tasks import open_task, settings_for
from glassnet.tasks.classification import Predictor
from glassnet.training import create, train
from glassnet.training.events import Evaluated, Finished

NUM_HELD_OUT = 5_000


def split(loaded: LabeledPictures) -> LabeledPictures:
    """The training photos, the last of them in the place of the test set."""
    images, labels = loaded.training.images, loaded.training.labels
    parts = [Pictures(images[part], labels[part]) for part in (slice(None, -NUM_HELD_OUT), slice(-NUM_HELD_OUT, None))]
    return LabeledPictures(parts[0], parts[1], loaded.classes, "45,000 + 5,000 training photos of CIFAR-10", ())


def run(given: dict[str, Any], directory: Path) -> None:
    settings = settings_for("cifar10", given)
    runtime = get_runtime(settings.runtime, settings.device, settings.precision)
    loaded = split(cifar10.load(None))
    with patch("glassnet.data.cifar10.load", lambda data: loaded):
        task = open_task(settings, runtime)
    trained = create(directory / "run", settings, task.facts)
    for event in train(task, trained, runtime):
        if isinstance(event, Evaluated):
            print(f"  {event.elapsed_s:6.0f} s  step {event.step:6,}  {event.accuracy:.4f} of 1,000", flush=True)
        if isinstance(event, Finished):
            print(f"  {event.step:,} steps in {event.elapsed_s:.0f} s, loss {event.loss:.4f}")
    predictor = Predictor(trained, trained.newest_checkpoint()[0], runtime)
    said = predictor.probabilities(loaded.test.images).argmax(1)
    print(f"  accuracy {np.mean(said == loaded.test.labels):.4f} of {NUM_HELD_OUT:,} held out", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="convnetjs")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--runtime", default="torch")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="others")
    arguments = vars(parser.parse_args())
    others = dict(entry.split("=") for entry in arguments.pop("others"))
    given = {name: value for name, value in arguments.items() if value is not None}
    given |= {name: value if name in _WORDS else float(value) if "." in value or "e" in value else int(value)
              for name, value in others.items()}  # fmt: skip
    print(describe(f"{given}"), flush=True)
    with tempfile.TemporaryDirectory() as directory:
        run(given, Path(directory))


_WORDS = ("flip", "optimizer", "schedule")

if __name__ == "__main__":
    main()
