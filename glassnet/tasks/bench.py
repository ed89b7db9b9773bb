"""The training step of a task on a runtime of ours, beside the same step in PyTorch.

A step begins with a batch of bytes in memory (a GPU's, if that is where it runs) and ends with its loss read back:
forward, loss, backward, clipping, optimizer, average of the weights, as the task's recipe has them. What is random in
a training (augmentation, noise) is left out on both sides or drawn before. Pictures are random too, of the right
shape; drawings are generated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.baselines.bench import Row, agreeing, alternate, rows
from glassnet.baselines.flops import count_flops
from glassnet.baselines.workers import Step, Variant
from glassnet.data import labeled
from glassnet.models import UNet
from glassnet.models.classifiers import classifier
from glassnet.nn import Module, cross_entropy
from glassnet.ops import Random
from glassnet.runtimes import Runtime, get_runtime
from glassnet.tasks import classification, houses, settings_for
from glassnet.training import Settings
from glassnet.training.randomness import generator
from glassnet.training.step import TrainingStep, are_examples_held, build_step, under

if TYPE_CHECKING:
    from glassnet.baselines.torch_training import Recipe

_NUM_BATCHES = 4
_NUM_SAMPLED = 64
_PRODUCT_SIZE = {"cpu": 2048, "cuda": 8192}


@dataclass(frozen=True, slots=True)
class Result:
    """One batch size of one task: the table, the first row being ours, and what it stands on."""

    task: str
    model: str
    optimizer: str
    batch_size: int
    runtime: str
    device: str
    precision: str
    rounds: int
    threads: int | None
    gflop_per_step: float
    peak_gflop_per_s: Mapping[str, float]
    rows: Sequence[Row]
    left_out: Mapping[str, str]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured: a task without its data, and how it is trained."""

    settings: Settings
    num_classes: int
    image_shape: tuple[int, int, int]
    batches: Sequence[Mapping[str, Array]]

    name = source = "bench"
    notices = ()

    @property
    def training(self) -> Mapping[str, Array]:
        return {name: np.concatenate([batch[name] for batch in self.batches]) for name in self.batches[0]}

    def model(self, generator: np.random.Generator) -> Module:
        if self.settings.model == "unet":
            return UNet(generator)
        sample = np.random.default_rng(0).integers(0, 256, (_NUM_SAMPLED, *self.image_shape), np.uint8)
        return classifier(self.settings.model, generator, self.num_classes, sample)

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        if self.settings.model == "unet":
            return houses.loss(model, batch["images"], batch["noise"], batch["uniform"])
        return cross_entropy(model(batch["images"]), batch["labels"], self.settings.label_smoothing)

    def step(self) -> TrainingStep:
        model = self.model(generator(self.settings.seed, "initialization"))
        return build_step(self, model, self.settings)  # type: ignore[arg-type]  # of a task it takes these two

    def recipe(self) -> Recipe:
        """The same for PyTorch."""
        from glassnet.baselines.torch_training import Recipe

        settings = self.settings
        return Recipe(
            network=settings.model, num_classes=self.num_classes, image_shape=self.image_shape,
            optimizer=settings.optimizer, momentum=settings.momentum, vector_ratio=settings.vector_ratio,
            weight_decay=settings.weight_decay, max_gradient_norm=settings.max_gradient_norm,
            ema_decay=settings.ema_decay, label_smoothing=settings.label_smoothing,
        )  # fmt: skip


def bench(
    task: str = classification.CIFAR10,
    model: str | None = None,
    batch_size: int | None = None,
    *,
    runtime: str = "torch",
    device: str = "cpu",
    precision: str = "float32",
    rounds: int = 7,
    threads: int | None = None,
    is_compiled: bool = True,
    is_fused: bool = False,
) -> Result:
    """Measure one step of the task, by turns with PyTorch's.

    ``model`` and ``batch_size``: None for the recipe's. ``is_compiled``: with torch.compile too. ``is_fused``: give
    PyTorch the fused kernels of its optimizers. Raises RuntimeUnavailableError without PyTorch, GlassnetError if the
    sides do not have the same first losses.
    """
    get_runtime("torch", device)
    ours = get_runtime(runtime, device, precision)
    given = {"model": model, "batch_size": batch_size, "runtime": runtime, "device": device, "precision": precision}
    case = open_case(task, {name: value for name, value in given.items() if value is not None}, ours)
    step = case.step()
    variants = variants_of(case, step, is_compiled, is_fused, threads)
    size = _PRODUCT_SIZE[device]
    precisions = dict.fromkeys(("float32", precision))
    timings, left_out = alternate([*variants, *(_product(size, p, device) for p in precisions)], rounds, threads)
    steps, products = timings[: -len(precisions)], timings[-len(precisions) :]
    agreed, wrong = agreeing(steps, steps[1])
    # A peak is what was reached once: the fastest round.
    peaks = {timing.variant.precision: 2 * size**3 / min(timing.seconds) for timing in products}
    flops, settings = count_flops(step.graph), case.settings
    return Result(
        settings.task, settings.model, settings.optimizer, settings.batch_size, runtime, device, precision, rounds,
        threads, flops / 1e9, {name: peak / 1e9 for name, peak in peaks.items()},
        rows(agreed, flops, settings.batch_size, peaks), left_out | wrong, _notes(settings),
    )  # fmt: skip


