"""One ONNX file says what the network says, and needs nothing beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from glassnet.errors import CheckpointError, DataError, SettingsError
from glassnet.export.network import write_network
from glassnet.runtimes import get_runtime
from glassnet.tasks.answers import Answerer
from glassnet.tasks.houses import Sampler
from glassnet.training import Run, create
from glassnet.training.settings import Settings
from glassnet.training.step import weights_of
from tests.lab import trained

Make = Callable[[pytest.TempPathFactory], Path]


def exported(run: Run, where: Path) -> onnx.ModelProto:
    checkpoint = run.newest_checkpoint()[0]
    written = write_network(run, checkpoint, where / "network.onnx")
    assert [path.name for path in where.iterdir()] == ["network.onnx"]
    assert written.num_bytes == (where / "network.onnx").stat().st_size
    model = onnx.load(where / "network.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    for described, values in ((written.inputs, model.graph.input), (written.outputs, model.graph.output)):
        found = {value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim) for value in values}
        assert found == dict(described)
    return model


def session(where: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(where / "network.onnx"), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("make", [trained.classifier, trained.recognizer])
def test_probabilities(make: Make, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = Run(make(tmp_path_factory))
    said = {entry.key: entry.value for entry in exported(run, tmp_path).metadata_props}
    assert json.loads(said["names"]) == run.facts.get("classes", run.facts.get("people"))
    assert (said["task"], said["step"]) == (run.settings.task, str(run.newest_checkpoint()[0].step))
    answerer = Answerer(run, get_runtime("onnx"))
    images = np.random.default_rng(0).integers(0, 256, (3, *answerer.image_shape), np.uint8)
    weights = weights_of(run.newest_checkpoint()[0].tensors)
    ready = session(tmp_path)
    found = np.concatenate([ready.run(None, {"images": images[i : i + 1]})[0] for i in range(3)])
    np.testing.assert_allclose(found, answerer.probabilities(weights, images), atol=1e-5)


def test_a_step_of_a_drawing(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = Run(trained.denoiser(tmp_path_factory))
    exported(run, tmp_path)
    noise = np.random.default_rng(0).standard_normal((1, 1, 28, 28), np.float32)
    whole_way = {"x": noise, "t": np.zeros(1, np.float32), "share": np.ones((), np.float32)}
    (found,) = session(tmp_path).run(None, whole_way)
    weights = {f"weights/{n}": array for n, array in weights_of(run.newest_checkpoint()[0].tensors).items()}
    executable = Sampler(get_runtime("onnx"), 1)._executable
    np.testing.assert_allclose(found, executable({**weights, **whole_way})["x_next"], atol=1e-5)


def test_an_earlier_file_is_replaced_as_a_whole(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (tmp_path / "network.onnx").write_text("an earlier one")
    exported(Run(trained.classifier(tmp_path_factory)), tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="paths")
def test_what_cannot_be_written(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = Run(trained.classifier(tmp_path_factory))
    checkpoint = run.newest_checkpoint()[0]
    (tmp_path / "folder.onnx").mkdir()
    for file in (tmp_path / "nowhere" / "a.onnx", tmp_path / "folder.onnx", tmp_path / f"{'x' * 300}.onnx"):
        with pytest.raises(SettingsError, match=r"^expected to write .*\.onnx; got '.*'\. To fix: "):
            write_network(run, checkpoint, file)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.onnx"]


def test_weights_of_another_network(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    classifier, recognizer = Run(trained.classifier(tmp_path_factory)), Run(trained.recognizer(tmp_path_factory))
    with pytest.raises(CheckpointError, match=r"^expected a checkpoint of the model 'convnetjs' in .*; got other "):
        write_network(classifier, recognizer.newest_checkpoint()[0], tmp_path / "a.onnx")
    nameless = create(tmp_path / "run", Settings(task="folder", steps=1))
    with pytest.raises(DataError, match=r"^expected a run that tells classes or persons apart; got one of folder\."):
        write_network(nameless, recognizer.newest_checkpoint()[0], tmp_path / "a.onnx")
