"""Trainings that are steered while they run: other numbers, other batches, pauses, single steps, a stop."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.runtimes import get_runtime
from glassnet.training import Controls, Run, Settings, read_controls, steered, train, unpause, write_controls
from glassnet.training.batches import Batches
from glassnet.training.checkpoint import steps_in
from glassnet.training.control import FILE
from glassnet.training.events import (
    Adjusted,
    Checkpointed,
    Evaluated,
    Event,
    Finished,
    Noticed,
    Pictured,
    Started,
    Stepped,
)
from glassnet.training.step import below
from tests.training.toy import Toy, all_events, assert_same_state, new_run, settings, state


def told(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def trained(run: Run, asked: Callable[[int], Controls], resume: bool = False, until: int | None = None) -> list[Event]:
    """All events of a training that is asked for ``asked(step)``, closed after step ``until``."""
    seen: list[Event] = []
    steps = [0]
    training = train(Toy(), run, get_runtime("numpy"), resume, lambda: asked(steps[0]))
    for event in training:
        seen.append(event)
        steps[0] = event.step
        if isinstance(event, Stepped) and event.step == until:
            training.close()
    return seen


def parameters(run: Run) -> dict[str, Array]:
    return below(state(run), "parameters")


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_with_no_control_nothing_changes(tmp_path: Path, optimizer: str) -> None:
    """A file that asks for nothing is as good as none."""
    plain, other = (new_run(tmp_path / name, optimizer=optimizer) for name in ("plain", "other"))
    all_events(plain)
    write_controls(other.path, Controls())
    events = [event for event in steered(Toy(), other, get_runtime("numpy")) if event is not None]
    assert told(events, Adjusted) == []
    assert_same_state(other, plain)


def test_the_learning_rate_while_it_runs(tmp_path: Path) -> None:
    run, plain = new_run(tmp_path / "run"), new_run(tmp_path / "plain")
    events = trained(run, lambda step: Controls(learning_rate=0.5 if 5 <= step < 8 else None))
    by_schedule = [event.learning_rate for event in told(all_events(plain), Stepped)]
    rates = [event.learning_rate for event in told(events, Stepped)]
    assert rates == [*by_schedule[:5], 0.5, 0.5, 0.5, *by_schedule[8:]]
    adjusted = told(events, Adjusted)
    assert [(event.step, event.learning_rate) for event in adjusted] == [(5, 0.5), (8, None)]
    assert list(run.events()) == events


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
@pytest.mark.parametrize(
    ("asked", "as_if"),
    [
        ({"momentum": 0.5}, {}),
        ({"weight_decay": 0.3}, {}),
        ({"learning_rate": 0.03}, {"schedule": "constant", "warmup": 0.0}),
    ],
)
def test_it_is_as_if_it_had_been_set(
    tmp_path: Path, optimizer: str, asked: dict[str, float], as_if: dict[str, object]
) -> None:
    """From the first step on, bit for bit; and not what it would have been."""
    how = {"optimizer": optimizer, "steps": 12}
    run, set_so, plain = (
        new_run(tmp_path / name, **{**how, **more})
        for name, more in {"run": {}, "set": {**asked, **as_if}, "plain": {}}.items()
    )
    events = trained(run, lambda step: Controls(**asked))
    assert [dataclasses.asdict(event) for event in told(events, Adjusted)] == [
        {"step": 0, "elapsed_s": pytest.approx(0, abs=60), "learning_rate": None, "momentum": None,
         "weight_decay": None, "batch_size": None, **asked}
    ]  # fmt: skip
    all_events(set_so)
    all_events(plain)
    assert_same_state(run, set_so)
    assert any(not np.array_equal(array, parameters(plain)[name]) for name, array in parameters(run).items())


def test_momentum_of_a_training_that_has_none(tmp_path: Path) -> None:
    run, plain = (new_run(tmp_path / name, optimizer="sgd", momentum=0.0) for name in ("run", "plain"))
    events = trained(run, lambda step: Controls(momentum=0.5 if step >= 3 else None))
    assert [event.message for event in told(events, Noticed)] == [
        "expected no momentum for a training that was started with --momentum 0; got 0.5. It goes on without."
    ]
    assert told(events, Adjusted) == []
    all_events(plain)
    assert_same_state(run, plain)


@pytest.mark.parametrize("runtime", ["numpy", "onnx", "torch"])
def test_another_batch_size(tmp_path: Path, runtime: str) -> None:
    """Every state is carried over, and the examples go on where they were: no epoch has one of them twice."""
    run, asked = new_run(tmp_path, steps=15, batch_size=10), Controls()
    seen: list[int] = []
    places = Batches.batch

    def noted(batches: Batches, step: int) -> dict[str, Array]:
        seen.extend(batches.places(step)["indices"].tolist())
        return places(batches, step)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Batches, "batch", noted)
        before: dict[str, Array] = {}
        events = []
        training = train(Toy(), run, get_runtime(runtime), controls=lambda: asked)
        for event in training:
            events.append(event)
            if isinstance(event, Stepped) and event.step in (4, 7):
                asked = Controls(batch_size={4: 25, 7: 2}[event.step])
        before = parameters(run)
    adjusted = told(events, Adjusted)
    assert [(event.step, event.batch_size) for event in adjusted] == [(4, 25), (7, 2)]
    assert len(seen) == 4 * 10 + 3 * 25 + 8 * 2
    for first in range(0, 100, 50):
        assert sorted(seen[first : first + 50]) == list(range(50))
    assert all(math.isfinite(array.sum()) for array in before.values())
    losses = [event.loss for event in told(events, Stepped)]
    assert len(losses) == 15
    assert run.newest_checkpoint()[0].num_seen == len(seen)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_batch_size_that_is_asked_for_again_is_as_if_nothing_was(tmp_path: Path, device: str) -> None:
    """The step is traced anew, and its state comes over whole; also where all examples are kept beside the graph."""
    run, plain = new_run(tmp_path / "run", device=device), new_run(tmp_path / "plain")
    trained(run, lambda step: Controls(batch_size=8 if 5 <= step < 9 else None))
    all_events(plain)
    assert_same_state(run, plain)


def test_more_than_there_are_examples(tmp_path: Path) -> None:
    run, plain = (new_run(tmp_path / name, batch_size=50) for name in ("run", "plain"))
    events = trained(run, lambda step: Controls(batch_size=51 if step >= 3 else None))
    assert [(event.step, event.message) for event in told(events, Noticed)] == [
        (3, "expected a batch size of at most 50, the number of training examples; got 51. It goes on with the size it "
         "has.")
    ]  # fmt: skip
    assert told(events, Adjusted) == []
    all_events(plain)
    assert_same_state(run, plain)
    events = trained(new_run(tmp_path / "third"), lambda step: Controls(batch_size=20 if step < 5 else 1000))
    assert [event.batch_size for event in told(events, Adjusted)] == [20]
    assert len(told(events, Noticed)) == 1


def test_epochs_are_counted_in_examples(tmp_path: Path) -> None:
    run = new_run(tmp_path, epochs=4, batch_size=10)
    steps = told(trained(run, lambda step: Controls(batch_size=25 if step >= 10 else None)), Stepped)
    assert len(steps) == 10 + 4
    assert [event.progress for event in steps[9:]] == [0.5, 0.625, 0.75, 0.875, 1.0]


CHANGES = {
    0: Controls(weight_decay=0.1),
    4: Controls(momentum=0.5, batch_size=20),
    9: Controls(momentum=0.5, batch_size=20, learning_rate=0.02),
    13: Controls(batch_size=5),
}


def asked_at(step: int) -> Controls:
    return CHANGES[max(at for at in CHANGES if at <= step)]


@pytest.mark.parametrize("stops", [[2], [4], [6, 11], [9, 10, 14]])
def test_going_on_with_controls_in_force(tmp_path: Path, stops: list[int]) -> None:
    straight, broken = new_run(tmp_path / "straight"), new_run(tmp_path / "broken")
    events = trained(straight, asked_at)
    assert [event.step for event in told(events, Adjusted)] == list(CHANGES)
    for i, stop in enumerate(stops):
        trained(broken, asked_at, resume=i > 0, until=stop)
    again = trained(broken, asked_at, resume=True)
    assert_same_state(broken, straight)
    # A training that goes on starts with its settings, and tells of what is asked instead.
    first = told(again, Adjusted)[0]
    assert isinstance(first, Adjusted)
    assert (first.step, first.batch_size) == (stops[-1], asked_at(stops[-1]).batch_size)


def test_a_checkpoint_of_an_older_version(tmp_path: Path) -> None:
    """It does not say how many examples were seen."""
    straight, run = new_run(tmp_path / "straight"), new_run(tmp_path / "run")
    all_events(straight)
    trained(run, lambda step: Controls(), until=7)
    for step in steps_in(run.checkpoints):
        file = run.checkpoints / f"{step:08d}" / "checkpoint.json"
        values = json.loads(file.read_text())
        assert values.pop("num_seen") == step * 8
        file.write_text(json.dumps(values))
    all_events(run, resume=True)
    assert_same_state(run, straight)


def test_nonsense_is_told_once(tmp_path: Path) -> None:
    run, plain = new_run(tmp_path / "run"), new_run(tmp_path / "plain")
    events: list[Event | None] = []
    for event in steered(Toy(), run, get_runtime("numpy")):
        events.append(event)
        if isinstance(event, Stepped) and event.step == 3:
            (run.path / FILE).write_text('{"learning_rate": "fast"}')
    messages = [event.message for event in run.events() if isinstance(event, Noticed)]
    assert messages == ["expected learning_rate to be a number above 0; got fast. To fix: choose another value."]
    all_events(plain)
    assert_same_state(run, plain)


def test_a_pause_and_single_steps(tmp_path: Path) -> None:
    run, plain = new_run(tmp_path / "run"), new_run(tmp_path / "plain")
    training = steered(Toy(), run, get_runtime("numpy"))
    next(event for event in training if isinstance(event, Stepped) and event.step == 5)
    write_controls(run.path, Controls(is_paused=True))
    # It is seen after the next event, which is a step or what follows one.
    while next(training) is not None:
        pass
    logged = list(run.events())
    assert [next(training) for _ in range(4)] == [None] * 4
    assert list(run.events()) == logged
    paused_at = max(event.step for event in logged)
    assert paused_at in (5, 6)
    for step in range(paused_at + 1, paused_at + 4):
        write_controls(run.path, Controls(is_paused=True, pause_at=step))
        while (event := next(training)) is None:
            pass
        # All that belongs to the step is there while it waits, its pictures and a checkpoint among it.
        events = [event, *iter(lambda: next(training), None)]
        assert [one.step for one in told(events, Stepped)] == [step]
        assert [one.step for one in told(events, Checkpointed)] == [step]
        assert bool(told(events, Pictured)) == (step in (6, 8))
        assert list(run.events())[-len(events) :] == events
        assert run.newest_checkpoint()[0].step == step
    write_controls(run.path, Controls())
    rest = [event for event in training if event is not None]
    assert isinstance(rest[-1], Finished)
    all_events(plain)
    assert_same_state(run, plain)


def test_a_pause_is_no_training(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=6)
    write_controls(run.path, Controls(pause_at=3))
    paused_s = 0.0
    for event in steered(Toy(), run, get_runtime("numpy")):
        if event is None:
            time.sleep(0.5)
            paused_s += 0.5
            write_controls(run.path, Controls(pause_at=3 if paused_s < 1.0 else None))
    finished = run.last(Finished)
    assert finished is not None
    steps = [event for event in run.events() if isinstance(event, Stepped)]
    assert steps[3].elapsed_s - steps[2].elapsed_s < 0.9


@pytest.mark.parametrize("is_paused", [False, True])
def test_a_stop_from_outside(tmp_path: Path, is_paused: bool) -> None:
    run = new_run(tmp_path)
    write_controls(run.path, Controls(pause_at=5 if is_paused else None))
    events: list[Event] = []
    for event in steered(Toy(), run, get_runtime("numpy")):
        if event is None or (not is_paused and event.step == 5):
            write_controls(run.path, Controls(is_paused=is_paused, is_stopping=True))
        if event is not None:
            events.append(event)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished == run.last(Finished) == list(run.events())[-1]
    assert (finished.reason, finished.step) == ("stopped", run.newest_checkpoint()[0].step)
    assert finished.step == 5 if is_paused else finished.step in (5, 6)
    assert not run.is_alive()


@pytest.mark.parametrize("is_paused", [False, True])
def test_closing_saves(tmp_path: Path, is_paused: bool) -> None:
    run = new_run(tmp_path)
    write_controls(run.path, Controls(pause_at=5))
    training = steered(Toy(), run, get_runtime("numpy"))
    next(event for event in training if (event is None if is_paused else isinstance(event, Stepped)))
    training.close()
    finished = run.last(Finished)
    assert finished is not None
    assert finished.step == run.newest_checkpoint()[0].step == (5 if is_paused else 1)
    assert not run.is_alive()


def test_pause_and_stop_are_not_for_the_training_that_goes_on(tmp_path: Path) -> None:
    run, plain = new_run(tmp_path / "run"), new_run(tmp_path / "plain")
    write_controls(run.path, Controls(is_paused=True, is_stopping=True, batch_size=10))
    events = list(steered(Toy(), run, get_runtime("numpy")))
    assert run.last(Stepped) is None
    unpause(run)
    assert read_controls(run.path) == Controls(batch_size=10)
    events = list(steered(Toy(), run, get_runtime("numpy"), resume=True))
    assert None not in events
    trained(plain, lambda step: Controls(batch_size=10))
    assert_same_state(run, plain)


def test_numbers_after_which_nothing_is_a_number(tmp_path: Path) -> None:
    from glassnet.errors import DivergedError

    run = new_run(tmp_path, steps=200)
    with pytest.raises(DivergedError, match=r"lower --learning-rate \(now 1e\+30\)"):
        trained(run, lambda step: Controls(learning_rate=1e30 if step >= 5 else None))
    assert np.isfinite(parameters(run)["0.weight"]).all()


def test_momentum_of_the_settings_is_beta1(tmp_path: Path) -> None:
    assert Settings("toy", steps=1).momentum == settings().momentum == 0.9
    one, other = new_run(tmp_path / "a", momentum=0.9), new_run(tmp_path / "b", momentum=0.8)
    for run in (one, other):
        all_events(run)
    assert any(not np.array_equal(array, parameters(other)[name]) for name, array in parameters(one).items())
    assert {Started, Evaluated} <= {type(event) for event in other.events()}
