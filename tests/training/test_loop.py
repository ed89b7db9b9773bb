"""The loop: what it tells, when it stops, and that interrupting it changes nothing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError, DivergedError, SettingsError
from glassnet.runtimes import get_runtime
from glassnet.training import Run, create, train
from glassnet.training.checkpoint import steps_in
from glassnet.training.events import Checkpointed, Evaluated, Finished, Noticed, Pictured, Started, Stepped
from tests.training.toy import Toy, all_events, assert_same_state, kinds, new_run, settings, state, stop_after


def test_what_a_training_tells(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=4)
    events = all_events(run)
    looks = ["Stepped", "Pictured", "Evaluated"]
    assert kinds(events) == [
        "Started", "Pictured", "Checkpointed", *looks * 3, "Stepped", "Evaluated", "Checkpointed", "Pictured",
        "Finished",
    ]  # fmt: skip
    started, finished = events[0], events[-1]
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    assert (started.task, started.num_examples, started.num_weights, started.step) == ("toy", 50, 36 + 8 + 65, 0)
    assert (finished.step, finished.reason) == (4, "budget spent")
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [event.step for event in steps] == [1, 2, 3, 4]
    assert [event.progress for event in steps] == [0.25, 0.5, 0.75, 1.0]
    assert finished.loss == pytest.approx(np.mean([event.loss for event in steps]))
    evaluated = [event.validation_loss for event in events if isinstance(event, Evaluated)]
    assert finished.validation_loss == min(evaluated)
    times = [event.elapsed_s for event in events if not isinstance(event, Noticed)]
    assert times == sorted(times)
    assert list(run.events()) == events


def test_what_a_training_leaves(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=4)
    files = [event.file for event in all_events(run) if isinstance(event, Pictured)]
    assert files == [f"pictures/0000000{step}.npy" for step in range(5)]
    for file in files:
        assert np.load(tmp_path / file).shape == (4, 3, 3)
        assert (tmp_path / file).with_suffix(".png").is_file()
    assert steps_in(run.checkpoints) == [0, 4]
    kinds = {name.split("/")[0] for name in state(run)}
    assert kinds == {"parameters", "averages", "optimizer", "buffers"}


@pytest.mark.parametrize("runtime", ["numpy", "onnx"])
def test_it_learns(tmp_path: Path, runtime: str) -> None:
    run = new_run(tmp_path, steps=300, ema_decay=0.9)
    events = all_events(run, runtime)
    evaluated = [event.validation_loss for event in events if isinstance(event, Evaluated)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.loss is not None
    first = next(event for event in events if isinstance(event, Stepped))
    assert finished.loss < 0.2 * first.loss
    assert min(evaluated) < 0.3 * evaluated[0]
    assert len(evaluated) == 40


def test_everything_moves(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=5)
    training = train(Toy(), run, get_runtime("numpy"))
    next(event for event in training if isinstance(event, Checkpointed))
    before = state(run)
    training.close()
    all_events(run, resume=True)
    after = state(run)
    assert [name for name, array in before.items() if np.array_equal(after[name], array)] == []


def test_the_seed_decides(tmp_path: Path) -> None:
    one, again, other = (new_run(tmp_path / name, seed=seed, steps=8) for name, seed in [("a", 1), ("b", 1), ("c", 2)])
    losses = [[event.loss for event in all_events(run) if isinstance(event, Stepped)] for run in (one, again, other)]
    assert_same_state(one, again)
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("runtime", ["numpy", "onnx"])
@pytest.mark.parametrize("stops", [[1], [7], [3, 4, 12], [19]])
def test_stopping_and_going_on_changes_nothing(tmp_path: Path, runtime: str, stops: list[int]) -> None:
    """Weights, averages, moments and running statistics, bit for bit; and the same evaluations."""
    straight, broken = new_run(tmp_path / "straight"), new_run(tmp_path / "broken")
    all_events(straight, runtime)
    for i, step in enumerate(stops):
        stop_after(step, broken, runtime, resume=i > 0)
    all_events(broken, runtime, resume=True)
    assert_same_state(broken, straight)
    told = [
        {(event.step, event.validation_loss) for event in run.events() if isinstance(event, Evaluated)}
        for run in (broken, straight)
    ]
    if runtime == "numpy":
        assert {loss for _, loss in told[1]} >= {loss for step, loss in told[0] if step not in stops}
    one, other = (run.newest_checkpoint()[0] for run in (straight, broken))
    assert (one.best_validation_loss, one.num_evaluations) == (other.best_validation_loss, other.num_evaluations)


def test_an_evaluation_that_was_due_when_it_stopped(tmp_path: Path) -> None:
    """It is made up for after one more step."""
    run = new_run(tmp_path, steps=80)
    stop_after(2, run)
    assert run.last(Evaluated) is None
    events = all_events(run, resume=True)
    assert next(event.step for event in events if isinstance(event, Evaluated)) == 3


def test_closing_saves(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    stop_after(7, run)
    assert run.newest_checkpoint()[0].step == 7
    finished = run.last(Finished)
    assert finished is not None
    assert (finished.step, finished.reason) == (7, "stopped")


def test_closing_before_the_first_step(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    training = train(Toy(), run, get_runtime("numpy"))
    assert isinstance(next(training), Started)
    training.close()
    assert run.newest_checkpoint()[0].step == 0
    assert run.last(Finished) == list(run.events())[-1]
    all_events(run, resume=True)
    assert run.newest_checkpoint()[0].step == 20


def test_closing_at_the_end_adds_nothing(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=2)
    training = train(Toy(), run, get_runtime("numpy"))
    for event in training:
        if isinstance(event, Finished):
            break
    training.close()
    assert [event.reason for event in run.events() if isinstance(event, Finished)] == ["budget spent"]


def test_going_on_when_nothing_is_left_to_do(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=3)
    all_events(run)
    before = state(run)
    events = all_events(run, resume=True)
    assert not any(isinstance(event, Stepped) for event in events)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.step, finished.loss) == (3, None)
    assert all(np.array_equal(array, before[name]) for name, array in state(run).items())


def test_going_on_for_longer(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=10)
    all_events(run)
    run.adopt({"steps": 30})
    events = all_events(run, resume=True)
    assert Run(tmp_path).settings.steps == 30
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [event.step for event in steps] == list(range(11, 31))
    assert steps[0].learning_rate > steps[-1].learning_rate > 0.0
    assert sum(isinstance(event, Evaluated) for event in events) >= 19


def test_going_on_with_nothing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected a checkpoint in .*; got none\. To fix: "):
        all_events(new_run(tmp_path), resume=True)


def test_going_on_after_a_damaged_checkpoint(tmp_path: Path) -> None:
    run, straight = new_run(tmp_path / "a"), new_run(tmp_path / "b")
    all_events(straight)
    stop_after(5, run)
    stop_after(9, run, resume=True)
    (run.checkpoints / "00000009" / "state.safetensors").write_bytes(b"")
    events = all_events(run, resume=True)
    noticed = [event.message for event in events if isinstance(event, Noticed)]
    assert len(noticed) == 1
    assert noticed[0].startswith("expected a whole checkpoint at ")
    assert noticed[0].endswith("Going on from step 5.")
    assert_same_state(run, straight)


def test_going_on_with_another_network(tmp_path: Path) -> None:
    class Larger(Toy):
        def model(self, generator):
            model = super().model(generator)
            model.load({})
            model.layers.pop(1)  # type: ignore[attr-defined]
            return model

    run = new_run(tmp_path)
    stop_after(2, run)
    with pytest.raises(CheckpointError, match=r"^expected a checkpoint of the model .*; got other tensors\. To fix: "):
        all_events(run, resume=True, task=Larger())


def test_going_on_with_other_classes(tmp_path: Path) -> None:
    """As many as before, so that nothing but the facts can tell."""
    run = create(tmp_path / "run", settings(), {"classes": ["cat", "dog"]})
    task = Toy()
    task.facts = {"classes": ["cat", "dog"]}  # type: ignore[misc]
    stop_after(2, run)
    all_events(run, resume=True, task=task)
    task.facts = {"classes": ["dog", "cow"]}  # type: ignore[misc]
    with pytest.raises(
        CheckpointError, match=r"^expected the classes that .* has learned .*; got others in numbers from"
    ):
        all_events(run, resume=True, task=task)


def test_it_stops_when_nothing_improves(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=2000, patience=3, learning_rate=0.1, schedule="constant", ema_decay=0.5)
    events = all_events(run, task=Toy(can_learn=False))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.reason == "nothing improves any more"
    assert finished.step < 2000
    evaluated = [event.validation_loss for event in events if isinstance(event, Evaluated)]
    assert min(evaluated[-3:]) >= min(evaluated[:-3]) == finished.validation_loss
    assert run.newest_checkpoint()[0].step == finished.step


def test_patience_goes_on_after_an_interruption(tmp_path: Path) -> None:
    how = {"steps": 2000, "patience": 5, "learning_rate": 0.1, "schedule": "constant", "ema_decay": 0.5}
    straight, broken = new_run(tmp_path / "straight", **how), new_run(tmp_path / "broken", **how)
    reasons = []
    for run in (straight, broken):
        task = Toy(can_learn=False)
        if run is broken:
            last = straight.last(Finished)
            assert last is not None
            training = train(task, run, get_runtime("numpy"))
            next(event for event in training if isinstance(event, Stepped) and event.step == last.step - 60)
            training.close()
        finished = all_events(run, resume=run is broken, task=task)[-1]
        assert isinstance(finished, Finished)
        reasons.append((finished.reason, finished.step, finished.validation_loss))
    assert reasons[0] == reasons[1]


@pytest.mark.parametrize("runtime", ["numpy", "onnx"])
def test_divergence(tmp_path: Path, runtime: str) -> None:
    run = new_run(tmp_path, learning_rate=1e30, steps=200)
    with pytest.raises(DivergedError, match=r"^expected finite numbers; got .* at step \d+\. To fix: lower --learning"):
        all_events(run, runtime)
    checkpoint, complaints = run.newest_checkpoint()
    assert complaints == []
    assert all(np.isfinite(array).all() for array in checkpoint.tensors.values())


def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path) -> None:
    """The loss of the last step is that of the weights before it."""
    run = new_run(tmp_path, learning_rate=1e38, steps=2, warmup=0.0, schedule="constant", weight_decay=1e5)
    with pytest.raises(DivergedError, match=rf"the checkpoint of step 0 is kept in {tmp_path}"):
        all_events(run)
    assert run.newest_checkpoint()[0].step == 0


def test_data_that_is_no_number(tmp_path: Path) -> None:
    task = Toy()
    x: Array = task.training["x"].copy()
    x[3] = math.nan
    task.training = {**task.training, "x": x}
    with pytest.raises(DivergedError, match="got loss nan"):
        all_events(new_run(tmp_path), task=task)


def test_a_batch_larger_than_the_data(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected a batch size of at most 50"):
        all_events(new_run(tmp_path, batch_size=51))


def test_epochs(tmp_path: Path) -> None:
    finished = all_events(new_run(tmp_path, epochs=2, batch_size=10))[-1]
    assert isinstance(finished, Finished)
    assert finished.step == 10


class Time:
    """A clock that moves only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 1000.0
        monkeypatch.setattr("glassnet.training.loop.time.monotonic", lambda: self.now)


