"""The gradient check: what the rules say against what a nudge shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glassnet.autodiff.backward import pullback
from glassnet.autodiff.tensor import Array, Tensor
from glassnet.errors import GlassnetError


class GradientCheckError(GlassnetError, AssertionError):
    """A vjp rule disagrees with the nudge."""


def check_grads(
    function: Callable[..., Tensor],
    *inputs: Array,
    order: int = 1,
    nudge: float = 1e-5,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> None:
    """Check the derivatives of ``function`` at ``inputs`` against central differences.

    All float64 inputs are nudged together along one random direction ``v``, and the change seen by a random
    cotangent ``g`` is compared: ``g . (f(x + e v) - f(x - e v)) / 2e == vjp(g) . v`` to ``tolerance``, relative
    to the size of the terms. ``order`` 2 checks the derivatives of the vjps too. Inputs of other dtypes stay
    fixed. Raises GradientCheckError with both numbers.
    """
    generator = np.random.default_rng(seed)
    moving = [i for i, x in enumerate(inputs) if x.dtype == np.float64]
    tensors = [Tensor(x) for x in inputs]
    directions = {i: generator.standard_normal(inputs[i].shape) for i in moving}

    def moved(amount: float) -> Array:
        shifted = [Tensor(x + amount * directions[i]) if i in directions else tensors[i] for i, x in enumerate(inputs)]
        return function(*shifted).numpy()

    g = generator.standard_normal(function(*tensors).shape)
    by_nudge = float(np.sum(g * (moved(nudge) - moved(-nudge)))) / (2 * nudge)
    cotangents = pullback(function, Tensor(g), *tensors)
    products = [cotangents[i].numpy() * directions[i] for i in moving]
    by_rule = float(sum(np.sum(product) for product in products))
    scale = max(1.0, abs(by_nudge), float(sum(np.sum(product**2) for product in products)) ** 0.5)
    if not abs(by_nudge - by_rule) <= tolerance * scale:
        raise GradientCheckError(
            f"expected the vjp to agree with the nudge; got {by_rule:.12g} by the rule and {by_nudge:.12g} by the "
            f"nudge (order {order} left). To fix: look at the vjp rules on the path."
        )
    if order > 1:
        for i in moving:
            check_grads(
                lambda cotangent, *x, i=i: pullback(function, cotangent, *x)[i], g, *inputs,
                order=order - 1, nudge=nudge, tolerance=tolerance * 10, seed=seed + 1,
            )  # fmt: skip
