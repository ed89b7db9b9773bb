"""The layers of a network at any moment, its weights over time, the loss around them."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import DataError
from glassnet.lab import inside
from glassnet.lab.opened import held_out
from glassnet.training import Run
from tests.lab import trained
from tests.lab.trained import checked, picture


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(trained.classifier(tmp_path_factory))


def test_layers_of_a_classifier(run: str) -> None:
    told = checked(inside.layers(run, None, 1))
    examples = held_out(Run(Path(run)))
    assert (told["step"], told["shown"]["label"]) == (6, ["ant", "bee"][examples["labels"][1]])
    assert base64.b64decode(told["shown"]["pictures"]["pixels"]) == examples["images"][1].tobytes()
    assert sum(answer["probability"] for answer in told["answers"]) == pytest.approx(1.0)
    layers = {layer["name"]: layer for layer in told["layers"]}
    assert list(layers) == ["standardize", "conv1", "conv2", "conv3", "linear"]
    conv = layers["conv1"]
    assert (conv["kind"], conv["num_weights"]) == ("convolution", 16 * 75 + 16)
    held = {one["name"]: one for one in conv["held"]}
    assert held["weight"]["values"]["shape"] == held["weight"]["gradient"]["shown"] == [16, 3, 5, 5]
    assert conv["said"][0]["values"]["shape"] == [1, 16, 32, 32]
    assert layers["standardize"]["held"][0]["gradient"] is None
    assert layers["linear"]["input_shape"] == [20, 4, 4]


def test_layers_follow_the_moment(run: str) -> None:
    first, again, newest = (inside.layers(run, step, 0) for step in (0, 0, None))
    assert first == again
    assert first["loss"] != newest["loss"]
    assert (first["step"], newest["step"]) == (0, 6)


def test_layers_for_an_own_picture(run: str) -> None:
    told = checked(inside.layers_for(run, None, picture()))
    assert told["shown"]["label"] is None
    assert told["shown"]["pictures"]["shape"] == [1, 3, 32, 32]
    with pytest.raises(DataError, match=r"^expected a picture \(JPEG, .* at the picture; got a file of another kind"):
        inside.layers_for(run, None, b"no picture at all")


def test_pictures_that_are_not_there(run: str) -> None:
    with pytest.raises(DataError, match=r"^expected a picture from 0 to \d+; got 100000\."):
        inside.layers(run, None, 100_000)


@pytest.mark.slow
def test_a_large_network_is_cut_but_not_its_facts(tmp_path_factory: pytest.TempPathFactory) -> None:
    houses = str(trained.denoiser(tmp_path_factory))
    told = checked(inside.layers(houses, None, 0))
    assert (told["answers"], told["shown"]["pictures"]["is_ink"]) == ([], True)
    tensors = [one["values"] for layer in told["layers"] for one in (*layer["held"], *layer["said"])]
    assert any(one["shape"] != one["shown"] for one in tensors)
    assert sum(np.prod(one["shown"]) for one in tensors) < 1_000_000
    assert {"places", "mixers.0.linear1"} <= {layer["name"] for layer in told["layers"]}


def test_weights_over_the_training(run: str) -> None:
    told = checked(inside.weights_in_time(run, 21))
    assert len(told["edges"]) == 22
    assert [moment["step"] for moment in told["moments"]] == [0, 1, 2, 3, 4, 6]
    assert all(0.95 < sum(moment["shares"]) <= 1.0 + 1e-9 for moment in told["moments"])


@pytest.mark.parametrize("plane", ["random", "gradient"])
def test_the_loss_around_the_weights(run: str, plane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "_NUM_ALONG", 5)
    monkeypatch.setattr(inside, "_NUM_PLANE", 3)
    inside._surroundings.cache_clear()
    told = checked(inside.surroundings(run, None, plane))
    along, plane_of = told["loss_along_gradient"], told["loss_slice"]
    assert (told["step"], told["num_examples"]) == (6, 4)
    assert len(along["step_sizes"]) == len(along["down"]) == len(along["random"]) == 5
    assert [len(row) for row in plane_of["losses"]] == [3, 3, 3]
    assert plane_of["losses"][1][1] == pytest.approx(along["loss"], rel=1e-5)
