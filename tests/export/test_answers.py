"""A worker answers of the inside of a network what the server answers."""

from __future__ import annotations

import base64
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.export.inspection import inspect_in_tab
from glassnet.insight.histograms import histograms
from glassnet.insight.weight_story import find
from glassnet.lab import encoding, inside
from glassnet.runtimes import get_runtime
from glassnet.tasks import look, story
from glassnet.tasks.scene import Scene, open_scene
from glassnet.tasks.subject import Subject, open_subject
from glassnet.training import Run
from glassnet.training.batches import Batches
from glassnet.training.budget import Budget
from glassnet.training.step import below, build_step, optimizer_of, weights_of
from tests.export.answering import answer, generator, write_graphs
from tests.lab import trained
from tests.lab.trained import checked

NUMBERS = np.random.default_rng(0)


def subject_of(path: Path) -> Subject:
    run = Run(path)
    return open_subject(run, run.newest_checkpoint()[0], get_runtime("numpy"))


def site_of(subject: Subject, folder: Path) -> dict[str, Any]:
    """As the worker has it: an engine and the manifest."""
    settings = subject.run.settings
    inspection = inspect_in_tab(subject.task, subject.model, settings)
    step = build_step(subject.task, subject.model, settings)
    packs = {pack: [{"name": name} for name in members] for pack, members in step.packing.packs.items()}
    manifest = {"settings": asdict(settings), "packs": packs, "facts": dict(subject.task.facts), **inspection.manifest,
                "graphs": write_graphs(folder, inspection.graphs)}  # fmt: skip
    return {"engine": "here", "manifest": manifest}


