"""What a page without a server is shown of a network is what the lab shows of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.autodiff import Array
from glassnet.export.inspection import inspect_in_tab
from glassnet.insight.chain_rule import ChainRule
from glassnet.runtimes import get_runtime
from glassnet.tasks import open_task, settings_for
from glassnet.tasks.look import look_inside
from glassnet.tasks.subject import Subject, held_out, open_subject
from glassnet.training import Run, create, train
from glassnet.training.randomness import draw_inputs, generator
from glassnet.training.step import below, under, weights_of
from tests.lab import trained

NORMED = "conv 6 3x3, norm, relu, pool 2, dropout 0.3, conv 6 3x3 stride 2, gelu, average 2, linear 9, tanh"


def described(factory: pytest.TempPathFactory) -> Path:
    """A run of a network with a batch normalization, of pictures of noise."""
    where, numbers = factory.mktemp("described"), np.random.default_rng(0)
    for name in ("ant", "bee"):
        (where / "pictures" / name).mkdir(parents=True)
        for i in range(12):
            pixels = numbers.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(where / "pictures" / name / f"{i}.png")
    given = {"model": NORMED, "steps": 3, "batch_size": 4, "runtime": "numpy", "schedule": "constant"}
    settings = settings_for(str(where / "pictures"), given)
    task = open_task(settings, get_runtime("numpy"))
    run = create(where / "run", settings, task.facts)
    list(train(task, run, get_runtime("numpy")))
    return run.path


MAKERS = {
    "classifier": trained.classifier, "denoiser": trained.denoiser, "described": described,
    "recognizer": trained.recognizer,
}  # fmt: skip


@pytest.fixture(scope="module", params=MAKERS)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    run = Run(MAKERS[request.param](tmp_path_factory))
    return open_subject(run, run.newest_checkpoint()[0], get_runtime("numpy"))


def picture_of(subject: Subject, number: int) -> dict[str, Array]:
    return {f"batch/{name}": array[number : number + 1] for name, array in subject.task.validation.items()}


def test_layers(subject: Subject) -> None:
    """All that is told of a picture, and how; in another order of adding up, so not to the last bit."""
    inside = look_inside(subject, held_out(subject, 1))
    inspection = inspect_in_tab(subject.task, subject.model, subject.run.settings)
    graph, layers = inspection.graphs["layers"], inspection.manifest["layers"]
    assert subject.checkpoint is not None
    random = draw_inputs(graph, generator(subject.run.settings.seed, "pictures"))
    inputs = {**under("weights", weights_of(subject.checkpoint.tensors)), **picture_of(subject, 1), **random}
    found: dict[str, Any] = get_runtime("onnx").compile(graph)(inputs) | inputs
    assert found["loss"] == pytest.approx(inside.loss, rel=1e-4)
    for number, share in inside.answers:
        assert found["probabilities"][0, number] == pytest.approx(share, rel=1e-4)
    assert [layer["name"] for layer in layers] == [layer.name for layer in inside.layers]
    for layer, expected in zip(layers, inside.layers, strict=True):
        shape = expected.input_shape
        told = (layer["kind"], layer["num_weights"], layer["input_shape"])
        assert told == (expected.kind, expected.num_weights, None if shape is None else list(shape))
        for signal, other in zip([*layer["held"], *layer["said"]], [*expected.held, *expected.said], strict=True):
            assert signal["name"] == other.name
            _assert_close(found[signal["values"]], other.values)
            assert (signal["gradient"] is None) == (other.gradient is None)
            if other.gradient is not None:
                _assert_close(found[signal["gradient"]], other.gradient)


def _assert_close(found: Array, expected: Array) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * (float(np.abs(expected).max()) or 1.0))


def test_story(subject: Subject) -> None:
    """For a few weights of every tensor the terms of the chain rule, as a story in float64 has them."""
    settings, task, model = subject.run.settings, subject.task, subject.model
    assert subject.checkpoint is not None
    inspection = inspect_in_tab(task, model, settings)
    graph, meetings = inspection.graphs["story"], inspection.manifest["story"]["meetings"]
    parameters, buffers = (below(subject.checkpoint.tensors, kind) for kind in ("parameters", "buffers"))
    batch = {f"batch/{name}": array[:4] for name, array in task.training.items() if isinstance(array, np.ndarray)}
    batch |= {"batch/epoch": np.zeros(4, np.float32), **draw_inputs(graph, generator(0, "step"))}
    inputs = {**under("weights", parameters), **under("buffers", buffers), **batch}
    run = get_runtime("numpy").compile(graph)
    rule_graph = inspection.graphs["loss"]
    for name, array in list(parameters.items())[:: max(1, len(parameters) // 3)]:
        index = tuple(size // 2 for size in array.shape)
        nudges = {other: np.zeros_like(values) for other, values in parameters.items()}
        nudges[name][index] = 1.0
        found = run({**inputs, **under("nudge", nudges)})
        rule = ChainRule(rule_graph, inputs, 4, name, index)
        mine = [number for number, meeting in enumerate(meetings) if name in meeting["weights"]]
        assert [meetings[number]["call"] for number in mine] == [meeting.primitive for meeting in rule.meetings]
        for number, meeting in zip(mine, rule.meetings, strict=True):
            _assert_close(found[f"signal/{number}"], meeting.signal)
            _assert_close(found[f"blame/{number}"], meeting.blame)
        total = sum(float(np.sum(found[f"signal/{number}"] * found[f"blame/{number}"])) for number in mine)
        scale = float(np.abs(found[f"gradient/{name}"]).max())
        assert total == pytest.approx(found[f"gradient/{name}"][index], rel=1e-3, abs=1e-4 * scale)
