"""`Dropout` in training, and how containers hand its randomness on."""

import numpy as np
import pytest

from glassnet import nn
from glassnet.autodiff import Tensor
from glassnet.errors import SettingsError
from glassnet.ops import EagerRandom


def seeded() -> EagerRandom:
    return EagerRandom(np.random.default_rng(0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_leaves_out_a_share_and_keeps_the_mean(dtype: str) -> None:
    y = nn.Dropout(0.3)(Tensor(np.ones(100_000, dtype)), seeded())
    assert y.dtype == dtype
    values = y.numpy()
    assert set(np.round(np.unique(values), 5)) == {0.0, np.round(values.dtype.type(1 / 0.7), 5)}
    assert np.mean(values == 0.0) == pytest.approx(0.3, abs=0.01)
    assert values.mean() == pytest.approx(1.0, abs=0.01)


def test_containers_hand_randomness_to_those_that_draw() -> None:
    x = Tensor(np.ones((4, 8), "float32"))
    net = nn.Sequential(nn.ReLU(), nn.Residual(nn.Sequential(nn.Tanh(), nn.Dropout(0.5)), nn.Dropout(0.5)))
    assert net.is_random
    assert not nn.Sequential(nn.ReLU(), nn.Residual(nn.Tanh())).is_random
    first, again = net(x, seeded()).numpy(), net(x, seeded()).numpy()
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first)) == 4  # kept or left out, on each of the two ways
    net.train(False)
    np.testing.assert_allclose(net(x).numpy(), 1.0 + np.tanh(1.0), rtol=1e-6)


def test_needs_randomness_in_training() -> None:
    with pytest.raises(SettingsError, match=r"expected a source of random numbers while training; got none\. To fix"):
        nn.Dropout(0.5)(Tensor(np.ones(3)))