def assert_same_tensor(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """With levels that differ by one at most, where a number is between two."""
    levels, others = (np.frombuffer(base64.b64decode(one["levels"]), np.uint8).astype(int) for one in (found, expected))
    assert abs(levels - others).max(initial=0) <= 1
    for key in ("name", "shape", "shown"):
        assert found[key] == expected[key]
    scale = 1e-5 * (expected["limit"] or 1.0)
    for key in ("limit", "min", "max", "mean", "std", "zeros"):
        assert found[key] == pytest.approx(expected[key], rel=1e-3, abs=max(scale, 1e-9)), key


@pytest.mark.parametrize("make", [trained.classifier, trained.denoiser, trained.recognizer])
def test_layers(make: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = make(tmp_path_factory)
    subject = subject_of(path)
    expected = inside.layers(str(path), None, 1)
    assert subject.checkpoint is not None
    examples, seed = subject.task.validation, subject.run.settings.seed
    label = int(examples["labels"][1]) if "labels" in examples else None
    example = {"image": examples["images"][1:2], "label": label, "source": expected["shown"]["source"]}
    arguments = (site_of(subject, tmp_path), weights_of(subject.checkpoint.tensors), subject.step, example)
    found = answer(tmp_path, "inside.js", "layersAnswer", *arguments, generator(seed, "pictures"))
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    for key in ("step", "shown"):
        assert found[key] == expected[key]
    assert [one["name"] for one in found["answers"]] == [one["name"] for one in expected["answers"]]
    shares = [[one["probability"] for one in told["answers"]] for told in (found, expected)]
    assert shares[0] == pytest.approx(shares[1], rel=1e-4)
    for layer, other in zip(found["layers"], expected["layers"], strict=True):
        assert layer.keys() == other.keys()
        for key in ("name", "kind", "num_weights", "input_shape"):
            assert layer[key] == other[key]
        for signal, told in zip([*layer["held"], *layer["said"]], [*other["held"], *other["said"]], strict=True):
            assert_same_tensor(signal["values"], told["values"])
            assert (signal["gradient"] is None) == (told["gradient"] is None)
            if told["gradient"] is not None:
                assert_same_tensor(signal["gradient"], told["gradient"])


def test_layers_of_an_own_picture(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is taken for what the network says it is."""
    path = trained.classifier(tmp_path_factory)
    subject = subject_of(path)
    expected = inside.layers_for(str(path), None, trained.picture())
    image = np.frombuffer(base64.b64decode(expected["shown"]["pictures"]["pixels"]), np.uint8).reshape(1, 3, 32, 32)
    assert subject.checkpoint is not None
    example = {"image": image, "label": None, "source": "the picture"}
    arguments = (site_of(subject, tmp_path), weights_of(subject.checkpoint.tensors), subject.step, example)
    found = answer(tmp_path, "inside.js", "layersAnswer", *arguments, generator(0, "pictures"))
    assert found["shown"] == expected["shown"]
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)


WEIGHTS = {
    trained.classifier: ["conv2.weight[3,0,2,2]", "conv1.bias[4]", "linear.weight[1,17]"],
    trained.denoiser: ["blocks.0.conv1.weight[3,0,2,2]"],
    trained.recognizer: ["groups.1.conv1.weight[3,0,1,1]"],
}  # fmt: skip


@pytest.mark.parametrize(
    "make", [trained.classifier, trained.denoiser, pytest.param(trained.recognizer, marks=pytest.mark.slow)]
)
def test_story(make: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As in float64, but for what seven digits do not tell."""
    subject = subject_of(make(tmp_path_factory))
    site, scene = site_of(subject, tmp_path), open_scene(subject, batch_size=4)
    for name in WEIGHTS[make]:
        place = find(name, {n: a.shape for n, a in scene.weights.items()})
        expected = story.facts(story.tell_of(scene, place))
        found = answer(tmp_path, "story.js", "tell", site, scene_of(scene, subject), asdict(place))
        assert found.keys() == {*checked(expected), "precision", "pictures", "neighbors"}
        assert {key for key, value in found.items() if value is None} == {
            key for key, value in expected.items() if value is None
        }
        for key in ("weight", "tensor", "index", "shape", "weights", "share_smaller", "optimizer", "step"):
            assert found[key] == expected[key], key
        for key in ("value", "averaged", "loss", "loss_after", "loss_after_this_weight_alone"):
            assert found[key] == pytest.approx(expected[key], rel=1e-4, abs=1e-6), key
        assert found["slope_by_backpropagation"] == pytest.approx(expected["slope_by_backpropagation"], rel=1e-3)
        assert found["change"] == pytest.approx(expected["change"], rel=1e-2)
        assert_same_rule(found["chain_rule"], expected["chain_rule"])
        assert [part["name"] for part in found["parts"]] == [part["name"] for part in expected["parts"]]
        for part, other in zip(found["parts"], expected["parts"], strict=True):
            assert part["value"] == pytest.approx(other["value"], rel=1e-2, abs=1e-9), part["name"]
            assert part["is_change"] == other["is_change"]
        changes = [part["value"] for part in found["parts"] if part["is_change"]]
        assert sum(changes) == pytest.approx(found["change"], rel=1e-2)
        assert len(found["pictures"]) == len(found["chain_rule"]["largest"])
        low, high = expected["curve"]["value"][0], expected["curve"]["value"][-1]
        assert (found["curve"]["value"][0], found["curve"]["value"][-1]) == pytest.approx((low, high), rel=1e-4)
        assert found["curve"]["loss"][0] == pytest.approx(expected["curve"]["loss"][0], rel=1e-3)


def assert_same_rule(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found["calls"] == expected["calls"]
    assert found["terms"] == pytest.approx(expected["terms"], rel=0.02)
    for key in ("positive", "negative", "sum"):
        scale = expected["positive"] - expected["negative"]
        assert found[key] == pytest.approx(expected[key], abs=1e-3 * scale), key
    assert found["by_example"] == pytest.approx(expected["by_example"], abs=1e-3 * scale)
    for term, other in zip(found["largest"], expected["largest"], strict=True):
        for key in ("example", "label", "place", "patch"):
            assert term[key] == other[key], key
        for key in ("signal", "blame", "term"):
            assert term[key] == pytest.approx(other[key], rel=1e-3), key


@pytest.mark.parametrize("make", [trained.classifier, trained.denoiser])
def test_story_of_a_training(make: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It chooses the examples, what is random and the learning rate as the lab does."""
    subject = subject_of(make(tmp_path_factory))
    trainer, scene = trainer_of(subject, tmp_path), open_scene(subject, batch_size=4)
    name, (tensor, *_) = WEIGHTS[make][0], WEIGHTS[make][0].split("[")
    found = answer(tmp_path, "weights.js", "storyAnswer", trainer, moment_of(subject), name)
    assert (found["weight"], found["step"], found["batch_size"]) == (name, subject.step, 4)
    assert found["loss"] == pytest.approx(scene.loss, rel=1e-4, abs=1e-6)
    gradient = scene.gradient[tensor][tuple(found["index"])]
    assert found["slope_by_backpropagation"] == pytest.approx(gradient, rel=1e-3, abs=1e-9)
    assert scene.update is not None
    parts = {part["name"]: part["value"] for part in found["parts"]}
    assert parts["learning rate"] == pytest.approx(scene.update._hyper["learning_rate"])
    asked = (trainer, moment_of(subject), name, found["value"] + 0.01)
    told = answer(tmp_path, "weights.js", "lossAnswer", *asked)
    around = scene.landscape.around(scene.weights)
    (loss,) = around.along(tensor, tuple(found["index"]), np.array([0.01]))
    assert told["loss"] == pytest.approx(loss, rel=1e-4, abs=1e-6)


def test_surroundings(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """But for the random directions, which differ."""
    subject = subject_of(trained.classifier(tmp_path_factory))
    asked = (trainer_of(subject, tmp_path), moment_of(subject), "gradient")
    found = answer(tmp_path, "surroundings.js", "surroundingsAnswer", *asked)
    num_along, num_plane = len(found["loss_along_gradient"]["down"]), len(found["loss_slice"]["across"])
    around = look.surroundings(subject, "gradient", num_examples=4, num_along=num_along, num_plane=num_plane)
    expected = look.surroundings_values(around)
    along, slope = found["loss_along_gradient"], expected["loss_along_gradient"]
    for key in ("step_sizes", "down", "loss", "slope"):
        assert along[key] == pytest.approx(slope[key], rel=2e-3), key
    assert found["loss_slice"]["directions"] == expected["loss_slice"]["directions"]
    assert found["loss_slice"]["across"] == pytest.approx(expected["loss_slice"]["across"])
    middle = num_plane // 2
    assert found["loss_slice"]["losses"][middle] == pytest.approx(expected["loss_slice"]["losses"][middle], rel=1e-3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("conv9.weight[0]", r"expected a weight that is learned; got 'conv9.weight\[0\]'\. To fix: choose one of"),
        ("standardize.mean[0]", r"got standardize.mean, which is kept as it is\. To fix"),
        ("conv1.bias", r"expected 1 number in brackets for conv1.bias: 0 to 15; got .*'conv1.bias\[8\]' is one"),
        ("conv1.bias[16]", r"0 to 15; got 'conv1.bias\[16\]'"),
        ("conv1.bias[-1]", r"0 to 15; got"),
        ("][", r"got '\]\['\. To fix"),
    ],
)
def test_weights_that_are_not_there(
    name: str, message: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    moment = moment_of(subject_of(trained.classifier(tmp_path_factory)))
    with pytest.raises(AssertionError, match=message):
        answer(tmp_path, "weights.js", "placeOf", name, moment)


def trainer_of(subject: Subject, folder: Path) -> dict[str, Any]:
    """A training that stands still, as the worker has it."""
    settings, task = subject.run.settings, subject.task
    assert subject.checkpoint is not None
    arrays = {name: array for name, array in task.training.items() if isinstance(array, np.ndarray)}
    order = Batches(arrays, len(arrays["images"]), settings.seed).places(0)["indices"]
    hyper = {**optimizer_of(settings).hyperparameters(), "weight_decay": settings.weight_decay}
    site = site_of(subject, folder)
    manifest = {**site["manifest"], "examples": {"arrays": dict.fromkeys(arrays)}}
    progress = Budget.of(settings, len(order)).progress(subject.step, subject.checkpoint.elapsed_s)
    return {"trainer": {
        **site, "manifest": manifest, "settings": asdict(settings), "step": subject.step, "moments": [],
        "progress": progress, "arrays": {name: array[order] for name, array in arrays.items()},
        "tensors": subject.checkpoint.tensors, "hyper": hyper,
    }}  # fmt: skip


def moment_of(subject: Subject) -> dict[str, Any]:
    assert subject.checkpoint is not None
    tensors = subject.checkpoint.tensors
    return {"step": subject.step, "weights": weights_of(tensors), "parameters": below(tensors, "parameters")}


def scene_of(scene: Scene, subject: Subject) -> dict[str, Any]:
    """The same in float32, as the worker has it."""
    assert subject.checkpoint is not None
    tensors, hyper = subject.checkpoint.tensors, scene_hyper(scene)
    given = {n if n.startswith("random") else f"batch/{n}": a for n, a in scene.landscape.inputs.items()}
    return {
        "step": scene.step, "parameters": below(tensors, "parameters"), "buffers": below(tensors, "buffers"),
        "feeds": {n: a.astype(np.float32) if a.dtype == np.float64 else a for n, a in given.items()},
        "averages": below(tensors, "averages"), "remembered": below(tensors, "optimizer"), "hyper": hyper,
        "history": [], "examples": scene.examples, "labels": list(scene.labels), "notices": [],
    }  # fmt: skip


def scene_hyper(scene: Scene) -> dict[str, float]:
    assert scene.update is not None
    return dict(scene.update._hyper)


TENSORS = {
    "normal": NUMBERS.standard_normal((3, 4, 5), np.float32),
    "halves": np.array([-2.0, -1.5, -0.5, 0.5, 1.0, 1.5, 2.5, 254.0], np.float32) / np.float32(254.0),
    "an outlier": np.concatenate([NUMBERS.standard_normal(999), [1e6]]).astype(np.float32),
    "mostly zeros": np.eye(40, dtype=np.float32),
    "not numbers": np.array([np.nan, -1.0, np.inf, -np.inf], np.float32),
    "none at all": np.zeros((0, 7), np.float32),
    "all zero": np.zeros((2, 3), np.float32),
    "a scalar": np.array(-3.5, np.float32),
    "large": NUMBERS.standard_normal((1, 30, 50, 60), np.float32),
    "larger": NUMBERS.standard_normal((3, 70_000), np.float32),
}  # fmt: skip


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_are_encoded_alike(name: str, tmp_path: Path) -> None:
    """The same levels to the last one."""
    found, expected = (
        answer(tmp_path, "encoding.js", "encoded", name, TENSORS[name]),
        encoding.tensor(name, TENSORS[name]),
    )
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == (pytest.approx(value, rel=1e-6, abs=1e-12) if isinstance(value, float) else value), key


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 1, 4, 4), (3, 4, 5)])
def test_pixels_are_encoded_alike(shape: tuple[int, ...], tmp_path: Path) -> None:
    images: Array = NUMBERS.integers(0, 256, shape, np.uint8)
    assert answer(tmp_path, "encoding.js", "pixels", images, True) == encoding.pixels(images, True)


def test_histograms(tmp_path: Path) -> None:
    moments = {
        step: {"a": NUMBERS.standard_normal((50, 40)).astype(np.float32), "b": np.full(7, step, np.float32)}
        for step in (5, 0, 2)
    }
    edges, shares = histograms(moments, 11)
    kept = [{"step": step, "parameters": tensors} for step, tensors in moments.items()]
    found = answer(tmp_path, "inside.js", "histogramsAnswer", kept, 11)
    assert found["edges"] == pytest.approx(edges.tolist(), rel=1e-5)
    assert [moment["step"] for moment in found["moments"]] == [0, 2, 5]
    for moment in found["moments"]:
        assert moment["shares"] == pytest.approx(shares[moment["step"]].tolist(), abs=1e-3)
