"""A batch that is computed in parts, one after another, is the batch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.autodiff import Array, Tensor
from glassnet.errors import SettingsError
from glassnet.nn import Flatten, Linear, Module, ReLU, Sequential, mse_loss
from glassnet.ops import Random, reshape
from glassnet.runtimes import get_runtime
from glassnet.training import create, train
from tests.training.several import Exact
from tests.training.toy import settings


class Plain(Exact):
    """Without statistics of a batch, and with every kind of random number."""

    def model(self, generator: np.random.Generator) -> Module:
        how: dict[str, Any] = {"generator": generator, "dtype": "float64"}
        return Sequential(Flatten(), Linear(16, 8, **how), ReLU(), Linear(8, 1, **how))

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        x = batch["x"]
        scale = random.stratified(x.shape[:1]) + random.uniform(x.shape[:1]) + random.uniform((1,))
        return mse_loss(model(x * reshape(scale, (-1, 1, 1, 1)) + random.normal(x.shape) * 0.05), batch["y"])

    def pictures(self, weights: Mapping[str, Array]) -> Array:
        return np.zeros((1, 2, 2), np.uint8)


def trained(where: Path, runtime: str = "numpy", **given: Any) -> dict[str, Array]:
    run = create(where, settings(batch_size=12, steps=5, **given))
    list(train(Plain(), run, get_runtime(runtime)))
    return dict(run.newest_checkpoint()[0].tensors)


@pytest.mark.parametrize("num", [2, 3, 6])
def test_the_same_weights(num: int, tmp_path: Path) -> None:
    whole, parts = trained(tmp_path / "whole"), trained(tmp_path / "parts", micro_batches=num)
    for name, array in whole.items():
        np.testing.assert_allclose(parts[name], array, rtol=1e-11, atol=1e-13, err_msg=name)


def test_parts_that_are_not_equal(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected a batch that can be shared in 5 equal parts; got 12 examples"):
        trained(tmp_path / "parts", micro_batches=5)
