"""Clipped gradients and running averages of weights, against PyTorch."""

import numpy as np
import pytest
import torch

from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError
from glassnet.optim import clip_by_global_norm, global_norm, update_averages, warmed_up_decay

DRAW = np.random.default_rng(0)
ARRAYS = {"a": DRAW.standard_normal((3, 4)), "b": DRAW.standard_normal(5), "c": np.array(2.0)}
TENSORS = {name: Tensor(array) for name, array in ARRAYS.items()}


@pytest.mark.parametrize("max_norm", [0.5, 100.0, Tensor(np.array(1.5))])
def test_clipping_is_that_of_torch(max_norm: float | Tensor) -> None:
    parameters = [torch.nn.Parameter(torch.zeros(array.shape, dtype=torch.float64)) for array in ARRAYS.values()]
    for parameter, array in zip(parameters, ARRAYS.values(), strict=True):
        parameter.grad = torch.from_numpy(array.copy())
    expected = torch.nn.utils.clip_grad_norm_(parameters, float(max_norm))
    clipped, norm = clip_by_global_norm(TENSORS, max_norm)
    assert norm.item() == pytest.approx(expected.item(), rel=1e-12)
    for parameter, g in zip(parameters, clipped.values(), strict=True):
        assert parameter.grad is not None
        np.testing.assert_allclose(g.numpy(), parameter.grad, rtol=1e-12)
    assert global_norm(clipped).item() <= float(max_norm)


def test_zero_gradients_stay_zero() -> None:
    clipped, norm = clip_by_global_norm({"a": Tensor(np.zeros(3, "float32"))}, 1.0)
    assert norm.item() == 0.0
    np.testing.assert_array_equal(clipped["a"].numpy(), np.zeros(3, "float32"))


def test_the_norm_of_nothing_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"^expected at least one tensor; got none\. To fix: "):
        global_norm({})


def test_averages_are_those_of_torch() -> None:
    model = torch.nn.Linear(4, 3).double()
    rule = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)  # type: ignore[no-untyped-call]  # torch does not say
    theirs = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=rule)
    theirs.update_parameters(model)  # the first is a copy
    averages = {"weight": Tensor(model.weight.detach().numpy().copy())}
    for _ in range(10):
        value = DRAW.standard_normal((3, 4))
        with torch.no_grad():
            model.weight.copy_(torch.from_numpy(value))
        theirs.update_parameters(model)
        averages = update_averages(averages, {"weight": Tensor(value)}, Tensor(np.array(0.9)))
    np.testing.assert_allclose(averages["weight"].numpy(), theirs.state_dict()["module.weight"], atol=1e-12)


def test_decay_warms_up() -> None:
    decays = [warmed_up_decay(0.99, step) for step in range(2000)]
    assert decays[0] == 0.1
    assert decays[8] == 0.5
    assert decays == sorted(decays)
    assert decays[-1] == 0.99
