"""How long a training lasts, in minutes, epochs or steps, and how far along it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from glassnet.training.settings import Settings


@dataclass(frozen=True, slots=True)
class Budget:
    """A number of steps or of seconds; the other one is infinite."""

    steps: float
    seconds: float

    @staticmethod
    def of(settings: Settings, num_examples: int) -> Budget:
        if settings.minutes is not None:
            return Budget(math.inf, settings.minutes * 60.0)
        if settings.epochs is not None:
            return Budget(max(1, round(settings.epochs * num_examples / settings.batch_size)), math.inf)
        assert settings.steps is not None
        return Budget(settings.steps, math.inf)

    def progress(self, steps: float, elapsed_s: float) -> float:
        """The share that is used up, from 0 to 1."""
        return min(1.0, max(steps / self.steps, elapsed_s / self.seconds))

    def remaining_s(self, steps: int, elapsed_s: float, seconds_per_step: float) -> float:
        """How long it will still take at the present speed."""
        return max(0.0, min(self.seconds - elapsed_s, (self.steps - steps) * seconds_per_step))
