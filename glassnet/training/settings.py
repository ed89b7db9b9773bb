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


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training does. Exactly one of ``minutes``, ``epochs`` and ``steps`` is its budget."""

    task: str
    data: str | None = None  # as given to --data; None lets the task choose
    model: str = "default"
    minutes: float | None = None
    epochs: float | None = None
    steps: int | None = None
    batch_size: int = 64
    learning_rate: float = 1e-3  # the highest; the schedule takes it up and down
    schedule: str = "cosine"
    warmup: float = 0.05  # share of the budget
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    ema_decay: float = 0.999  # of the averaged weights that draw and predict
    patience: int = 20  # evaluations without a better validation loss before the training stops
    runtime: str = "auto"
    device: str = "auto"
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
        _require(self.batch_size >= 1, "batch-size", "at least 1", self.batch_size)
        _require(0 < self.learning_rate < math.inf, "learning-rate", "a number above 0", self.learning_rate)
        _require(0 <= self.weight_decay < math.inf, "weight-decay", "a number of at least 0", self.weight_decay)
        _require(0 <= self.warmup < 1, "warmup", "a share from 0 to below 1", self.warmup)
        _require(0 < self.max_gradient_norm < math.inf, "max-gradient-norm", "a number above 0", self.max_gradient_norm)
        _require(0 <= self.ema_decay < 1, "ema-decay", "a number from 0 to below 1", self.ema_decay)
        _require(self.patience >= 1, "patience", "at least 1", self.patience)
        _require(0 <= self.seed < 2**63, "seed", "a whole number from 0 to 2^63 - 1", self.seed)
        _require(self.runtime in RUNTIMES, "runtime", f"one of {', '.join(RUNTIMES)}", self.runtime)
        _require(self.device in DEVICES, "device", f"one of {', '.join(DEVICES)}", self.device)
        _require(self.schedule in SCHEDULES, "schedule", f"one of {', '.join(SCHEDULES)}", self.schedule)

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
