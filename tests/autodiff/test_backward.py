"""The reverse sweep: what flows where, how often, and what is kept meanwhile."""

import tracemalloc

import numpy as np
import pytest
import torch

from glassnet import ops
from glassnet.autodiff import Primitive, Tape, Tensor, backward, grad, pullback, tensor, value_and_grad
from glassnet.errors import MissingRuleError, ShapeError


def number(value: float) -> Tensor:
    return Tensor(np.array(value))


def test_a_tensor_used_many_times() -> None:
    x = number(3.0)
    assert grad(lambda x: x * x * x + x - x / 3.0 + x)(x).item() == pytest.approx(27.0 + 2.0 - 1.0 / 3.0)
    assert grad(lambda x: x + x)(x).item() == 2.0


def test_both_inputs_the_same() -> None:
    matrix = Tensor(np.random.default_rng(0).standard_normal((3, 3)))
    theirs = torch.tensor(matrix.numpy(), requires_grad=True)
    (theirs @ theirs).sum().backward()
    assert theirs.grad is not None
    np.testing.assert_allclose(grad(lambda x: ops.sum(x @ x))(matrix).numpy(), theirs.grad.numpy(), rtol=1e-12)


def test_unused_inputs_get_zeros() -> None:
    gradient = grad(lambda p: p["used"] * 2.0)(
        {"used": tensor(1.0), "unused": tensor([[1.0, 2.0]]), "count": tensor(3)}
    )
    assert gradient["used"].item() == 2.0
    for name, dtype, shape in [("unused", np.float32, (1, 2)), ("count", np.int64, ())]:
        assert (gradient[name].dtype, gradient[name].shape) == (dtype, shape)
        assert not gradient[name].numpy().any()


def test_a_constant_result() -> None:
    assert grad(lambda x: tensor(5.0) * 2.0)(tensor(1.0)).item() == 0.0
    assert grad(lambda x: x)(tensor(1.0)).item() == 1.0


def test_gradient_has_the_form_of_the_parameters() -> None:
    parameters = {"a": [tensor(1.0), (tensor(2.0),)], "b": {}}
    (value, extra), gradient = value_and_grad(
        lambda p, factor, more: (p["a"][0] * p["a"][1][0] * factor + more, "extra"), has_aux=True
    )(parameters, 10.0, more=1.0)
    assert (value.item(), extra) == (21.0, "extra")
    assert gradient["b"] == {}
    assert isinstance(gradient["a"][1], tuple)
    assert (gradient["a"][0].item(), gradient["a"][1][0].item()) == (20.0, 10.0)


def test_gradient_of_something_in_the_middle() -> None:
    x = number(2.0)
    with Tape() as tape:
        middle = x * x
        out = middle * middle
    by_x, by_middle, by_out = backward(tape.calls, out, number(1.0), [x, middle, out])
    assert (by_x.item(), by_middle.item(), by_out.item()) == (32.0, 8.0, 1.0)


def test_higher_orders() -> None:
    def power(x: Tensor) -> Tensor:
        return x**4.0

    x = number(1.5)
    for order, expected in enumerate([4 * 1.5**3, 12 * 1.5**2, 24 * 1.5], 1):
        function = power
        for _ in range(order):
            function = grad(function)
        assert function(x).item() == pytest.approx(expected, rel=1e-12)


def test_third_order_agrees_with_torch() -> None:
    def ours(x: Tensor) -> Tensor:
        return ops.sum(ops.tanh(x) * ops.exp(ops.sin(x)) / (x * x + 1.0))

    def summed(function):
        return lambda x: ops.sum(grad(function)(x))

    values = np.random.default_rng(2).standard_normal(5)
    mine = grad(summed(summed(ours)))(Tensor(values))
    x = torch.tensor(values, requires_grad=True)
    y = (torch.tanh(x) * torch.exp(torch.sin(x)) / (x * x + 1.0)).sum()
    for _ in range(3):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    np.testing.assert_allclose(mine.numpy(), y.detach().numpy(), rtol=1e-10)


