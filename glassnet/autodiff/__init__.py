"""The mechanism: tensors, the tape that hears what is done to them, and the reverse sweep."""

from glassnet.autodiff.backward import backward, grad, pullback, value_and_grad
from glassnet.autodiff.check import GradientCheckError, check_grads
from glassnet.autodiff.primitive import PRIMITIVES, Primitive, primitive
from glassnet.autodiff.tape import Call, Tape
from glassnet.autodiff.tensor import (
    Array,
    ArraySpec,
    Shape,
    Tensor,
    TensorLike,
    define_operator,
    placeholder,
    tensor,
)

__all__ = [
    "PRIMITIVES", "Array", "ArraySpec", "Call", "GradientCheckError", "Primitive", "Shape", "Tape", "Tensor",
    "TensorLike", "backward", "check_grads", "define_operator", "grad", "placeholder", "primitive", "pullback",
    "tensor", "value_and_grad",
]  # fmt: skip
