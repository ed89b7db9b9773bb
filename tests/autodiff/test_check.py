"""The gradient check itself: it must fail when it should, and say what it saw."""

import numpy as np
import pytest

from glassnet import ops
from glassnet.autodiff import GradientCheckError, Primitive, Tensor, check_grads

X = np.array([0.3, -0.7, 1.1])


def cube(slope) -> Primitive:
    return Primitive("cube", evaluate=lambda x: x**3, shape=lambda x: x, vjps=[slope])


def test_right_rules_pass() -> None:
    check_grads(cube(lambda g, out, x: g * x * x * 3.0), X, order=3)
    check_grads(lambda x, n: ops.take(x, n, axis=0), X, np.array([2, 0]))


@pytest.mark.parametrize("factor", [-3.0, 0.0, 2.0, 3.0001])
def test_wrong_rules_fail(factor: float) -> None:
    with pytest.raises(GradientCheckError, match=r"expected the vjp .*; got .* by the rule and .*\. To fix: "):
        check_grads(cube(lambda g, out, x: g * x * x * factor), X)


def test_a_missing_rule_fails() -> None:
    with pytest.raises(GradientCheckError):
        check_grads(Primitive("cube", evaluate=lambda x: x**3, shape=lambda x: x, vjps=[None]), X)


def test_nan_fails() -> None:
    with pytest.raises(GradientCheckError):
        check_grads(cube(lambda g, out, x: g * float("nan")), X)


def test_a_rule_that_is_right_once_fails_in_second_order() -> None:
    """3 x^2 with one x hidden from the sweep."""
    half_hidden = cube(lambda g, out, x: g * x * ops.stop_gradient(x) * 3.0)
    check_grads(half_hidden, X)
    with pytest.raises(GradientCheckError, match="order 1 left"):
        check_grads(half_hidden, X, order=2)


def test_one_direction_is_enough_for_one_wrong_element() -> None:
    mask = Tensor(np.array([1.0, 1.0, 1.001]))
    with pytest.raises(GradientCheckError):
        check_grads(cube(lambda g, out, x: g * x * x * 3.0 * mask), X)
