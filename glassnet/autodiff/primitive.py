"""Primitives: the indivisible operations, each with its rules; knows no particular one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from glassnet.autodiff.tape import Call, record
from glassnet.autodiff.tensor import Array, ArraySpec, Tensor, TensorLike, tensor
from glassnet.errors import MissingRuleError, ShapeError

Evaluate: TypeAlias = Callable[..., Array]
ShapeRule: TypeAlias = Callable[..., ArraySpec]
Vjp: TypeAlias = Callable[..., Tensor]
Vjps: TypeAlias = Sequence[Vjp | None] | Callable[[int], Vjp]

PRIMITIVES: dict[str, Primitive] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """An operation that is not made of others, with one output.

    evaluate    ``(*arrays, **params) -> array``, on NumPy: what the operation means
    shape       ``(*specs, **params) -> spec``: what comes out, without computing it
    vjps        one rule for each input, ``(g, out, *inputs, **params) -> cotangent of that input``, written
                in primitives so that it can be differentiated again; None where the derivative is zero.
                A function from the input's index to its rule, where there may be any number of inputs
    decompose   the same operation in simpler primitives, for runtimes that lack it
    """

    name: str
    evaluate: Evaluate
    shape: ShapeRule
    vjps: Vjps | None
    decompose: Callable[..., Tensor] | None = None
    __doc__: str | None = field(default=None)

    def __call__(self, *inputs: TensorLike, **params: Any) -> Tensor:
        tensors = _as_tensors(inputs)
        spec = self.shape(*(x.spec for x in tensors), **params)
        if any(x.is_symbolic for x in tensors):
            output = Tensor(None, spec)
        else:
            output = Tensor(np.asarray(self.evaluate(*(x.numpy() for x in tensors), **params)), spec)
        record(Call(self, tensors, params, output))
        return output

    def vjp(self, index: int) -> Vjp | None:
        """The rule for the input at ``index``; None if nothing flows back to it."""
        if self.vjps is None:
            raise MissingRuleError(
                f"expected a vjp rule for primitive '{self.name}'; got none. To fix: give it `vjps` where it is "
                "defined, or keep it out of the differentiated function."
            )
        return self.vjps(index) if callable(self.vjps) else self.vjps[index]

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def primitive(
    shape: ShapeRule,
    vjps: Vjps | None,
    decompose: Callable[..., Tensor] | None = None,
) -> Callable[[Evaluate], Primitive]:
    """Make the decorated NumPy function a primitive: its body is the evaluate rule, its name the name."""

    def define(evaluate: Evaluate) -> Primitive:
        name = evaluate.__name__
        assert name not in PRIMITIVES, f"primitive '{name}' is defined twice"
        PRIMITIVES[name] = Primitive(name, evaluate, shape, vjps, decompose, evaluate.__doc__)
        return PRIMITIVES[name]

    return define


def _as_tensors(inputs: Sequence[TensorLike]) -> tuple[Tensor, ...]:
    """Python numbers take the dtype of the first tensor or array among the inputs that holds numbers."""
    dtype = next((x.dtype for x in inputs if isinstance(x, Tensor | np.ndarray | np.generic) and x.dtype != bool), None)
    tensors = []
    for x in inputs:
        if isinstance(x, Tensor):
            tensors.append(x)
        elif isinstance(x, np.ndarray | np.generic):
            tensors.append(Tensor(np.asarray(x)))
        elif isinstance(x, bool | int | float):
            if isinstance(x, float) and dtype is not None and dtype.kind in "iu":
                raise ShapeError(
                    f"expected a whole number beside {dtype}; got {x}. To fix: cast the {dtype} to float32."
                )
            tensors.append(tensor(x, dtype))
        else:
            raise ShapeError(
                f"expected a tensor, an array or a number; got {type(x).__name__}. To fix: wrap it with tensor()."
            )
    return tuple(tensors)