class Slow(Toy):
    """A step takes a second."""

    def __init__(self, time: Time):
        super().__init__()
        self._time = time

    def pictures(self, weights):
        return None

    def tick(self, *_: object) -> None:
        self._time.now += 1.0


def slow_runtime(task: Slow):
    """Each call of the training step moves the clock; the validation costs nothing."""
    runtime = get_runtime("numpy")

    class Slowed:
        name = "slowed"

        def compile(self, graph):
            executable = runtime.compile(graph)
            if not graph.carried:
                return executable
            original = type(executable).__call__

            class Ticking(type(executable)):
                def __call__(self, inputs):
                    task.tick()
                    return original(self, inputs)

            return Ticking(graph)

    return Slowed()


def test_minutes_and_the_schedule_fitted_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Slow(Time(monkeypatch))
    run = new_run(tmp_path, minutes=1.0, schedule="linear", warmup=0.0)
    events = list(train(task, run, slow_runtime(task)))
    steps = [event for event in events if isinstance(event, Stepped)]
    assert len(steps) == 60
    np.testing.assert_allclose([event.learning_rate for event in steps], 0.03 * (1.0 - np.arange(60) / 60.0))
    np.testing.assert_allclose([event.images_per_s for event in steps], 8.0)
    np.testing.assert_allclose([event.elapsed_s for event in steps], np.arange(1, 61))