def open_case(task: str, given: Mapping[str, Any], runtime: Runtime) -> Case:
    """The task with batches made up for it: of CIFAR-10's shape, or of that of the folder's pictures."""
    settings = settings_for(task, {**given, **({"data": "generated"} if task == houses.NAME else {})})
    numbers = np.random.default_rng(1)
    if settings.task == houses.NAME:
        drawings = houses.Houses(settings, runtime).training["images"]
        batches = [_drawn(numbers, drawings, settings.batch_size) for _ in range(_NUM_BATCHES)]
        return Case(settings, 0, (1, houses.SIZE, houses.SIZE), batches)
    num_classes, shape = 10, (3, 32, 32)
    if settings.task == classification.FOLDER:
        pictures = labeled.load(str(settings.data))
        num_classes, shape = len(pictures.classes), pictures.test.images.shape[1:]
    batches = [
        {
            "images": numbers.integers(0, 256, (settings.batch_size, *shape), np.uint8),
            "labels": numbers.integers(0, num_classes, settings.batch_size),
        }
        for _ in range(_NUM_BATCHES)
    ]
    return Case(settings, num_classes, shape, batches)


def _drawn(numbers: np.random.Generator, drawings: Array, num: int) -> dict[str, Array]:
    return {
        "images": drawings[numbers.integers(0, len(drawings), num)],
        "noise": numbers.standard_normal((num, 1, houses.SIZE, houses.SIZE), np.float32),
        "uniform": numbers.random(num, np.float32),
    }


def variants_of(
    case: Case, step: TrainingStep, is_compiled: bool = True, is_fused: bool = False, threads: int | None = None
) -> list[Variant]:
    """Ours; PyTorch in float32, which every precision is compared with; then PyTorch in the precision asked for."""
    from glassnet.baselines.torch_training import torch_step

    settings = case.settings
    precision, runtime, learning_rate = settings.precision, settings.runtime, settings.learning_rate
    arguments = {
        "recipe": case.recipe(), "weights": _weights(step), "batches": case.batches, "device": settings.device,
        "is_fused": is_fused,
    }  # fmt: skip

    def theirs(name: str, precision: str, may_fail: bool = False, **how: bool) -> Variant:
        name = f"PyTorch {name}" if precision == "float32" else f"PyTorch {name}, {precision}"
        return Variant(
            name, precision, torch_step, {**arguments, "precision": precision, **how}, (), learning_rate, may_fail
        )

    modules = (f"glassnet.runtimes.{runtime}",)
    name = f"glassnet {runtime}" if precision == "float32" else f"glassnet {runtime}, {precision}"
    variants = [
        Variant(name, precision, our_step, {"case": case, "threads": threads}, modules, learning_rate),
        theirs("eager", "float32"),
    ]
    if precision != "float32":
        variants.append(theirs("eager", precision))
    variants.append(theirs("eager channels_last", precision, is_channels_last=True))
    if is_compiled:
        variants.append(theirs("compiled channels_last", precision, True, is_channels_last=True, is_compiled=True))
    return variants


def _weights(step: TrainingStep) -> dict[str, Array]:
    """Those that both sides begin with: parameters and buffers by their names in the model."""
    named = step.named(step.initial)
    return {
        name.partition("/")[2]: array for name, array in named.items() if name.startswith(("parameters/", "buffers/"))
    }


def our_step(case: Case, threads: int | None) -> Step:
    """Our step on the runtime that the settings name."""
    settings, step = case.settings, case.step()
    executable = _runtime(settings, threads).compile(step.graph)
    executable.load(step.initial)
    batches: Sequence[Mapping[str, Array]] = case.batches
    if are_examples_held(case.training, settings):
        executable.hold(under("examples", case.training))
        places = np.arange(len(batches) * settings.batch_size).reshape(len(batches), -1)
        batches = [{"indices": indices} for indices in places]
    epoch = np.zeros(settings.batch_size, np.float32)
    upcoming = cycle([under("batch", {**batch, "epoch": epoch}) for batch in batches])
    scalars = partial(step.scalars, ema_decay=settings.ema_decay, max_gradient_norm=settings.max_gradient_norm)
    num_taken = 0

    def take(learning_rate: float) -> float:
        nonlocal num_taken
        num_taken += 1
        numbers = scalars(num_taken, learning_rate=learning_rate, weight_decay=settings.weight_decay)
        outputs = executable({**next(upcoming), **numbers})
        return float(outputs["loss"])

    return take


def _runtime(settings: Settings, threads: int | None) -> Runtime:
    """PyTorch and NumPy have learned from the environment how many threads to use; onnxruntime is told."""
    if settings.runtime == "onnx":
        from glassnet.runtimes.onnx import OnnxRuntime

        return OnnxRuntime(threads)
    return get_runtime(settings.runtime, settings.device, settings.precision)


def _product(size: int, precision: str, device: str) -> Variant:
    from glassnet.baselines.torch_training import matrix_product

    arguments = {"size": size, "precision": precision, "device": device}
    return Variant(f"matrix product, {precision}", precision, matrix_product, arguments)


def _notes(settings: Settings) -> list[str]:
    """What is not the same on both sides, of what this step has."""
    notes = ["ours also measures the length of the gradient where the recipe does not shorten it"]
    if settings.optimizer == "muon":
        notes.append("torch.optim.Muon orthogonalizes in bfloat16 at every precision, ours in the one asked for")
    return notes
