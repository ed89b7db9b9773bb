"""Axes of a chart: how far they reach, which round numbers stand at them, how these are written, where a value lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from glassnet.autodiff import Array

Scale = Literal["linear", "log"]

_STEPS = (1, 2, 5, 10)
_LEAST_PLAIN, _WIDEST_PLAIN = 1e-4, 1e6  # numbers outside are written with an exponent
_ROUNDING = 1e-9  # 0.30000000000000004 counts as 0.3


@dataclass(frozen=True)
class Axis:
    """From ``low`` at ``start_px`` to ``high`` at ``end_px``; an upright axis ends above where it starts."""

    scale: Scale
    low: float
    high: float
    ticks: tuple[float, ...]
    start_px: float
    end_px: float

    def at_px(self, values: Array) -> Array:
        low, high = _scaled(np.array([self.low, self.high]), self.scale)
        return self.start_px + (_scaled(values, self.scale) - low) / (high - low) * (self.end_px - self.start_px)

    def texts(self) -> list[str]:
        """The ticks as they are written: on a linear axis all with the same decimals."""
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else 0.0
        if self.scale == "log" or step < _LEAST_PLAIN or max(map(abs, self.ticks)) >= _WIDEST_PLAIN:
            return [_short(tick) for tick in self.ticks]
        decimals = max(0, -math.floor(math.log10(step) + _ROUNDING))
        return [f"{tick:,.{decimals}f}" for tick in self.ticks]


def fit_axis(values: Array, scale: Scale, num: int, start_px: float, end_px: float) -> Axis:
    """An axis that holds all values, which are above 0 if it is logarithmic, with about ``num`` ticks."""
    low, high = float(values.min()), float(values.max())
    if scale == "log":
        return Axis("log", *_log_range(low, high, num), start_px, end_px)
    least_step = 1.0 if (values == np.floor(values)).all() else 0.0  # there is no half epoch
    return Axis("linear", *_linear_range(low, high, num, least_step), start_px, end_px)


def _scaled(values: Array, scale: Scale) -> Array:
    return np.log10(values) if scale == "log" else values


def _linear_range(low: float, high: float, num: int, least_step: float) -> tuple[float, float, tuple[float, ...]]:
    """Both ends, which are ticks, and the ticks."""
    if high - low <= _ROUNDING * max(abs(low), abs(high)):  # a single value gets an axis around it
        around = abs(low) / 2 or 1.0
        low, high = low - around, high + around
    step = max(least_step, _round_up((high - low) / num))
    first, last = math.floor(low / step + _ROUNDING), math.ceil(high / step - _ROUNDING)
    ticks = tuple(float(f"{i * step:.12g}") for i in range(first, last + 1))
    return ticks[0], ticks[-1], ticks


def _round_up(step: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(float(f"{power * i:.12g}") for i in _STEPS if power * i >= step * (1 - _ROUNDING))


def _log_range(low: float, high: float, num: int) -> tuple[float, float, tuple[float, ...]]:
    """Both ends, which are 1, 2 or 5 times a power of ten, and as ticks all of these between, or some powers of ten."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    round_numbers = [float(f"{i}e{power}") for power in powers for i in _STEPS[:-1]]
    start = max(i for i, number in enumerate(round_numbers) if number <= low * (1 + _ROUNDING))
    end = min(i for i, number in enumerate(round_numbers) if number >= high * (1 - _ROUNDING))
    if start == end:
        start, end = start - 1, end + 1
    ticks = round_numbers[start : end + 1]
    if end - start > num:
        whole = [number for i, number in enumerate(round_numbers) if i % len(_STEPS[:-1]) == 0 and start <= i <= end]
        ticks = whole[:: -(-len(whole) // num)]
    return round_numbers[start], round_numbers[end], tuple(ticks)


def _short(number: float) -> str:
    """At most six digits: 20,000; 0.05; 2e7."""
    if number == 0 or _LEAST_PLAIN <= abs(number) < _WIDEST_PLAIN:
        return f"{number:,g}"
    mantissa, exponent = f"{number:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"