def test_gradient_penalty_agrees_with_torch() -> None:
    """The gradient of a loss that holds a gradient, through a convolution, a maximum and a normalization."""
    generator = np.random.default_rng(4)
    x, w = generator.standard_normal((2, 2, 6, 6)), generator.standard_normal((3, 2, 3, 3))

    def penalty(w: Tensor) -> Tensor:
        def score(x: Tensor) -> Tensor:
            hidden = ops.normalize(ops.conv2d(x, w, padding=1), axes=(2, 3), eps=1e-3)
            return ops.sum(ops.max_pool2d(ops.tanh(hidden), 2) ** 2.0)

        return ops.sum(grad(score)(Tensor(x)) ** 2.0)

    theirs, torch_w = torch.tensor(x, requires_grad=True), torch.tensor(w, requires_grad=True)
    hidden = torch.nn.functional.instance_norm(torch.conv2d(theirs, torch_w, padding=1), eps=1e-3)
    score = (torch.max_pool2d(torch.tanh(hidden), 2) ** 2).sum()
    (inner,) = torch.autograd.grad(score, theirs, create_graph=True)
    (expected,) = torch.autograd.grad((inner**2).sum(), torch_w)
    np.testing.assert_allclose(grad(penalty)(Tensor(w)).numpy(), expected.numpy(), rtol=1e-9, atol=1e-9)


def test_stop_gradient() -> None:
    x = number(3.0)
    assert grad(lambda x: x * ops.stop_gradient(x))(x).item() == 3.0
    assert grad(lambda x: ops.stop_gradient(x * x))(x).item() == 0.0


def test_nothing_flows_through_whole_numbers() -> None:
    def through(dtype: str):
        return lambda x: ops.sum(ops.cast(ops.cast(x * 3.0, dtype), "float64") * 2.5)

    for dtype in ("int64", "bool", "uint8"):
        assert not grad(through(dtype))(Tensor(np.array([1.0, 2.0]))).numpy().any()
    assert grad(through("float32"))(Tensor(np.array([1.0, 2.0]))).numpy().tolist() == [7.5, 7.5]
    counts = tensor([1, 2])
    assert grad(lambda n: ops.sum(ops.cast(n, "float32") * 2.5))(counts).numpy().tolist() == [0, 0]


def test_a_long_chain() -> None:
    def chain(x: Tensor) -> Tensor:
        for _ in range(10_000):
            x = x * 1.0001
        return x

    assert grad(chain)(number(1.0)).item() == pytest.approx(1.0001**10_000)


def test_cotangents_are_dropped_on_the_way() -> None:
    size, steps = 100_000, 40
    x = y = Tensor(np.linspace(-1.0, 1.0, size))
    with Tape() as tape:
        for _ in range(steps):
            y = ops.sin(y)
    g = Tensor(np.ones(size))
    tracemalloc.start()
    backward(tape.calls, y, g, [x])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 6 * 8 * size


def test_the_tape_is_let_go() -> None:
    x = Tensor(np.ones(100_000))
    tracemalloc.start()
    gradients = pullback(lambda x: ops.exp(ops.sin(ops.cos(x))), x, x)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(gradients) == 1
    assert held_bytes < 1.5 * 8 * 100_000


def test_only_what_depends_on_the_wanted_is_swept() -> None:
    """A primitive without rules does no harm where nothing flows through it."""
    opaque = Primitive("opaque", evaluate=lambda x: x, shape=lambda x: x, vjps=None)
    constant = number(2.0)
    assert grad(lambda x: x * opaque(constant))(number(1.0)).item() == 2.0
    with pytest.raises(MissingRuleError, match=r"expected a vjp rule for primitive 'opaque'; got none. To fix: "):
        grad(lambda x: opaque(x))(number(1.0))


def test_only_scalars_are_differentiated() -> None:
    with pytest.raises(ShapeError, match=r"expected a scalar to differentiate; got shape \(2,\). To fix: "):
        grad(lambda x: x * 2.0)(tensor([1.0, 2.0]))
