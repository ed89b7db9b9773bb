"""Thousands of weights against millions: how right a network is by its size and by the number of training pictures.

Krizhevsky, Sutskever & Hinton 2012 (https://doi.org/10.1145/3065386) showed that networks of millions of weights, with
many pictures, beat the classical algorithms. Here is the experiment in small: networks of one form in several widths,
and classical algorithms, each trained on the same first pictures of a shuffled CIFAR-10. All networks see the same
number of examples, be it few pictures many times (100 at most) or many pictures a few times.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias, final

import numpy as np
from filelock import FileLock, Timeout

from glassnet.autodiff import Array
from glassnet.baselines.classical import Algorithm, hog_svm, kmeans_features, nearest_neighbor
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.errors import CheckpointError
from glassnet.models.classifiers import fast
from glassnet.nn import Module
from glassnet.runtimes import Runtime
from glassnet.tasks.classification import CIFAR10, RECIPES, Classification
from glassnet.training import Run, Settings, create, train
from glassnet.training.events import Event
from glassnet.training.randomness import generator
from glassnet.training.step import build_validation, under, weights_of

NETWORK, HOG, KMEANS, NEIGHBOR = "network", "HOG + linear SVM", "k-means features", "nearest neighbor"
MOST_OFTEN = 100  # times that a network sees a training picture
Training: TypeAlias = Generator[Event | None]
Watch: TypeAlias = Callable[[Training], object]
_BATCH_SIZE = 125
_TESTED_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Plan:
    """Which cells there are."""

    widths: tuple[int, ...]  # channels of the network's first group; the two others have four times as many
    nums_training: tuple[int, ...]
    num_seen: int  # examples that each network sees, or fewer: of few pictures MOST_OFTEN times each
    num_centroids: int
    num_test: int  # the first ones of the test set
    seed: int = 0


SMALL = Plan((2, 8, 32), (400, 2_000, 10_000), 40_000, 100, 2_000)
FULL = Plan((2, 8, 32, 64), (500, 5_000, 50_000), 200_000, 400, 10_000)


@dataclass(frozen=True, slots=True)
class Cell:
    """One training and its test: all that decides what comes out, but for the machine."""

    algorithm: str
    size: int  # the network's width, the number of centroids, or 0
    num_training: int
    num_seen: int  # 0 for what is not trained example by example
    num_test: int
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a cell came to."""

    cell: Cell
    accuracy: float
    num_kept: int  # numbers that are needed to answer: weights, components, centroids, pixels
    training_s: float
    answering_s: float  # for 1,000 pictures


def cells_of(plan: Plan) -> list[Cell]:
    """By number of training pictures; of one number, the quick ones first."""
    methods = [(NEIGHBOR, 0), (HOG, 0), (KMEANS, plan.num_centroids), *((NETWORK, width) for width in plan.widths)]
    cells = []
    for num_training in plan.nums_training:
        num_seen = min(plan.num_seen, MOST_OFTEN * num_training)
        cells += [
            Cell(algorithm, size, num_training, num_seen if algorithm == NETWORK else 0, plan.num_test, plan.seed)
            for algorithm, size in methods
        ]
    return cells


@final
class Ledger:
    """The results in a directory, a line each, for one process at a time; use it in a ``with`` block."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.path = directory / "results.jsonl"
        self.complaints: list[str] = []
        self.results: dict[Cell, Result] = {}

    def __enter__(self) -> Ledger:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.directory / "lock", timeout=0)
            self._lock.acquire()
            self._read()
        except Timeout as error:
            raise CheckpointError(
                f"expected to be the only one who measures in {self.directory}; got another process that holds it. "
                "To fix: wait for it, end it, or choose another --run."
            ) from error
        except OSError as error:
            raise _unusable(self.directory, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def add(self, result: Result) -> None:
        """Written at once, so that a cell that was measured stays so."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dataclasses.asdict(result), allow_nan=False) + "\n")
        except OSError as error:
            raise _unusable(self.directory, error) from error
        self.results[result.cell] = result

    def _read(self) -> None:
        text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        if text and not text.endswith("\n"):
            # What a killed process left of its last line would swallow the next one.
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n")
        self.results, self.complaints = results_in(text, self.path)


def results_in(text: str, path: Path) -> tuple[dict[Cell, Result], list[str]]:
    """The results that are lines of a ledger's text, and a line for each that is none; of two of a cell, the later."""
    results: dict[Cell, Result] = {}
    complaints: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            result = _result(line)
            results[result.cell] = result
        except (ValueError, TypeError, KeyError, AttributeError):
            complaints.append(f"{path}, line {number}: ignored, it is no result")
    return results, complaints


def _result(line: str) -> Result:
    values = json.loads(line)
    result = Result(Cell(**values.pop("cell")), **values)
    if not (0.0 <= result.accuracy <= 1.0 and min(result.num_kept, result.training_s, result.answering_s) >= 0):
        raise ValueError(line)
    return result


def missing(plan: Plan, ledger: Ledger) -> list[Cell]:
    return [cell for cell in cells_of(plan) if cell not in ledger.results]