def test_a_pause_is_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)
    task = Slow(time)
    run = new_run(tmp_path, minutes=0.5)
    num_steps = 0
    for event in train(task, run, slow_runtime(task)):
        time.now += 1000.0
        num_steps += isinstance(event, Stepped)
    assert num_steps == 30


def test_time_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)
    task = Slow(time)
    run = new_run(tmp_path, minutes=0.5)
    training = train(task, run, slow_runtime(task))
    next(event for event in training if isinstance(event, Stepped) and event.step == 20)
    training.close()
    time.now += 1e6
    events = list(train(task, run, slow_runtime(task), resume=True))
    assert sum(isinstance(event, Stepped) for event in events) == 10


def test_checkpoints_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Slow(Time(monkeypatch))
    run = new_run(tmp_path, steps=100, patience=100)
    saved = [event.step for event in train(task, run, slow_runtime(task)) if isinstance(event, Checkpointed)]
    assert saved == [0, 31, 62, 93, 100]
    assert steps_in(run.checkpoints) == [93, 100]


def test_pictures_of_a_training_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Slow(Time(monkeypatch))
    events = list(train(task, new_run(tmp_path, steps=3), get_runtime("numpy")))
    assert not any(isinstance(event, Pictured) for event in events)


def test_settings_of_the_toy() -> None:
    assert settings().steps == 20
