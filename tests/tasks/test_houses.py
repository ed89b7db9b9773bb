"""Houses: the line from noise to drawing, and short trainings that must reach a mark."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from glassnet.autodiff import Array, Tensor, tensor
from glassnet.errors import SettingsError
from glassnet.nn import Module
from glassnet.ops import EagerRandom, broadcast_to
from glassnet.runtimes import NumpyRuntime, get_runtime
from glassnet.tasks import houses, open_task, settings_for
from glassnet.training import create, train
from glassnet.training.events import Evaluated, Finished

ROOT = Path(__file__).parents[2]


def task_of(seed: int = 0, **given: object) -> houses.Houses:
    settings = settings_for("houses", {"data": "generated", "steps": 1, "seed": seed, **given})
    return houses.Houses(settings, NumpyRuntime())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.data.houses.GENERATED_COUNT", 100)


def test_settings() -> None:
    assert settings_for("houses", {}).minutes == 1.0
    assert settings_for("houses", {"steps": 5}).minutes is None
    assert settings_for("houses", {"learning_rate": 0.1}).learning_rate == 0.1
    with pytest.raises(
        SettingsError, match=r"^expected a task \(cifar10, faces, houses\) or a folder .*; got 'castles'\. To fix"
    ):
        settings_for("castles", {})


@pytest.mark.usefixtures("few")
def test_drawings_are_held_out() -> None:
    task = task_of()
    assert len(task.validation["images"]) == 10
    assert len(task.training["images"]) == 90
    both = [*task.validation["images"], *task.training["images"]]
    assert len({image.tobytes() for image in both}) == 100
    np.testing.assert_array_equal(task_of().validation["images"], task.validation["images"])
    assert not np.array_equal(task_of(seed=1).validation["images"], task.validation["images"])


@pytest.mark.usefixtures("few")
def test_another_model() -> None:
    with pytest.raises(SettingsError, match=r"^expected --model unet for houses; got gpt\. To fix: "):
        task_of(model="gpt")


def test_times_are_one_in_each_part_of_their_distribution() -> None:
    num = 1000
    t = houses.times(EagerRandom(np.random.default_rng(0)).stratified((num,))).numpy()
    assert np.all(np.diff(t) > 0.0)
    assert 0.0 <= t[0] < t[-1] <= 1.0
    normal = np.log(t[1:-1] / (1.0 - t[1:-1]))  # logit-normal: this is nearly standard normal
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1.0) < 0.1
    assert np.isfinite(houses.times(tensor(np.float32([0.0, 1.0 - 6e-8]))).numpy()).all()


def test_the_walk_goes_from_noise_to_drawing() -> None:
    walk = houses.walk_times(16)
    assert (len(walk), walk[0], walk[-1]) == (17, 0.0, 1.0)
    assert np.all(np.diff(walk) > 0.0)
    assert walk[1] < 1.0 - walk[-2]


def test_noise_depends_on_seed_and_place_alone() -> None:
    many = houses.noise(3, 10)
    np.testing.assert_array_equal(houses.noise(3, 4), many[:4])
    assert not np.any(houses.noise(4, 10) == many)
    assert abs(many.mean()) < 0.05


class Constant(Module):
    """A network that always answers with the same drawing (1, 1, 28, 28), in -1..1."""

    def __init__(self, drawing: Array):
        self.drawing = Tensor(drawing.astype(np.float32))

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        return broadcast_to(self.drawing, shape=x.shape)


def loss_of(task: houses.Houses, model: Module, images: Array) -> float:
    return task.loss(model, {"images": Tensor(images)}, EagerRandom(np.random.default_rng(0))).item()


@pytest.mark.usefixtures("few")
def test_the_loss_is_zero_for_who_knows_the_drawing() -> None:
    task = task_of()
    image = task.training["images"][:1]
    truth = image[:, None] * (2.0 / 255.0) - 1.0
    assert loss_of(task, Constant(truth), np.repeat(image, 8, axis=0)) < 1e-9
    assert loss_of(task, Constant(truth + 0.5), np.repeat(image, 8, axis=0)) > 0.25


@pytest.fixture
def few_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty evaluations of them are a large part of a short training, and so are drawings to look at on its way."""
    monkeypatch.setattr(houses, "_NUM_VALIDATION", 48)
    monkeypatch.setattr(houses, "NUM_SEEDS", 1)


def smoke(directory: Path, data: str) -> None:
    """Fifteen seconds on two cores: far better than the mean drawing, and as much ink as there should be."""
    settings = settings_for("houses", {"data": data, "steps": 110})
    runtime = get_runtime(settings.runtime)
    task = open_task(settings, runtime)
    assert isinstance(task, houses.Houses)
    run = create(directory / "run", settings)
    events = list(train(task, run, runtime))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.validation_loss is not None

    mean = task.training["images"].mean(0)[None, None] * (2.0 / 255.0) - 1.0
    of_the_mean = loss_of(task, Constant(mean), task.validation["images"])
    untrained = loss_of(task, task.model(np.random.default_rng(0)), task.validation["images"])
    evaluated = [event.validation_loss for event in events if isinstance(event, Evaluated)]
    assert finished.validation_loss < 0.2 * of_the_mean < 0.2 * untrained
    assert evaluated[-1] < 1.1 * min(evaluated)

    drawn = houses.draw_houses(run, run.newest_checkpoint()[0], 32, seed=1)
    ink, expected = (np.mean(images > 127, axis=(1, 2)) for images in (drawn, task.training["images"]))
    assert 0.6 * expected.mean() < ink.mean() < 1.6 * expected.mean()
    assert np.mean((ink > np.quantile(expected, 0.001)) & (ink < np.quantile(expected, 0.999))) > 0.8
    assert len({image.tobytes() for image in drawn}) == 32


@pytest.mark.slow
@pytest.mark.usefixtures("few_held_out")
def test_it_learns_to_draw_generated_houses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.data.houses.GENERATED_COUNT", 1_000)
    smoke(tmp_path, "generated")


@pytest.mark.slow
@pytest.mark.usefixtures("few_held_out")
def test_it_learns_to_draw_real_houses(tmp_path: Path) -> None:
    base = Path(os.environ.get("GLASSNET_DATA") or ROOT.parent / "shared" / "data")
    file = base / "houses" / "quickdraw_house_rows_0_3498.npy"
    if not file.is_file():
        pytest.skip("needs $GLASSNET_DATA or ../shared/data")
    smoke(tmp_path, str(file))
