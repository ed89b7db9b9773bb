"""A tensor: an array, or the promise of one while a function is being traced.

Knows nothing of what can be done to it; `ops` gives the arithmetic symbols their meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glassnet.errors import GraphError, ShapeError

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """What is known of an array without its values: shape and dtype."""

    shape: Shape
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


_operators: dict[str, Callable[..., Tensor]] = {}


def define_operator(symbol: str, function: Callable[..., Tensor]) -> None:
    """Let ``symbol`` between tensors mean ``function``; called once for each symbol by `ops`."""
    _operators[symbol] = function


class Tensor:
    """A differentiable value. Compared and hashed by identity: two equal arrays are two tensors.

    ``array`` is None for a placeholder and for everything computed from one.
    """

    __array_ufunc__ = None  # NumPy must leave `array * tensor` to us
    __slots__ = ("_array", "spec")

    def __init__(self, array: Array | None, spec: ArraySpec | None = None):
        if spec is None:
            if array is None:
                raise ShapeError("expected an array or a spec for a tensor; got neither. To fix: give one.")
            array = np.asarray(array)
            spec = ArraySpec(array.shape, array.dtype)
        self._array = array
        self.spec = spec

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        return len(self.spec.shape)

    @property
    def size(self) -> int:
        return self.spec.size

    @property
    def is_symbolic(self) -> bool:
        return self._array is None

    def numpy(self) -> Array:
        """The values. A traced step has none: whatever varies from step to step must be an input."""
        if self._array is None:
            raise GraphError(
                f"expected a tensor with values; got the placeholder {self.spec}. To fix: a traced function "
                "cannot read values (no float(), no `if` on a tensor); use `where`, or make it an input."
            )
        return self._array

    def item(self) -> float:
        return float(self.numpy().item())

    def __float__(self) -> float:
        return self.item()

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __repr__(self) -> str:
        return f"Tensor({self.spec})" if self._array is None else f"Tensor({self._array!r})"

    def __add__(self, other: TensorLike) -> Tensor:
        return _operators["+"](self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return _operators["+"](other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return _operators["-"](self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return _operators["-"](other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return _operators["*"](self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return _operators["*"](other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return _operators["/"](self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return _operators["/"](other, self)

    def __pow__(self, other: TensorLike) -> Tensor:
        return _operators["**"](self, other)

    def __rpow__(self, other: TensorLike) -> Tensor:
        return _operators["**"](other, self)

    def __matmul__(self, other: Tensor | Array) -> Tensor:
        return _operators["@"](self, other)

    def __rmatmul__(self, other: Array) -> Tensor:
        return _operators["@"](other, self)

    def __neg__(self) -> Tensor:
        return _operators["negative"](self)

    # Reflected comparisons of two tensors overlap in type (a > b is b < a); they mean the same, so it is safe.
    def __gt__(self, other: TensorLike) -> Tensor:  # type: ignore[misc]
        return _operators[">"](self, other)

    def __ge__(self, other: TensorLike) -> Tensor:  # type: ignore[misc]
        return _operators[">="](self, other)

    def __lt__(self, other: TensorLike) -> Tensor:  # type: ignore[misc]
        return _operators[">"](other, self)

    def __le__(self, other: TensorLike) -> Tensor:  # type: ignore[misc]
        return _operators[">="](other, self)


TensorLike: TypeAlias = Tensor | float | int | bool | Array


def tensor(values: Any, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of the given values: float32 for Python floats, int64 for Python integers."""
    array = np.asarray(values, dtype)
    if dtype is None and not isinstance(values, np.ndarray | np.generic) and array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiub":
        raise ShapeError(
            f"expected numbers; got {array.dtype} from {type(values).__name__}. To fix: convert them first."
        )
    return Tensor(array)


def placeholder(spec: ArraySpec) -> Tensor:
    """A tensor that stands for any array of this shape and dtype."""
    return Tensor(None, spec)
