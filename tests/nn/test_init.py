"""First weights have the spread that the papers, and PyTorch, give them."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from glassnet import nn
from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError
from glassnet.nn import init

SHAPE = (48, 32, 3, 3)
torch_init = torch.nn.init
CASES: dict[str, tuple[Callable[..., Tensor], Callable[[torch.Tensor], Any]]] = {
    "zeros": (lambda generator: init.zeros(SHAPE), torch_init.zeros_),
    "ones": (lambda generator: init.ones(SHAPE), torch_init.ones_),
    "uniform": (lambda generator: init.uniform(SHAPE, 0.2, generator), lambda w: torch_init.uniform_(w, -0.2, 0.2)),
    "normal": (lambda generator: init.normal(SHAPE, 0.2, generator), lambda w: torch_init.normal_(w, 0.0, 0.2)),
    "kaiming_uniform": (
        lambda generator: init.kaiming_uniform(SHAPE, generator, 5**0.5),
        lambda w: torch_init.kaiming_uniform_(w, 5**0.5),
    ),
    "kaiming_normal": (lambda generator: init.kaiming_normal(SHAPE, generator), torch_init.kaiming_normal_),
    "xavier_uniform": (
        lambda generator: init.xavier_uniform(SHAPE, generator, 2.0),
        lambda w: torch_init.xavier_uniform_(w, 2.0),
    ),
    "xavier_normal": (
        lambda generator: init.xavier_normal(SHAPE, generator, 2.0),
        lambda w: torch_init.xavier_normal_(w, 2.0),
    ),
    "orthogonal": (
        lambda generator: init.orthogonal(SHAPE, generator, 2.0),
        lambda w: torch_init.orthogonal_(w, 2.0),
    ),
    "dirac": (
        lambda generator: init.dirac(init.kaiming_uniform(SHAPE, generator, 5**0.5)),
        lambda w: torch_init.dirac_(torch_init.kaiming_uniform_(w, 5**0.5)[: SHAPE[1]]),
    ),
}


def test_every_initializer_has_a_case() -> None:
    public = {name for name, f in vars(init).items() if inspect.isfunction(f) and not name.startswith("_")}
    assert set(CASES) == public - {"fan_in"}


@pytest.mark.parametrize("name", CASES)
def test_spread_is_that_of_torch(name: str) -> None:
    ours, theirs = CASES[name]
    weight, expected = ours(generator=np.random.default_rng(0)), torch.empty(SHAPE)
    theirs(expected)
    assert weight.shape == SHAPE
    assert weight.dtype == np.float32
    values = weight.numpy()
    assert values.mean() == pytest.approx(expected.mean().item(), abs=0.01)
    assert values.std() == pytest.approx(expected.std().item(), rel=0.03)
    if "normal" not in name and name != "orthogonal":
        assert np.abs(values).max() == pytest.approx(expected.abs().max().item(), rel=0.01)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (6, 2, 2, 2)])
def test_orthogonal_is_orthogonal(shape: tuple[int, ...]) -> None:
    w = init.orthogonal(shape, np.random.default_rng(0), dtype="float64").numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


def test_orthogonal_has_no_favorite_sign() -> None:
    generator = np.random.default_rng(0)
    assert {init.orthogonal((1, 1), generator).item() for _ in range(20)} == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda **how: nn.Linear(300, 200, **how), torch.nn.Linear(300, 200)),
        (lambda **how: nn.Conv2d(30, 400, 3, groups=2, **how), torch.nn.Conv2d(30, 400, 3, groups=2)),
        (lambda **how: nn.ConvTranspose2d(30, 400, 2, groups=2, **how), torch.nn.ConvTranspose2d(30, 400, 2, groups=2)),
        (lambda **how: nn.Embedding(300, 200, **how), torch.nn.Embedding(300, 200)),
    ],
)
def test_layers_start_as_in_torch(ours: Callable[..., nn.Module], theirs: torch.nn.Module) -> None:
    torch.manual_seed(0)
    theirs.reset_parameters()
    layer = ours(generator=np.random.default_rng(0))
    expected = dict(theirs.named_parameters())
    assert list(layer.parameters()) == list(expected)
    for name, weight in layer.parameters().items():
        assert weight.numpy().std() == pytest.approx(expected[name].std().item(), rel=0.12)
        if not isinstance(layer, nn.Embedding):
            assert np.abs(weight.numpy()).max() == pytest.approx(expected[name].abs().max().item(), rel=0.03)


def test_vectors_have_no_fan() -> None:
    with pytest.raises(ShapeError, match=r"expected weights \(outputs, inputs, \.\.\.\); got shape \(3,\)\. To fix:"):
        init.kaiming_normal((3,), np.random.default_rng(0))


@pytest.mark.parametrize(("shape", "num_passed_on"), [((6, 4, 3, 3), 4), ((2, 3, 1, 3), 2), ((3, 3, 2, 2), 3)])
def test_dirac_is_that_of_torch_and_leaves_the_rest(shape: tuple[int, ...], num_passed_on: int) -> None:
    given = init.uniform(shape, 1.0, np.random.default_rng(0))
    expected = torch.from_numpy(given.numpy().copy())
    torch_init.dirac_(expected[: shape[1]])
    kernel = init.dirac(given)
    np.testing.assert_array_equal(kernel.numpy(), expected)
    np.testing.assert_array_equal(kernel.numpy()[num_passed_on:], given.numpy()[num_passed_on:])
    assert given.numpy()[0, 0].std() > 0.0, "what was given has changed"


def test_a_matrix_cannot_pass_images_on() -> None:
    with pytest.raises(
        ShapeError, match=r"expected a kernel \(outputs, inputs, kH, kW\); got float32\[3, 2\]\. To fix:"
    ):
        init.dirac(init.zeros((3, 2)))
