"""All that can be chosen about a training, in one place."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, fields
from typing import Any

from glassnet.errors import CheckpointError, SettingsError

BUDGETS = ("minutes", "epochs", "steps")
RUNTIMES = ("auto", "onnx", "torch", "numpy")
DEVICES = ("auto", "cpu", "cuda")
SCHEDULES = ("constant", "linear", "cosine", "one_cycle")
OPTIMIZERS = ("adamw", "sgd", "muon")
FLIPS = ("none", "random", "alternating")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training does. Exactly one of ``minutes``, ``epochs`` and ``steps`` is its budget."""

    task: str
    data: str | None = None  # as given to --data; None lets the task choose
    model: str = "default"
    start: str | None = None  # first weights: a run, RUN@STEP or a file of safetensors; None: random ones
    minutes: float | None = None
    epochs: float | None = None
    steps: int | None = None
    batch_size: int = 64
    learning_rate: float = 1e-3  # the highest; the schedule takes it up and down
    schedule: str = "cosine"
    warmup: float = 0.05  # share of the budget
    optimizer: str = "adamw"
    momentum: float = 0.9  # of adamw its beta1
    vector_ratio: float = 1.0  # muon: share of the learning rate that biases and the last layer get
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    ema_decay: float = 0.999  # of the averaged weights that draw and predict
    patience: int | None = 20  # evaluations without a better validation loss before the training stops; None: never
    label_smoothing: float = 0.0
    flip: str = "none"
    shift_px: int = 0
    cutout_px: int = 0
    brightness: float = 0.0  # share of the range from black to white
    contrast: float = 0.0
    rotation_degrees: float = 0.0
    zoom: float = 0.0  # share by which pictures are enlarged or reduced
    blur_px: float = 0.0
    crop: bool = True  # find the faces in photos; else photos are taken for faces as they are
    logit_scale: float = 16.0  # of faces: what cosines are multiplied by
    margin: float = 0.0  # of faces: what a cosine has to be larger than the others by
    sampled_classes: int | None = None  # of faces: people that a step compares with; 0: all; None: all but of very many
    fpir: float = 0.01  # share of strangers that may be given a name
    runtime: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    sync_batchnorm: bool = False  # of several processes: statistics of the whole batch instead of the part of each
    micro_batches: int = 1  # parts of a batch that are computed one after another, for one step
    seed: int = 0

    def __post_init__(self) -> None:
        budgets = {name: getattr(self, name) for name in BUDGETS}
        given = {name: value for name, value in budgets.items() if value is not None}
        if len(given) != 1:
            raise SettingsError(
                f"expected one of --minutes, --epochs, --steps; got {given or 'none'}. To fix: give one."
            )
        name, value = next(iter(given.items()))
        _require(math.isfinite(value) and value > 0, name, "a number above 0", value)
        _require(self.start != "", "start", "a run, RUN@STEP or a file", "nothing")
        _require(self.batch_size >= 1, "batch-size", "at least 1", self.batch_size)
        _require(self.micro_batches >= 1, "micro-batches", "at least 1", self.micro_batches)
        _require(0 < self.learning_rate < math.inf, "learning-rate", "a number above 0", self.learning_rate)
        _require(0 <= self.weight_decay < math.inf, "weight-decay", "a number of at least 0", self.weight_decay)
        _require(0 <= self.warmup < 1, "warmup", "a share from 0 to below 1", self.warmup)
        _require(0 < self.max_gradient_norm < math.inf, "max-gradient-norm", "a number above 0", self.max_gradient_norm)
        _require(0 <= self.ema_decay < 1, "ema-decay", "a number from 0 to below 1", self.ema_decay)
        _require(self.patience is None or self.patience >= 1, "patience", "at least 1", self.patience)
        _require(0 <= self.seed < 2**63, "seed", "a whole number from 0 to 2^63 - 1", self.seed)
        _require(self.runtime in RUNTIMES, "runtime", f"one of {', '.join(RUNTIMES)}", self.runtime)
        _require(self.device in DEVICES, "device", f"one of {', '.join(DEVICES)}", self.device)
        _require(self.schedule in SCHEDULES, "schedule", f"one of {', '.join(SCHEDULES)}", self.schedule)
        _require(self.precision in PRECISIONS, "precision", f"one of {', '.join(PRECISIONS)}", self.precision)
        _require(self.optimizer in OPTIMIZERS, "optimizer", f"one of {', '.join(OPTIMIZERS)}", self.optimizer)
        _require(0 <= self.momentum < 1, "momentum", "a number from 0 to below 1", self.momentum)
        _require(0 < self.vector_ratio < math.inf, "vector-ratio", "a number above 0", self.vector_ratio)
        self._check_augmentation()

    def _check_augmentation(self) -> None:
        _require(0 <= self.label_smoothing < 1, "label-smoothing", "a share from 0 to below 1", self.label_smoothing)
        _require(self.flip in FLIPS, "flip", f"one of {', '.join(FLIPS)}", self.flip)
        _require(self.shift_px >= 0, "shift-px", "at least 0", self.shift_px)
        _require(self.cutout_px >= 0, "cutout-px", "at least 0", self.cutout_px)
        _require(0 <= self.brightness <= 1, "brightness", "a share from 0 to 1", self.brightness)
        _require(0 <= self.contrast <= 1, "contrast", "a share from 0 to 1", self.contrast)
        _require(0 <= self.rotation_degrees <= 180, "rotation-degrees", "from 0 to 180", self.rotation_degrees)
        _require(0 <= self.zoom <= 0.5, "zoom", "a share from 0 to 0.5", self.zoom)
        _require(0 <= self.blur_px <= 10, "blur-px", "from 0 to 10", self.blur_px)
        _require(0 < self.logit_scale <= 1000, "logit-scale", "above 0 and at most 1000", self.logit_scale)
        _require(0 <= self.margin < 1, "margin", "from 0 to below 1", self.margin)
        is_number = self.sampled_classes is None or self.sampled_classes >= 0
        _require(is_number, "sampled-classes", "at least 0", self.sampled_classes)
        _require(0 < self.fpir < 1, "fpir", "a share between 0 and 1", self.fpir)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @staticmethod
    def from_json(text: str, where: str) -> Settings:
        """Settings as `to_json` wrote them; ``where`` names the file for the error message."""
        try:
            values: dict[str, Any] = json.loads(text)
            return Settings(**values)
        except (ValueError, TypeError) as error:
            raise CheckpointError(
                f"expected the settings of a glassnet run in {where}; got something else ({error}). "
                "To fix: choose another run."
            ) from error

    def differences(self, other: Settings) -> dict[str, tuple[Any, Any]]:
        """Name -> (mine, theirs) for each setting that differs."""
        pairs = {field.name: (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise SettingsError(f"expected --{name} to be {expected}; got {got}. To fix: choose another value.")
