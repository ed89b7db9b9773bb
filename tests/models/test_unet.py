"""The U-Net: shapes, names, and what its first weights promise. Values and gradients are tested beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.autodiff import Tensor, tensor
from glassnet.models import UNet
from glassnet.ops import sum as total
from tests.torch_twins import TorchUNet

GENERATOR = np.random.default_rng(1)


def images(num: int) -> Tensor:
    return tensor(GENERATOR.standard_normal((num, 1, 28, 28)).astype(np.float32))


@pytest.mark.parametrize("num", [1, 3])
def test_shapes(num: int) -> None:
    out = UNet(np.random.default_rng(0))(images(num), tensor(np.linspace(0.0, 1.0, num, dtype=np.float32)))
    assert out.shape == (num, 1, 28, 28)
    assert out.dtype == np.float32


@pytest.mark.filterwarnings("ignore:CUDA initialization")
def test_names_are_those_of_the_twin() -> None:
    ours = {name: parameter.shape for name, parameter in UNet(np.random.default_rng(0)).parameters().items()}
    theirs = {name: tuple(parameter.shape) for name, parameter in TorchUNet().named_parameters()}
    assert ours == theirs


def test_the_seed_decides() -> None:
    one, same, other = (UNet(np.random.default_rng(seed)).parameters() for seed in (0, 0, 1))
    assert all(np.array_equal(one[name].numpy(), same[name].numpy()) for name in one)
    assert not np.array_equal(one["conv_in.weight"].numpy(), other["conv_in.weight"].numpy())


def test_blocks_begin_by_adding_nothing() -> None:
    model = UNet(np.random.default_rng(0))
    x = tensor(GENERATOR.standard_normal((2, 64, 7, 7)).astype(np.float32))
    time = tensor(GENERATOR.standard_normal((2, 128)).astype(np.float32))
    for block, mixer in zip(model.blocks, model.mixers, strict=True):
        np.testing.assert_array_equal(mixer(block(x, time)).numpy(), x.numpy())


def test_each_drawing_is_alone() -> None:
    """Nothing is shared across the batch."""
    model = UNet(np.random.default_rng(0))
    model.load({name: t + 0.03 * GENERATOR.standard_normal(t.shape).astype("f") for name, t in model.tensors().items()})
    x, t = images(3), tensor(np.float32([0.1, 0.5, 0.9]))
    together = model(x, t).numpy()
    for i in range(3):
        alone = model(Tensor(x.numpy()[i : i + 1]), Tensor(t.numpy()[i : i + 1])).numpy()
        np.testing.assert_allclose(alone[0], together[i], rtol=1e-4, atol=1e-5)
    assert np.ptp(total(Tensor(together), (1, 2, 3)).numpy()) > 0.0
