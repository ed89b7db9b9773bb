"""The race of nudges against backpropagation on any task: a network small enough for it, a batch, and what it costs."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.baselines.flops import count_flops
from glassnet.errors import SettingsError
from glassnet.insight.durations import in_words
from glassnet.insight.landscape import Landscape, Nudge, Weights, in_float64, trace_loss
from glassnet.insight.nudge import RULES, doubts
from glassnet.insight.race import Contest, Race, Terms, race
from glassnet.models import CLASSIFIERS, FaceNet, classifier
from glassnet.models.smooth import SmoothClassifier, SmoothDenoiser
from glassnet.nn import Module, cross_entropy
from glassnet.runtimes import get_runtime
from glassnet.tasks import faces, houses, open_task, settings_for
from glassnet.training import Settings, Task
from glassnet.training.batches import Batches
from glassnet.training.randomness import draw_inputs, generator

SMOOTH = "smooth"
_SIZES = {"facenet": (1, 80, 64)}  # of pictures, for the networks that costs are extrapolated to
_SIZE = (3, 32, 32)  # of others
_NUM_TIMED = 2  # pictures in the forward passes that are timed for that
_NUM_PEOPLE = 40
_MOST_S = 3600.0
_NUM_NAMED = 20


@dataclass(frozen=True)
class Entry:
    """What enters the race: a task with a network in float64, its weights, and a landscape for each step."""

    task: str
    model: str
    source: str
    notices: Sequence[str]
    batch_size: int
    weights: Weights
    landscape_of: Callable[[int], Landscape]

    @property
    def num_weights(self) -> int:
        return sum(array.size for array in self.weights.values())


def enter(
    task: str,
    *,
    data: str | None = None,
    model: str = SMOOTH,
    batch_size: int | None = None,
    seed: int = 0,
    has_new_batches: bool = False,
) -> Entry:
    """Open the task. ``model`` is `SMOOTH`, a network made for the race, or one of the task's own.

    One batch serves all steps, and its augmentation and noise are drawn once; with ``has_new_batches`` each step has
    its own, the same for all who race.
    """
    given: dict[str, Any] = {"seed": seed, "steps": 1, "batch_size": batch_size or 16}
    given |= {"data": data} if data is not None else {}
    given |= {"model": model} if model != SMOOTH else {}
    settings = settings_for(task, given)
    opened = open_task(settings, get_runtime("numpy"))
    if batch_size is None:
        num = len(next(iter(opened.training.values())))
        settings = dataclasses.replace(settings, batch_size=min(settings.batch_size, num))
    batches = Batches(opened.training, settings.batch_size, seed)
    numbers = generator(seed, "initialization")
    network = smooth_network(opened, batches.batch(0)["images"], numbers) if model == SMOOTH else opened.model(numbers)
    landscape_of = _landscapes(opened, settings, network, batches, has_new_batches)
    weights = {name: tensor.numpy() for name, tensor in network.parameters().items()}
    return Entry(settings.task, model, opened.source, opened.notices, settings.batch_size, weights, landscape_of)


def smooth_network(task: Task, images: Array, generator: np.random.Generator) -> Module:
    """A network without corners that fits the task, a few thousand weights at most."""
    if isinstance(task, houses.Houses):
        return SmoothDenoiser(generator)
    has_cosines = isinstance(task, faces.Faces)
    names = task.facts["people" if has_cosines else "classes"]
    assert isinstance(names, list)
    channels, height, width = images.shape[1:]
    return SmoothClassifier(generator, len(names), (channels, height, width), has_cosines)


def random_dtype_of(task: Task) -> str:
    """Of the random numbers that the loss of a network in float64 takes.

    Pictures are varied as bytes, which float32 holds exactly; the noise of houses has the dtype of the network.
    """
    return "float64" if isinstance(task, houses.Houses) else "float32"


def _landscapes(
    task: Task, settings: Settings, network: Module, batches: Batches, has_new_batches: bool
) -> Callable[[int], Landscape]:
    in_float64(network)
    first = batches.batch(0)
    if not has_new_batches:
        batches.close()
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in first.items()}
    graph, gradient_graph = trace_loss(
        network, lambda batch, random: task.loss(network, batch, random), specs, random_dtype_of(task)
    )

    @lru_cache(maxsize=1)  # all who race ask for it
    def landscape_of(step: int) -> Landscape:
        chosen = step if has_new_batches else 0
        batch = batches.batch(chosen) if chosen else first
        drawn = draw_inputs(graph, generator(settings.seed, "step", chosen))
        return Landscape(graph, gradient_graph, {**batch, **drawn})

    return landscape_of


def check_duration(entry: Entry, limit_s: float, fix: str = "leave out --model, or add --force.") -> float:
    """About how many seconds one sweep takes, the least that a race is.

    Raises SettingsError if that is longer than an hour and than ``limit_s``; ``fix`` is what its message advises.
    """
    sweep_s = entry.landscape_of(0).estimate_nudge_s(entry.weights)
    if sweep_s > max(limit_s, _MOST_S):
        raise SettingsError(
            f"expected a network whose weights can all be nudged within an hour; got {entry.num_weights:,} weights, "
            f"{2 * entry.num_weights:,} forward passes for one step, about {in_words(sweep_s)}. To fix: {fix}"
        )
    return sweep_s


@dataclass(frozen=True)
class Cost:
    """What the slopes of all weights of a network cost, for a batch, with nudges one by one; seconds are extrapolated
    from one forward pass."""

    network: str
    weights: int
    forward_passes_per_sweep: int
    forward_passes_per_gradient: float
    seconds_per_sweep: float
    seconds_per_gradient: float


def costs(batch_size: int) -> list[Cost]:
    """Of the networks for photos and faces. Needs a few seconds and no data."""
    return [_cost(name, batch_size) for name in (*CLASSIFIERS, "facenet")]


def _cost(name: str, batch_size: int) -> Cost:
    numbers = np.random.default_rng(0)
    shape = _SIZES.get(name, _SIZE)
    images = numbers.integers(0, 256, (_NUM_TIMED, *shape), np.uint8)
    inputs = {"images": images, "labels": numbers.integers(0, 10, _NUM_TIMED)}
    network = _network(name, numbers, images)
    weights = in_float64(network)
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in inputs.items()}
    graphs = trace_loss(network, lambda batch, random: _plain_loss(network, batch), specs)
    landscape = Landscape(*graphs, inputs)
    forward_s = statistics.median(_seconds(lambda: landscape.loss(weights)) for _ in range(3)) * batch_size / _NUM_TIMED
    num, passes = sum(array.size for array in weights.values()), passes_per_gradient(landscape)
    return Cost(name, num, 2 * num, passes, 2 * num * forward_s, passes * forward_s)


def _seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _network(name: str, generator: np.random.Generator, images: Array) -> Module:
    if name == "facenet":
        return FaceNet(generator, _NUM_PEOPLE, image_size=images.shape[2:])
    return classifier(name, generator, 10, images)


def _plain_loss(network: Module, batch: Mapping[str, Tensor]) -> Tensor:
    return cross_entropy(network(batch["images"]), batch["labels"])


def passes_per_gradient(landscape: Landscape) -> float:
    """How many forward passes the arithmetic of one backpropagation is worth, its own forward pass included."""
    forward, with_gradient = map(count_flops, landscape.of_the_network())
    return with_gradient / forward


def run(entry: Entry, terms: Terms, nudge: Nudge = Landscape.nudge) -> Iterator[Race]:
    """The race; what is known is yielded after each step. ``nudge``: who nudges."""
    return race(entry.landscape_of, entry.weights, terms, passes_per_gradient(entry.landscape_of(0)), nudge)


def facts(entry: Entry, terms: Terms, known: Race) -> dict[str, Any]:
    """The result of a race as JSON has it."""
    agreement, forward_s = known.agreement, statistics.median(known.forwards_s)
    return {
        "task": entry.task, "model": entry.model, "data": entry.source, "batch_size": entry.batch_size,
        "epsilon": terms.epsilon, "learning_rate": terms.learning_rate, "weights": entry.num_weights,
        "cosine": agreement.cosine,
        "largest_relative_difference": agreement.largest_relative_difference,
        "relative_difference": agreement.off_by,
        "num_crossing": len(agreement.crossings),
        "cosine_of_others": agreement.smooth_cosine,
        "crossing": [dataclasses.asdict(crossing) for crossing in agreement.crossings[:_NUM_NAMED]],
        "doubts": doubts(known.first, agreement),
        "forward_passes_per_sweep": known.first.num_forward_passes,
        "forward_passes_per_gradient": passes_per_gradient(entry.landscape_of(0)),
        "seconds_per_forward": forward_s,
        "seconds_per_sweep": statistics.median(known.sweeps_s),
        "seconds_per_sweep_one_by_one": forward_s * known.first.num_forward_passes,
        "seconds_per_backward": statistics.median(known.gradients_s),
        "curves": {contest.rule: _curves(contest) for contest in known.contests},
    }  # fmt: skip


def _curves(contest: Contest) -> dict[str, Any]:
    return {
        "rule": RULES[contest.rule].title,
        "matching": RULES[contest.rule].matching,
        "is_over": contest.is_over,
        "largest_relative_difference": contest.largest_difference(),
        "nudge": dataclasses.asdict(contest.nudge),
        "backpropagation": dataclasses.asdict(contest.backpropagation),
    }
