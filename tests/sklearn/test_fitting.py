"""A training in memory is the training of `training.train`, without its directory."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from glassnet.runtimes import get_runtime
from glassnet.sklearn.fitting import learn
from glassnet.training import create, train
from glassnet.training.step import weights_of
from tests.training.toy import Toy, settings


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_the_same_weights_as_on_disk(tmp_path: Path, ema_decay: float) -> None:
    chosen = settings(epochs=1.5, runtime="numpy", seed=5, ema_decay=ema_decay, weight_decay=0.1, schedule="one_cycle")
    run = create(tmp_path, dataclasses.replace(chosen, patience=None))
    for _ in train(Toy(), run, get_runtime("numpy")):
        pass
    expected = weights_of(run.newest_checkpoint()[0].tensors)
    weights, losses = learn(Toy(), chosen)
    assert len(losses) == round(1.5 * 50 / 8)
    assert weights.keys() == expected.keys()
    for name, array in expected.items():
        assert weights[name].tobytes() == array.tobytes(), name
