"""What composites promise beyond their values: extremes without overflow, sources of random numbers."""

import numpy as np
import pytest

from glassnet import ops
from glassnet.autodiff import Tensor, grad, tensor


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", [ops.softplus, ops.sigmoid, ops.silu, ops.gelu, ops.log_softmax, ops.softmax])
def test_no_overflow(function, dtype: str) -> None:
    x = Tensor(np.array([-1e4, -100.0, 0.0, 100.0, 1e4], dtype))
    assert np.isfinite(function(x).numpy()).all()
    assert np.isfinite(grad(lambda x: ops.sum(function(x)))(x).numpy()).all()


def test_likes() -> None:
    x = tensor([[1, 2, 3]])
    assert ops.zeros_like(x).spec == ops.ones_like(x).spec == x.spec
    assert (ops.zeros_like(x).numpy() == 0).all()
    assert (ops.ones_like(x).numpy() == 1).all()


def test_nothing_to_do_makes_no_call() -> None:
    x = tensor([[1.0, 2.0]])
    assert ops.cast(x, "float32") is x
    assert ops.reshape(x, (1, -1)) is x
    assert ops.unbroadcast(x, x) is x


def test_random_source() -> None:
    source, again = (ops.EagerRandom(np.random.default_rng(3)) for _ in range(2))
    x, y = source.uniform((1000,)), source.normal((1000,))
    assert x.dtype == y.dtype == np.float32
    assert 0.0 <= x.numpy().min() < 0.05 < 0.95 < x.numpy().max() < 1.0
    assert abs(float(y.numpy().mean())) < 0.1
    assert abs(float(y.numpy().std()) - 1.0) < 0.1
    np.testing.assert_array_equal(again.uniform((1000,)).numpy(), x.numpy())
    assert ops.EagerRandom(np.random.default_rng(3), "float64").normal((2,)).dtype == np.float64
