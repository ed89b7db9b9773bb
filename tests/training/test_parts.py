"""The parts of the loop: batches, random numbers, budgets, schedules, settings, events."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from glassnet.autodiff import ArraySpec
from glassnet.errors import CheckpointError, SettingsError
from glassnet.graph import trace
from glassnet.training import Settings, events
from glassnet.training.batches import Batches
from glassnet.training.budget import Budget
from glassnet.training.loop import next_picture_step, schedule_of
from glassnet.training.randomness import draw_inputs, generator
from glassnet.training.settings import SCHEDULES
from tests.training.toy import settings

EXAMPLES = {"x": np.arange(10), "y": np.arange(10) * 10}


def row(num_steps: int, batch_size: int, seed: int = 0) -> list[int]:
    batches = Batches(EXAMPLES, batch_size, seed)
    return [x for step in range(num_steps) for x in batches.batch(step)["x"].tolist()]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 7, 10])
def test_each_epoch_is_a_permutation(batch_size: int) -> None:
    """Also where a batch begins in one epoch and ends in the next."""
    seen = row(10, batch_size)
    assert len(seen) == 10 * batch_size
    epochs = [seen[i : i + 10] for i in range(0, len(seen), 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


def test_batches_are_addressed_by_step() -> None:
    batches, fresh = Batches(EXAMPLES, 3, 5), Batches(EXAMPLES, 3, 5)
    forward = [batches.batch(step)["x"].tolist() for step in range(12)]
    assert [fresh.batch(step)["x"].tolist() for step in reversed(range(12))] == forward[::-1]


def test_all_arrays_of_a_batch_are_of_the_same_examples() -> None:
    batch = Batches(EXAMPLES, 7, 0).batch(3)
    np.testing.assert_array_equal(batch["y"], batch["x"] * 10)


@pytest.mark.parametrize("batch_size", [3, 4, 10])
def test_a_batch_knows_how_often_each_example_was_seen(batch_size: int) -> None:
    batches, seen = Batches(EXAMPLES, batch_size, 0), np.zeros(10)
    for step in range(12):
        batch = batches.batch(step)
        assert batch["epoch"].dtype == np.float32
        for x, epoch in zip(batch["x"], batch["epoch"], strict=True):
            assert epoch == seen[x]
            seen[x] += 1


def test_another_seed_is_another_order() -> None:
    assert row(3, 10, seed=1) != row(3, 10, seed=2)


def test_a_batch_larger_than_the_data() -> None:
    with pytest.raises(SettingsError, match=r"^expected a batch size of at most 10, .*; got 11\. To fix: "):
        Batches(EXAMPLES, 11, 0)


def test_random_numbers_depend_on_seed_purpose_and_counter_alone() -> None:
    def numbers(*key: object) -> tuple[float, ...]:
        return tuple(generator(*key).standard_normal(4).tolist())  # type: ignore[arg-type]

    keys = [(seed, purpose, i) for seed in (0, 1) for purpose in ("step", "order", "pictures") for i in range(3)]
    forward = [numbers(*key) for key in keys]
    assert [numbers(*key) for key in reversed(keys)] == forward[::-1]
    assert len(set(forward)) == len(keys)
    assert numbers(2**63 - 1, "step", 2**40) != numbers(0, "step", 0)


def test_streams_of_neighbouring_steps_do_not_overlap() -> None:
    one, two = (generator(0, "step", i).standard_normal(100_000, np.float32) for i in (0, 1))
    assert len(np.intersect1d(one[:1000], two)) < 10
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02


def test_drawing_the_random_inputs_of_a_graph() -> None:
    def function(t, random):
        return {"y": random.normal((1000,)) + random.uniform((1000,)) + t["x"]}

    graph = trace(function, {"x": ArraySpec((), np.dtype("float32"))})
    drawn = draw_inputs(graph, generator(0, "step", 4))
    again = draw_inputs(graph, generator(0, "step", 4))
    assert drawn.keys() == graph.random.keys()
    for name, kind in graph.random.items():
        assert drawn[name].dtype == np.float32
        np.testing.assert_array_equal(drawn[name], again[name])
        assert abs(drawn[name].mean() - (0.0 if kind == "normal" else 0.5)) < 0.15


@pytest.mark.parametrize(
    ("given", "steps", "seconds"),
    [
        ({"minutes": 1.5}, math.inf, 90.0),
        ({"epochs": 3}, 30, math.inf),
        ({"epochs": 0.001}, 1, math.inf),
        ({"steps": 7}, 7, math.inf),
    ],
)
def test_budgets(given: dict[str, float], steps: float, seconds: float) -> None:
    assert Budget.of(settings(batch_size=10, **given), num_examples=100) == Budget(steps, seconds)


def test_progress_and_what_remains() -> None:
    steps, time = Budget(100, math.inf), Budget(math.inf, 60.0)
    assert steps.progress(25, 1e9) == 0.25
    assert time.progress(10**9, 15.0) == 0.25
    assert time.progress(1, 61.0) == steps.progress(101, 0.0) == 1.0
    assert steps.remaining_s(25, 5.0, 2.0) == 150.0
    assert time.remaining_s(25, 5.0, 2.0) == 55.0
    assert time.remaining_s(25, 65.0, 2.0) == 0.0


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_stay_between_0_and_1(name: str) -> None:
    schedule = schedule_of(settings(schedule=name))
    factors = [schedule(progress) for progress in np.linspace(0.0, 1.0, 101)]
    assert all(0.0 <= factor <= 1.0 for factor in factors)
    assert max(factors) > 0.95
    assert factors[-1] == pytest.approx(1.0 if name == "constant" else 0.0, abs=1e-5)
    if name != "one_cycle":
        assert factors[0] == 0.0  # warm-up
        assert schedule_of(settings(schedule=name, warmup=0.0))(0.0) == 1.0


def test_pictures_thin_out() -> None:
    steps = [0]
    while steps[-1] < 100:
        steps.append(next_picture_step(steps[-1]))
    assert steps == [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]
    assert [next_picture_step(step) for step in (5, 7, 100)] == [6, 8, 128]


BAD = [
    {"steps": 0}, {"steps": -1}, {"minutes": 0.0}, {"minutes": math.nan}, {"minutes": math.inf}, {"epochs": -0.5},
    {"minutes": 1.0, "steps": 5}, {"batch_size": 0}, {"learning_rate": 0.0}, {"learning_rate": -1.0},
    {"learning_rate": math.nan}, {"learning_rate": math.inf}, {"weight_decay": -0.1}, {"weight_decay": math.nan},
    {"seed": -1}, {"seed": 2**63}, {"runtime": "jax"}, {"device": "tpu"}, {"schedule": "steps"}, {"warmup": 1.0},
    {"warmup": -0.1}, {"warmup": math.nan}, {"max_gradient_norm": 0.0}, {"ema_decay": 1.0}, {"ema_decay": -1.0},
    {"patience": 0}, {"precision": "int8"}, {"optimizer": "lion"}, {"momentum": 1.0}, {"momentum": -0.1},
    {"vector_ratio": 0.0}, {"vector_ratio": math.inf}, {"label_smoothing": 1.0}, {"label_smoothing": -0.1},
    {"flip": "always"}, {"shift_px": -1}, {"cutout_px": -1}, {"brightness": 1.5}, {"brightness": math.nan},
    {"contrast": -0.1},
]  # fmt: skip


@pytest.mark.parametrize("given", BAD, ids=str)
def test_bad_settings(given: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=r"^expected .*; got .* To fix: "):
        settings(**given)


def test_a_budget_is_needed() -> None:
    with pytest.raises(SettingsError, match=r"expected one of --minutes, --epochs, --steps; got none"):
        Settings("toy")


def test_settings_are_read_back() -> None:
    given = settings(minutes=0.1, data="generated", seed=2**63 - 1, learning_rate=1 / 3)
    assert Settings.from_json(given.to_json(), "here") == given
    assert given.differences(dataclasses.replace(given, seed=1)) == {"seed": (2**63 - 1, 1)}


def test_settings_of_an_older_version_are_read() -> None:
    """A run goes on under what it began with: fields that were not there then have their defaults."""
    text = (
        '{"task": "houses", "data": null, "model": "unet", "minutes": 1.0, "epochs": null, "steps": null, '
        '"batch_size": 16, "learning_rate": 0.003, "schedule": "linear", "warmup": 0.04, "weight_decay": 0.0, '
        '"max_gradient_norm": 1.0, "ema_decay": 0.995, "patience": 20, "runtime": "auto", "device": "auto", "seed": 0}'
    )
    read = Settings.from_json(text, "here")
    assert (read.patience, read.optimizer, read.flip, read.shift_px, read.label_smoothing) == (
        20,
        "adamw",
        "none",
        0,
        0.0,
    )


def test_patience_may_be_endless() -> None:
    given = settings(patience=None)
    assert Settings.from_json(given.to_json(), "here") == given


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "[1, 2]", '"words"', "{}", '{"task": "toy"}', '{"task": "toy", "steps": "many"}'),
        *('{"task": "toy", "steps": 5, "colour": "red"}', '{"task": "toy", "steps": -5}'),
    ],
)
def test_settings_that_are_none(text: str) -> None:
    with pytest.raises(CheckpointError, match=r"^expected the settings of a glassnet run in here; got .* To fix: "):
        Settings.from_json(text, "here")


EVENTS = [
    events.Started("toy", "a seed", 50, 300, "numpy", 0, 0.0, 1.5),
    events.Stepped(1, 0.5, 1.0, 0.001, 0.1, 0.2, 80.0),
    events.Evaluated(1, 0.2, 0.25),
    events.Evaluated(1, 0.2, 0.25, 0.5),
    events.Pictured(1, 0.2, "pictures/00000001.npy"),
    events.Checkpointed(1, 0.2, "checkpoints/00000001"),
    events.Noticed(1, "an 'é' and a \n line"),
    events.Adjusted(1, 0.2, 0.01, None, 0.5, 16),
    events.Finished(1, 0.2, "stopped", None, None),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_are_read_back(event: events.Event) -> None:
    line = events.to_json(event)
    assert "\n" not in line
    assert events.from_json(line) == event


def test_every_event_is_tried() -> None:
    assert {type(event) for event in EVENTS} == set(events.EVENT_TYPES.values())


def test_events_of_an_older_version_are_read() -> None:
    line = '{"event": "evaluated", "step": 1, "elapsed_s": 0.2, "validation_loss": 0.25}'
    assert events.from_json(line) == events.Evaluated(1, 0.2, 0.25, None)


@pytest.mark.parametrize("line", ["", "{", "[]", "5", "{}", '{"event": "dreamt"}', '{"event": "noticed"}', b"\xff\x00"])
def test_a_line_that_is_no_event(line: str | bytes) -> None:
    assert events.from_json(line) is None


def test_events_are_json_for_everyone() -> None:
    """NaN and Infinity are not: JavaScript, for one, cannot read them."""
    for event in EVENTS:
        json.loads(events.to_json(event), parse_constant=pytest.fail)
    with pytest.raises(ValueError):
        events.to_json(events.Evaluated(1, 0.0, math.nan))
