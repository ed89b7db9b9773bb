"""The step: each optimizer learns under it, the epoch reaches the task, and validation takes examples in parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from glassnet.autodiff import Tensor
from glassnet.nn import Module
from glassnet.ops import Random, mean
from glassnet.runtimes import get_runtime
from glassnet.training import train, validation
from glassnet.training.events import Evaluated, Finished, Stepped
from glassnet.training.randomness import generator
from glassnet.training.settings import OPTIMIZERS
from glassnet.training.step import build_step
from tests.training.toy import Toy, all_events, assert_same_state, new_run, settings, state, stop_after

LEARNING_RATES = {"adamw": 0.03, "sgd": 0.03, "muon": 0.1}


@pytest.mark.parametrize("runtime", ["numpy", "onnx"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(tmp_path: Path, runtime: str, optimizer: str) -> None:
    run = new_run(
        tmp_path,
        steps=150,
        ema_decay=0.9,
        optimizer=optimizer,
        learning_rate=LEARNING_RATES[optimizer],
        vector_ratio=0.3,
    )
    events = all_events(run, runtime)
    first, finished = next(event for event in events if isinstance(event, Stepped)), events[-1]
    assert isinstance(finished, Finished)
    assert finished.loss is not None
    assert finished.loss < 0.35 * first.loss


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_momentum_is_a_setting(tmp_path: Path, optimizer: str, momentum: float) -> None:
    step = build_step(
        Toy(), Toy().model(generator(0, "initialization")), settings(optimizer=optimizer, momentum=momentum)
    )
    assert step.hyperparameters.get("momentum", 0.0) == momentum
    all_events(new_run(tmp_path, steps=3, optimizer=optimizer, momentum=momentum))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_checkpoints_have_the_names_and_shapes_of_the_model(tmp_path: Path, optimizer: str) -> None:
    run = new_run(tmp_path, steps=2, optimizer=optimizer)
    all_events(run)
    model = Toy().model(generator(0, "initialization"))
    kept = state(run)
    for name, parameter in model.parameters().items():
        assert kept[f"parameters/{name}"].shape == kept[f"averages/{name}"].shape == parameter.shape
        moments = [
            array.shape for key, array in kept.items() if key.startswith("optimizer/") and key.endswith(f"/{name}")
        ]
        assert moments
        assert set(moments) == {parameter.shape}


def test_muon_has_every_matrix_but_the_last_by_itself() -> None:
    step = build_step(Toy(), Toy().model(generator(0, "initialization")), settings(optimizer="muon"))
    packs = {name.removeprefix("parameters/"): a.shape for name, a in step.initial.items() if name.startswith("param")}
    assert packs == {"matrix.0.weight": (4, 9), "plain": (4 + 4 + 1,), "decayed": (64,)}


@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_stopping_and_going_on_changes_nothing(tmp_path: Path, optimizer: str) -> None:
    straight, broken = (new_run(tmp_path / name, optimizer=optimizer) for name in ("straight", "broken"))
    all_events(straight, "onnx")
    stop_after(7, broken, "onnx")
    all_events(broken, "onnx", resume=True)
    assert_same_state(broken, straight)


class Dated(Toy):
    """Its loss is the mean epoch of the batch, besides nothing that moves."""

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        return mean(batch["epoch"]) + super().loss(model, batch, random) * 1e-9


@pytest.mark.parametrize("runtime", ["numpy", "onnx"])
def test_the_epoch_reaches_the_loss(tmp_path: Path, runtime: str) -> None:
    task = Dated()
    task.measure = lambda model, batch, random: {"loss": mean(batch["x"])}  # type: ignore[method-assign]
    run = new_run(tmp_path, steps=12, batch_size=20)
    losses = [event.loss for event in all_events(run, runtime, task=task) if isinstance(event, Stepped)]
    # Fifty examples are two and a half batches.
    np.testing.assert_allclose(losses[:6], [0.0, 0.0, 0.5, 1.0, 1.0, 2.0], atol=1e-6)


@pytest.mark.parametrize("chunk", [1, 3, 4, 10])
def test_validation_in_parts_is_that_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Means over unequal parts count each example once; without noise nothing else depends on the parts."""
    measured = []
    for size in (10, chunk):
        task = Toy()
        task.measure = lambda model, batch, random: {  # type: ignore[method-assign]
            "loss": mean((model(batch["x"]) - batch["y"]) ** 2.0), "accuracy": mean(batch["y"])
        }  # fmt: skip
        monkeypatch.setattr(validation, "CHUNK", size)
        run = new_run(tmp_path / f"{size}-{len(measured)}", steps=3)
        events = list(train(task, run, get_runtime("numpy")))
        measured.append([(e.validation_loss, e.accuracy) for e in events if isinstance(e, Evaluated)])
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert finished.accuracy == measured[-1][-1][1]
    np.testing.assert_allclose(measured[0], measured[1], rtol=1e-5)
    assert measured[0][0][1] == pytest.approx(float(Toy().validation["y"].mean()), rel=1e-5)


def test_without_patience_it_goes_on_to_the_end(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=300, patience=None, learning_rate=0.1, schedule="constant", ema_decay=0.5)
    finished = all_events(run, task=Toy(can_learn=False))[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.step) == ("budget spent", 300)
    evaluated = [event.validation_loss for event in run.events() if isinstance(event, Evaluated)]
    assert np.argmin(evaluated) < len(evaluated) - 5


@pytest.mark.parametrize("runtime", ["numpy", "onnx", "torch"])
def test_examples_that_stay_where_the_graph_runs(tmp_path: Path, runtime: str) -> None:
    """As on a GPU: the step takes its batch out of all examples by itself, and learns the same."""
    brought, held = new_run(tmp_path / "brought", steps=12), new_run(tmp_path / "held", steps=12, device="cuda")
    for run in (brought, held):
        all_events(run, runtime)
    assert_same_state(held, brought)
    graph = build_step(Toy(), Toy().model(generator(0, "initialization")), settings(device="cuda")).graph
    names = {name for name in graph.inputs if name.startswith(("batch/", "examples/"))}
    assert names == {"examples/x", "examples/y", "batch/indices", "batch/epoch"}
