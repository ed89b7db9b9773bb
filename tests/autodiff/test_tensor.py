"""Tensors: dtypes, numbers beside them, symbols between them, and values that are not there."""

import operator

import numpy as np
import pytest

from glassnet import ops
from glassnet.autodiff import ArraySpec, Tensor, placeholder, tensor
from glassnet.errors import GraphError, ShapeError

FLOATS = np.dtype(np.float32)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (1.5, "float32"), ([1.0, 2.0], "float32"), (3, "int64"), ([1, 2], "int64"), (True, "bool"), ([], "float32"),
        (np.ones(2), "float64"), (np.float64(1.0), "float64"), (np.ones(2, np.float32), "float32"),
        (np.uint8(3), "uint8"),
    ],
)  # fmt: skip
def test_dtype_of_values(values, dtype: str) -> None:
    assert tensor(values).dtype == dtype
    assert tensor(values, "float64").dtype == "float64"


@pytest.mark.parametrize("values", ["text", None, 1j, object(), [tensor(1.0)]])
def test_only_numbers(values) -> None:
    with pytest.raises(ShapeError, match=r"expected numbers; got .* To fix: "):
        tensor(values)


def test_neither_array_nor_spec() -> None:
    with pytest.raises(ShapeError, match=r"expected an array or a spec .*; got neither. To fix: "):
        Tensor(None)


def test_what_a_tensor_tells() -> None:
    x = tensor([[1.0, 2.0, 3.0]])
    assert (x.shape, x.ndim, x.size, str(x.spec), x.is_symbolic) == ((1, 3), 2, 3, "float32[1, 3]", False)
    assert repr(x) == "Tensor(array([[1., 2., 3.]], dtype=float32))"
    assert repr(placeholder(x.spec)) == "Tensor(float32[1, 3])"
    assert (float(tensor(2.5)), tensor(2.5).item(), bool(tensor(0.0))) == (2.5, 2.5, False)
    assert ArraySpec((), FLOATS).size == 1


def test_compared_by_identity() -> None:
    x, y = tensor(1.0), tensor(1.0)
    assert x != y
    assert len({x, y, x}) == 2


OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow,
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_symbols(symbol: str, dtype: str) -> None:
    """Tensor, array, NumPy number or Python number, on either side: NumPy's values, and the tensor's dtype."""
    function = OPERATORS[symbol]
    a, b = np.array([1.0, 2.0, 3.0], dtype), np.array([3.0, 2.0, 1.0], dtype)
    two = np.dtype(dtype).type(2.0)
    pairs = [(Tensor(a), Tensor(b)), (Tensor(a), b), (a, Tensor(b))]
    for left, right in pairs:
        assert isinstance(function(left, right), Tensor)
        np.testing.assert_array_equal(function(left, right).numpy(), function(a, b))
    for number in (2, 2.0, two):
        for mine, theirs in [
            (function(Tensor(a), number), function(a, two)),
            (function(number, Tensor(a)), function(two, a)),
        ]:
            np.testing.assert_array_equal(mine.numpy(), theirs)
            assert mine.dtype == mine.numpy().dtype == theirs.dtype


def test_matrix_product_on_either_side() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(3.0).reshape(3, 1)
    for product in (Tensor(a) @ Tensor(b), Tensor(a) @ b, a @ Tensor(b)):
        np.testing.assert_array_equal(product.numpy(), a @ b)


def test_numbers_take_the_dtype_of_the_tensor() -> None:
    whole, truth = tensor([1, 2]), tensor([True, False])
    assert (whole * 2).dtype == np.int64
    assert (np.array([1.0], np.float32) * tensor(2.0)).dtype == np.float32
    assert ops.maximum(np.ones(2, np.float32), 0.5).dtype == np.float32
    assert ops.where(truth, 1.0, tensor([1.0, 2.0])).dtype == np.float32
    assert ops.where(truth, 1.0, Tensor(np.ones(2))).dtype == np.float64
    assert ops.where(truth, 1.0, 0.0).dtype == np.float32
    assert ops.where(truth, 1, 0).dtype == np.int64


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_no_fraction_beside_whole_numbers(factor: float) -> None:
    with pytest.raises(ShapeError, match=r"expected a whole number beside int64; got .*\. To fix: cast"):
        tensor([1, 2]) * factor


@pytest.mark.parametrize(
    "other", [tensor([1, 2]), Tensor(np.ones(2)), np.ones(2), np.float64(1.0), tensor([True, True])]
)
def test_dtypes_do_not_mix(other) -> None:
    with pytest.raises(ShapeError, match=r"expected equal dtypes; got .* and .*\. To fix: cast one of them"):
        tensor([1.0, 2.0]) + other


@pytest.mark.parametrize("other", ["text", None, [1.0, 2.0]])
def test_only_tensors_arrays_and_numbers(other) -> None:
    with pytest.raises(ShapeError, match=r"expected a tensor, an array or a number; got .*\. To fix: wrap it"):
        tensor([1.0, 2.0]) + other


@pytest.mark.parametrize("read", [Tensor.numpy, Tensor.item, float, bool, lambda x: 1 if x > 0.0 else 2])
def test_placeholders_have_no_values(read) -> None:
    x = placeholder(ArraySpec((), FLOATS))
    for symbolic in (x, ops.exp(x) * 2.0):
        with pytest.raises(GraphError, match=r"expected a tensor with values; got the placeholder .*\. To fix: "):
            read(symbolic)
