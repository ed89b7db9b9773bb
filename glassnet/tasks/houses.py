"""Houses: a network that learns to draw, by learning to take noise away from drawings (flow matching).

A drawing x and noise z are the two ends of a straight line, x_t = (1 - t) z + t x. The network sees a point of the
line and t, and says where the line ends. To draw, start from noise and walk to where the network points, in a few
steps. Lipman et al. 2023 (https://arxiv.org/abs/2210.02747); Liu et al. 2023 (https://arxiv.org/abs/2209.03003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.data import houses as data
from glassnet.errors import CheckpointError, SettingsError
from glassnet.graph import Graph, optimize, trace
from glassnet.models import UNet
from glassnet.nn import Module
from glassnet.ops import Random, cast, maximum, mean, minimum, reshape, square
from glassnet.runtimes import Executable, Runtime, get_runtime
from glassnet.training import Checkpoint, Run, Settings
from glassnet.training.pictures import check_output, sheet
from glassnet.training.randomness import generator
from glassnet.training.step import below, under, weights_of

NAME = "houses"
SIZE = 28
DEFAULTS = {
    "minutes": 1.0, "model": "unet", "batch_size": 16, "learning_rate": 3e-3, "schedule": "linear", "warmup": 0.04,
    "max_gradient_norm": 1.0, "ema_decay": 0.995,
}  # fmt: skip

NUM_SEEDS = 8  # drawings that are followed through the training
NUM_STEPS = 16  # of the walk from noise to drawing
_NUM_VALIDATION = 128
_MIN_REMAINING = 0.05  # near the end of the line the velocity is divided by almost nothing
# A little less noise than it learned from makes surer strokes, at a small cost in variety.
NOISE_SCALE = 0.87
# The background that the network leaves is not quite 0; the weakest grey is taken off.
HAZE = 0.015
# Always as many at a time, since kernels round differently for other sizes: a drawing depends on its noise alone.
BATCH = 16


class Houses:
    """The task: drawings to learn from, the network, the loss, and drawings to look at."""

    name = NAME

    def __init__(self, settings: Settings, runtime: Runtime):
        if settings.model != "unet":
            raise SettingsError(f"expected --model unet for houses; got {settings.model}. To fix: leave it out.")
        drawings = data.load(settings.data)
        num = len(drawings.images)
        held_out = min(_NUM_VALIDATION, num // 10)
        if held_out == 0:
            raise SettingsError(f"expected at least 10 drawings; got {num}. To fix: add drawings to --data.")
        images = drawings.images[generator(settings.seed, "order").permutation(num)]
        self.source = drawings.source
        self.notices: Sequence[str] = ()
        self.facts: Mapping[str, object] = {}
        self.validation: Mapping[str, Array] = {"images": images[:held_out]}
        self.training: Mapping[str, Array] = {"images": images[held_out:]}
        self._sampler: Sampler | None = None
        self._runtime, self._seed = runtime, settings.seed

    def model(self, generator: np.random.Generator) -> Module:
        return UNet(generator)

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        images = batch["images"]
        num = images.shape[0]
        return loss(model, images, random.normal((num, 1, SIZE, SIZE)), random.stratified((num,)))

    def measure(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        return {"loss": self.loss(model, batch, random)}

    def pictures(self, weights: Mapping[str, Array]) -> Array:
        if self._sampler is None:
            self._sampler = Sampler(self._runtime, NUM_SEEDS)
        return self._sampler.draw(weights, noise(self._seed, NUM_SEEDS))


def loss(model: Module, images: Tensor, noise: Tensor, uniform: Tensor) -> Tensor:
    """The mean squared error of the velocity (x^ - x_t) / (1 - t), which is that of x^ over (1 - t)^2.

    images (B, 28, 28) uint8, noise (B, 1, 28, 28) normal, uniform (B,) on [0, 1), best one in each B-th part.
    """
    x = reshape(cast(images, noise.dtype) * (2.0 / 255.0) - 1.0, noise.shape)
    t = times(uniform)
    column = reshape(t, (-1, 1, 1, 1))
    x_t = noise * (1.0 - column) + x * column
    return mean(square((model(x_t, t) - x) / maximum(1.0 - column, _MIN_REMAINING)))


def times(u: Tensor) -> Tensor:
    """(B,) uniform numbers to times between 0 and 1.

    t = u^a / (u^a + (1 - u)^a) follows the logit-normal distribution closely (a logistic curve for a normal one, a =
    1 / 1.702), which favours the middle of the line, where there is most to learn. Esser et al. 2024
    (https://arxiv.org/abs/2403.03206).
    """
    end = maximum(1.0 - u, 1e-6) ** (1.0 / 1.702)
    start = maximum(u, 1e-6) ** (1.0 / 1.702)
    return start / (start + end)


class Sampler:
    """Draws by walking from noise along the network's directions, ``num`` drawings at a time."""

    def __init__(self, runtime: Runtime, num: int):
        self._executable: Executable = runtime.compile(walk_step(UNet(np.random.default_rng(0)), num))

    def draw(self, weights: Mapping[str, Array], x: Array) -> Array:
        """(num, 1, 28, 28) noise to (num, 28, 28) uint8, background 0, ink up to 255."""
        *_, (_, drawings) = self.walk(weights, x)
        return drawings

    def walk(self, weights: Mapping[str, Array], x: Array) -> Iterator[tuple[float, Array]]:
        """The times from 0 to 1, and what the noise has become, as `draw` gives it: `NUM_STEPS` + 1 of them."""
        named = under("weights", weights)
        grid = walk_times(NUM_STEPS)
        yield grid[0], _ink(x)
        for t, t_next in pairwise(grid):
            share = (t_next - t) / (1.0 - t)
            scalars = {"t": np.full(len(x), t, np.float32), "share": np.asarray(share, np.float32)}
            x = self._executable({**named, **scalars, "x": x})["x_next"]
            yield t_next, _ink(x)


def _ink(x: Array) -> Array:
    ink = ((x[:, 0] + 1.0) / 2.0 - HAZE) / (1.0 - HAZE)
    # Unlike clip, fmax makes background of what is not a number: the step after tells what went wrong.
    return np.asarray(np.rint(np.fmin(np.fmax(ink, 0.0), 1.0) * 255.0), np.uint8)


def walk_step(model: Module, num: int) -> Graph:
    """One step of the walk: a share of the way from x to where the network thinks that the line ends."""

    def walk(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        with model.holding(below(inputs, "weights")):
            end = minimum(maximum(model(inputs["x"], inputs["t"]), -1.0), 1.0)
        return {"x_next": inputs["x"] + (end - inputs["x"]) * inputs["share"]}

    float32 = np.dtype(np.float32)
    specs = under("weights", {name: tensor.spec for name, tensor in model.tensors().items()})
    specs |= {
        "x": ArraySpec((num, 1, SIZE, SIZE), float32),
        "t": ArraySpec((num,), float32),
        "share": ArraySpec((), float32),
    }
    return optimize(trace(walk, specs))


def walk_times(num_steps: int) -> list[float]:
    """0 to 1 in steps that are short near the noise, where the walk decides what to draw."""
    return [u / (u + 2.0 * (1.0 - u)) for u in np.linspace(0.0, 1.0, num_steps + 1).tolist()]


def noise(seed: int, num: int) -> Array:
    """(num, 1, 28, 28) of start noise; drawing i depends on the seed and i alone."""
    rows = [generator(seed, "pictures", i).standard_normal((1, SIZE, SIZE), np.float32) for i in range(num)]
    return np.stack(rows) * np.float32(NOISE_SCALE)


def draw_houses(run: Run, checkpoint: Checkpoint, num: int, seed: int) -> Array:
    """New drawings (num, 28, 28) by the averaged weights of a checkpoint of the run."""
    if run.settings.task != NAME:
        raise CheckpointError(f"expected a run of houses; got one of {run.settings.task}. To fix: choose another run.")
    weights = weights_of(checkpoint.tensors)
    sampler = Sampler(get_runtime(run.settings.runtime), BATCH)
    starts = noise(seed, -(-num // BATCH) * BATCH)
    parts = [sampler.draw(weights, starts[i : i + BATCH]) for i in range(0, len(starts), BATCH)]
    return np.concatenate(parts)[:num]


def write_drawings(path: Path, draw: Callable[[], Array]) -> None:
    """Put what ``draw()`` returns into a .png sheet or a .npy; the path is checked before the work begins."""
    check_output(path, ".png", ".npy")
    images = draw()
    try:
        if path.suffix == ".npy":
            np.save(path, images)
        else:
            sheet(images, columns=max(1, round(len(images) ** 0.5))).save(path)
    except OSError as error:
        raise SettingsError(
            f"expected to write {path}; got '{error.strerror}'. To fix: choose another --output."
        ) from error
