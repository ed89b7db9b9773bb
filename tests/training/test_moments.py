"""The network of a run at any moment: what it is, and that it can be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from glassnet.autodiff import Tensor
from glassnet.errors import CheckpointError
from glassnet.training import history
from glassnet.training.moments import network_at
from glassnet.training.step import below, weights_of
from tests.training.toy import Toy, all_events, new_run, state


def test_the_newest_is_averaged(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    all_events(run)
    step, weights = network_at(run)
    assert step == 20
    assert weights.keys() == Toy().model(np.random.default_rng(0)).tensors().keys()
    for name, array in weights_of(state(run)).items():
        assert weights[name].tobytes() == array.tobytes()


def test_another_moment_is_as_it_was_learned(tmp_path: Path) -> None:
    """The one that was kept last before it, as a whole network."""
    run = new_run(tmp_path)
    all_events(run)
    last = {**below(state(run), "parameters"), **below(state(run), "buffers")}
    for asked, found in [(0, 0), (5, 4), (6, 6), (15, 12), (20, 20), (10**9, 20)]:
        step, weights = network_at(run, asked)
        assert step == found
        assert weights.keys() == last.keys()
        assert all(np.array_equal(array, last[name]) for name, array in weights.items()) == (step == 20)
    model = Toy().model(np.random.default_rng(0))
    model.load({name: Tensor(array) for name, array in network_at(run, 8)[1].items()})
    model.train(False)
    assert np.isfinite(model(Tensor(Toy().validation["x"])).numpy()).all()


def test_a_history_of_an_older_version(tmp_path: Path) -> None:
    """It has no buffers; what is known of them is the caller's to say."""
    run = new_run(tmp_path, steps=3)
    all_events(run)
    (_, path), *_ = history.snapshots(run)
    save_file(history.load(path), path)
    assert history.load_buffers(path) == {}
    assert network_at(run, 0)[1].keys() == history.load(path).keys()


def test_a_moment_that_was_not_kept(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with pytest.raises(CheckpointError, match=r"^expected a checkpoint in .*; got none\. To fix: "):
        network_at(run)
    with pytest.raises(CheckpointError, match=r"^expected weights that .* kept up to step 7; got none\. To fix: "):
        network_at(run, 7)