def _to_its_end(training: Training) -> None:
    for _ in training:
        pass


def measure(
    cell: Cell, pictures: LabeledPictures, ledger: Ledger, runtime: Runtime, watch: Watch = _to_its_end
) -> Result:
    """Train and test what the cell says; the result is in the ledger before it is returned.

    ``watch`` takes all events of a network's training. One that was stopped before goes on where it was.
    """
    result = _measured(cell, _part(cell, pictures), ledger.directory, runtime, watch)
    ledger.add(result)
    return result


def _part(cell: Cell, pictures: LabeledPictures) -> LabeledPictures:
    """The training pictures of the cell, which are among those of every larger one, and its test."""
    order = np.random.default_rng(cell.seed).permutation(len(pictures.training.labels))[: cell.num_training]
    return dataclasses.replace(
        pictures,
        training=Pictures(pictures.training.images[order], pictures.training.labels[order]),
        test=Pictures(pictures.test.images[: cell.num_test], pictures.test.labels[: cell.num_test]),
    )


def _measured(cell: Cell, pictures: LabeledPictures, directory: Path, runtime: Runtime, watch: Watch) -> Result:
    if cell.algorithm == NETWORK:
        return _network(cell, pictures, directory, runtime, watch)
    algorithms: dict[str, Algorithm] = {
        NEIGHBOR: nearest_neighbor,
        HOG: hog_svm,
        KMEANS: partial(kmeans_features, num_centroids=cell.size),
    }
    began = time.perf_counter()
    learned = algorithms[cell.algorithm](pictures.training, cell.seed)
    trained = time.perf_counter()
    accuracy = float(np.mean(learned.answer(pictures.test.images) == pictures.test.labels))
    answered = time.perf_counter()
    return Result(cell, accuracy, learned.num_kept, trained - began, 1_000 * (answered - trained) / cell.num_test)


def _network(cell: Cell, pictures: LabeledPictures, directory: Path, runtime: Runtime, watch: Watch) -> Result:
    task = Sized(settings_of(cell), pictures, cell.size)
    run, is_begun = _run_of(task, directory / f"network-{cell.size}-{cell.num_training}")
    watch(train(task, run, runtime, resume=is_begun))
    trained, _ = run.newest_checkpoint()
    weights = weights_of(trained.tensors)
    began = time.perf_counter()
    accuracy = _accuracy(task, weights, runtime, pictures.test)
    answering_s = time.perf_counter() - began
    shutil.rmtree(run.path)
    num_kept = sum(array.size for array in weights.values())
    return Result(cell, accuracy, num_kept, trained.elapsed_s, 1_000 * answering_s / cell.num_test)


def _run_of(task: Sized, path: Path) -> tuple[Run, bool]:
    """The run in which a cell is trained, and whether it goes on where an earlier process ended."""
    with suppress(CheckpointError):
        run = Run(path)
        run.newest_checkpoint()
        if (run.settings, run.facts) == (task.settings, task.facts):
            return run, True
    if path.exists():
        shutil.rmtree(path)
    return create(path, task.settings, task.facts), False


def settings_of(cell: Cell) -> Settings:
    """Those of `fast`, with smaller batches, so that few examples are still many steps."""
    batch_size = min(_BATCH_SIZE, cell.num_training)
    given = {
        "task": CIFAR10, "model": "fast", "epochs": None, "steps": cell.num_seen // batch_size,
        "batch_size": batch_size, "seed": cell.seed,
    }  # fmt: skip
    return Settings(**{**RECIPES["fast"], **given})


@final
class Sized:
    """The task of a cell: classification by a network of another width."""

    def __init__(self, settings: Settings, pictures: LabeledPictures, width: int):
        inner = Classification(settings, pictures)
        self.name, self.source, self.notices, self.facts = inner.name, inner.source, inner.notices, inner.facts
        self.settings, self.training = inner.settings, inner.training
        # What is watched while training would be test pictures.
        self.validation: Mapping[str, Array] = {name: array[:0] for name, array in inner.validation.items()}
        self.loss, self.measure, self.pictures = inner.loss, inner.measure, inner.pictures
        self._images = pictures.training.images
        self._widths, self._num_classes = (width, 4 * width, 4 * width), len(pictures.classes)

    def model(self, generator: np.random.Generator) -> Module:
        return fast(generator, self._num_classes, self._images, self._widths)


def _accuracy(task: Sized, weights: dict[str, Array], runtime: Runtime, test: Pictures) -> float:
    num = min(_TESTED_AT_ONCE, len(test.labels))
    assert len(test.labels) % num == 0, len(test.labels)
    model = task.model(generator(task.settings.seed, "initialization"))
    executable = runtime.compile(build_validation(task, model, num))
    shares = [
        executable(
            {
                **under("weights", weights),
                "batch/images": test.images[i : i + num],
                "batch/labels": test.labels[i : i + num],
            }
        )["accuracy"]
        for i in range(0, len(test.labels), num)
    ]
    return float(np.mean(shares))


def _unusable(directory: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"expected to write to {directory}; got '{error.strerror}'. To fix: free space or permissions there, or choose "
        "another --run."
    )
