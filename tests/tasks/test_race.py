"""The race on every task: what enters it, what is the same for all who race, and when it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.data.drawn import draw_houses
from glassnet.data.facecrop import Framing
from glassnet.data.people import People
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.errors import SettingsError
from glassnet.insight.nudge import compare, sweep
from glassnet.insight.race import Terms
from glassnet.tasks import race
from glassnet.tasks.faces import Faces
from glassnet.tasks.race import Entry, check_duration, costs, enter, facts, run

NUMBERS = np.random.default_rng(0)


def pictures(num: int, num_classes: int, *shape: int) -> Pictures:
    return Pictures(NUMBERS.integers(0, 256, (num, *shape), np.uint8), np.arange(num) % num_classes)


def an_entry(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **given: object) -> Entry:
    """The task on a few drawings or on noise."""
    if task == "houses":
        np.save(tmp_path / "houses.npy", draw_houses(40, seed=1))
        return enter("houses", data=str(tmp_path / "houses.npy"), **given)  # type: ignore[arg-type]
    if task == "faces":
        none = Pictures(np.zeros((0, 1, 80, 64), np.uint8), np.zeros(0, np.int64))
        framing = Framing("whole", None, None)
        known = People(pictures(12, 3, 1, 80, 64), none, (), (), ("a", "b", "c"), framing, "noise", ())
        with monkeypatch.context() as patched:
            patched.setattr(race, "open_task", lambda settings, runtime: Faces(settings, known))
            return enter("faces", data=str(tmp_path), **given)  # type: ignore[arg-type]
    loaded = LabeledPictures(pictures(40, 2, 3, 32, 32), pictures(20, 2, 3, 32, 32), ("a", "b"), "noise", ("a notice",))
    monkeypatch.setattr("glassnet.data.cifar10.load", lambda data: loaded)
    return enter("cifar10", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", ["houses", "faces", "cifar10"])
def test_every_task_can_be_nudged(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = an_entry(task, tmp_path, monkeypatch, batch_size=4)
    assert (entry.task, entry.model, entry.batch_size) == (task, "smooth", 4)
    assert 300 < entry.num_weights < 2000
    landscape = entry.landscape_of(0)
    agreement = compare(sweep(landscape, entry.weights, 1e-4), landscape.gradient(entry.weights)[1])
    assert agreement.cosine >= 0.999999999
    assert agreement.largest_relative_difference < 1e-5


def test_noise_and_augmentation_are_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for task in ("houses", "faces", "cifar10"):
        entry = an_entry(task, tmp_path, monkeypatch, batch_size=4)
        assert {"images", "random.0"} <= entry.landscape_of(0).inputs.keys()
        losses = [entry.landscape_of(step).loss(entry.weights) for step in (0, 0, 1)]
        assert losses[0] == losses[1] == losses[2]
        entry = an_entry(task, tmp_path, monkeypatch, batch_size=4, has_new_batches=True)
        losses = [entry.landscape_of(step).loss(entry.weights) for step in (0, 1, 0, 1)]
        assert losses[:2] == losses[2:]
        assert losses[0] != losses[1]


def test_what_a_seed_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [an_entry("houses", tmp_path, monkeypatch, batch_size=4, seed=seed) for seed in (0, 0, 1)]
    losses = [entry.landscape_of(0).loss(entry.weights) for entry in entries]
    assert losses[0] == losses[1] != losses[2]


def test_a_batch_is_no_larger_than_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert an_entry("faces", tmp_path, monkeypatch).batch_size == 12
    assert an_entry("houses", tmp_path, monkeypatch).batch_size == 16
    with pytest.raises(SettingsError, match=r"^expected a batch size of at most 36"):
        an_entry("houses", tmp_path, monkeypatch, batch_size=37)


def test_a_model_of_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = an_entry("cifar10", tmp_path, monkeypatch, model="convnetjs", batch_size=2)
    assert (entry.model, entry.num_weights) == ("convnetjs", 1216 + 8020 + 10020 + 642)
    landscape = entry.landscape_of(0)
    assert np.isfinite(landscape.loss(entry.weights))
    assert {array.dtype for array in entry.weights.values()} == {np.dtype(np.float64)}


def test_what_would_take_days_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = an_entry("houses", tmp_path, monkeypatch, model="unet", batch_size=4)
    monkeypatch.setattr(race, "_MOST_S", 1.0)  # on some machines it takes less than an hour
    with pytest.raises(
        SettingsError,
        match=r"^expected a network whose weights can all be nudged within an hour; got 359,970 weights, 719,940 "
        r"forward passes for one step, about [\d.]+ (minutes|hours|days)\. To fix: leave out --model, or add "
        r"--force\.$",
    ):
        check_duration(entry, 60.0)
    check_duration(entry, 1e9)


def test_facts_of_a_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = an_entry("cifar10", tmp_path, monkeypatch, batch_size=2)
    terms = Terms(num_steps=2)
    *_, known = run(entry, terms)
    values = facts(entry, terms, known)
    assert values["forward_passes_per_sweep"] == 2 * values["weights"] == 2 * entry.num_weights
    assert 2.0 < values["forward_passes_per_gradient"] < 3.0
    for name in ("seconds_per_forward", "seconds_per_sweep", "seconds_per_sweep_one_by_one", "seconds_per_backward"):
        assert values[name] > 0.0
    assert values["curves"].keys() == {"a", "b", "c"}
    for both in values["curves"].values():
        assert len(both["nudge"]["loss"]) == len(both["backpropagation"]["seconds"]) == 3
        assert both["nudge"]["forward_passes"] == [i * values["forward_passes_per_sweep"] for i in range(3)]
        spent = [i * values["forward_passes_per_gradient"] for i in range(3)]
        assert both["backpropagation"]["forward_passes"] == pytest.approx(spent)


@pytest.mark.slow
def test_costs_of_larger_networks() -> None:
    by_name = {cost.network: cost for cost in costs(16)}
    assert by_name.keys() == {"convnetjs", "batchnorm", "fast", "resnet", "facenet"}
    assert by_name["convnetjs"].forward_passes_per_sweep == 44_932
    for cost in by_name.values():
        assert 2.5 < cost.forward_passes_per_gradient < 3.0
        assert cost.seconds_per_sweep > 1000 * cost.seconds_per_gradient > 0.0
