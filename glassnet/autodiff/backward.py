"""The reverse sweep: from one number back to everything that it was computed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassnet import trees
from glassnet.autodiff.tape import Call, Tape
from glassnet.autodiff.tensor import Tensor
from glassnet.errors import ShapeError


def backward(calls: Sequence[Call], output: Tensor, g: Tensor, wanted: Sequence[Tensor]) -> list[Tensor]:
    """How a small change of each wanted tensor would change ``output``, weighted by ``g``.

    calls: what a tape heard; output: computed by one of them; g: same shape as output; wanted: tensors that
    the calls took as inputs. Returns one cotangent for each wanted tensor, of its shape.
    """
    on_path, kept = _computed_from(calls, wanted), set(wanted)
    cotangents = {output: g}
    for call in reversed(calls):
        if call.output not in cotangents:
            continue
        g = cotangents[call.output] if call.output in kept else cotangents.pop(call.output)
        for index, x in enumerate(call.inputs):
            rule = call.primitive.vjp(index) if x in on_path else None
            if rule is not None:
                contribution = rule(g, call.output, *call.inputs, **call.params)
                cotangents[x] = cotangents[x] + contribution if x in cotangents else contribution
    return [cotangents[x] if x in cotangents else Tensor(np.zeros(x.shape, x.dtype)) for x in wanted]


def _computed_from(calls: Sequence[Call], sources: Sequence[Tensor]) -> set[Tensor]:
    """The sources and all that depends on them: the sweep leaves the rest of the tape alone.

    Whole numbers and truth values change in jumps; nothing flows back through them.
    """
    reached = {x for x in sources if x.dtype.kind == "f"}
    for call in calls:
        if call.output.dtype.kind == "f" and not reached.isdisjoint(call.inputs):
            reached.add(call.output)
    return reached


def value_and_grad(function: Callable[..., Any], has_aux: bool = False) -> Callable[..., tuple[Any, Any]]:
    """A function that returns the value of ``function`` and its gradient by its first argument.

    The first argument is a tensor or a tree (dict, list, tuple) of tensors; the gradient has its form.
    ``function`` returns a scalar tensor, or with ``has_aux`` a pair (scalar tensor, anything else).
    """

    def value_and_gradient(parameters: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        with Tape() as tape:
            result = function(parameters, *args, **kwargs)
        value: Tensor = result[0] if has_aux else result
        if value.shape != ():
            raise ShapeError(
                f"expected a scalar to differentiate; got shape {value.shape}. To fix: take its mean or sum."
            )
        one = Tensor(np.ones((), value.dtype))
        return result, trees.rebuild(parameters, backward(tape.calls, value, one, trees.leaves(parameters)))

    return value_and_gradient


def grad(function: Callable[..., Tensor]) -> Callable[..., Any]:
    """A function that returns the gradient of ``function`` by its first argument (tensor or tree)."""
    return lambda *args, **kwargs: value_and_grad(function)(*args, **kwargs)[1]


def pullback(function: Callable[..., Tensor], g: Tensor, *inputs: Tensor) -> list[Tensor]:
    """The vector-Jacobian products of ``function(*inputs)`` for all inputs: ``g`` carried backwards."""
    with Tape() as tape:
        output = function(*inputs)
    return backward(tape.calls, output, g, inputs)
