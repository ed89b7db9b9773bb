"""`glassnet look`: the pictures it writes for runs of every task, and what it refuses."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.runtimes import get_runtime
from glassnet.tasks import look
from glassnet.tasks.subject import open_subject, read_example
from glassnet.training import Run
from tests.cli.classifiers import picture, trained_classifier
from tests.cli.conftest import Call
from tests.cli.faces import photo, trained_on_faces

ALWAYS = ["weights_over_time", "loss_along_gradient", "loss_slice"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """With few points on the lines and planes."""
    monkeypatch.setattr(look, "surroundings", partial(look.surroundings, num_along=5, num_plane=3))


@pytest.fixture(scope="module")
def classifier_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_classifier(tmp_path_factory)


@pytest.fixture(scope="module")
def faces_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_on_faces(tmp_path_factory)


@pytest.mark.slow
def test_houses(call: Call, trained: Path) -> None:
    values = call("look", trained, "-o", "pictures", "--json").json()
    assert list(values["pictures"]) == [f"layers_{i}" for i in range(1, 6)] + ALWAYS
    for path in values["pictures"].values():
        with Image.open(path) as drawn:
            assert np.count_nonzero(drawn.convert("L").histogram()) > 20
    assert (values["step"], values["weights"], values["answers"]) == (12, 359_970, [])
    assert values["moments"][0] == 0
    assert values["moments"][-1] == 12
    by_name = {layer["name"]: layer for layer in values["layers"]}
    assert by_name["conv_in"]["held"] == {"weight": [48, 4, 3, 3], "bias": [48]}
    assert by_name["time.linear"]["said"] == {"out": [1, 128], "after relu": [1, 128]}
    along, plane = values["loss_along_gradient"], values["loss_slice"]
    assert along["slope"] > 0
    assert len(along["step_sizes"]) == len(along["down"]) == len(along["random"]) == 5
    assert plane["losses"][1][1] == pytest.approx(along["loss"])
    assert plane["directions"] == ["a random direction", "another one"]


def test_a_given_picture_is_said_to_be_something(call: Call, classifier_run: Path, tmp_path: Path) -> None:
    picture("red", 99).resize((50, 40)).save(tmp_path / "red.png")
    result = call("look", classifier_run, "--picture", tmp_path / "red.png", "-o", "out", "--plane", "gradient")
    assert result.code == 0, result
    lines = result.out.splitlines()
    assert lines[0] == f"Shown: {tmp_path / 'red.png'}."
    assert lines[1].startswith("The answer: ")
    assert " taking " in lines[1]
    names = ["layers", *ALWAYS]
    assert lines[3:] == [str(Path("out", f"{name}.png")) for name in names]
    assert all(Path("out", f"{name}.png").is_file() for name in names)
    again = call("look", classifier_run, "--picture", tmp_path / "red.png", "-o", "out", "--json").json()
    assert again["answers"][0]["name"] in lines[1]
    assert again["loss"] == pytest.approx(-np.log(again["answers"][0]["probability"]), rel=1e-4)


def test_the_picture_that_was_held_out_has_a_name(call: Call, classifier_run: Path) -> None:
    result = call("look", classifier_run, "-o", "out")
    assert result.out.startswith("Shown: the first picture that was held out of the training.")
    assert ". It is " in result.out


@pytest.mark.slow
def test_faces(call: Call, faces_run: Path, tmp_path: Path) -> None:
    photo("Beth", 77).save(tmp_path / "beth.png")
    values = call("look", faces_run, "--picture", tmp_path / "beth.png", "-o", "out", "--json").json()
    assert {answer["name"] for answer in values["answers"]} <= {"Avi", "Beth", "Chen", "דנה", "Eve"}
    assert values["layers"][0] == {
        "name": "stem", "held": {"weight": [32, 1, 5, 5]}, "said": {"out": [1, 32, 40, 32]},
    }  # fmt: skip
    assert values["layers"][-1]["name"] == "cosine"
    assert values["pictures"].keys() == {"layers_1", "layers_2", "layers_3", *ALWAYS}


def test_pictures_are_put_into_the_run(call: Call, classifier_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(classifier_run, tmp_path / "run")
    shutil.rmtree(run / "history", ignore_errors=True)
    values = call("look", run, "--json").json()
    assert values["pictures"]["layers"] == str(run / "look" / "layers.png")
    assert values["moments"] == [0, 30]


def test_what_is_refused(call: Call, trained: Path, classifier_run: Path, tmp_path: Path) -> None:
    empty = shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    assert "expected a checkpoint in" in call("look", empty).complaint(1)
    assert "expected a run directory" in call("look", tmp_path).complaint(1)
    (tmp_path / "text.png").write_text("no picture")
    for path in (tmp_path / "text.png", tmp_path / "nothing.png", tmp_path):
        assert f"expected a picture (JPEG, PNG, WebP, BMP, GIF, PGM or PPM) at {path}" in call(
            "look", classifier_run, "--picture", path, "-o", "out"
        ).complaint(1)
    assert not Path("out").exists()
    folder = tmp_path / "text.png" / "out"
    assert f"expected a folder for the pictures at {folder}; got 'Not a directory'. To fix: choose another" in call(
        "look", classifier_run, "-o", folder
    ).complaint(1)
    Path("out", "layers.png").mkdir(parents=True)
    assert "expected to write out/layers.png" in call("look", classifier_run, "-o", "out").complaint(1)


def test_a_face_that_cannot_be_read(call: Call, faces_run: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no photo")
    line = call("look", faces_run, "--picture", tmp_path / "text.png").complaint(1)
    assert f"{tmp_path / 'text.png'}; got a file of another kind. To fix: save it as JPEG or PNG" in line


def test_other_data_than_those_of_the_training(call: Call, classifier_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(classifier_run, tmp_path / "run")
    colors = shutil.copytree(classifier_run.parent / "colors", tmp_path / "colors")
    settings = (run / "settings.json").read_text().replace(str(classifier_run.parent / "colors"), str(colors))
    (run / "settings.json").write_text(settings)
    shutil.rmtree(colors / "red")
    assert "expected the data that " in call("look", run).complaint(1)
    shutil.rmtree(colors)
    assert str(colors) in call("look", run).complaint(1)


def test_a_drawing_on_white_paper(trained: Path, tmp_path: Path) -> None:
    """Ink is what differs from the paper: both ways it is the same drawing to the network."""
    drawing = np.zeros((28, 28), np.uint8)
    drawing[8:20, 8] = drawing[8:20, 19] = drawing[8, 8:20] = 255
    run = Run(trained)
    subject = open_subject(run, run.newest_checkpoint()[0], get_runtime("numpy"))
    for name, pixels in (("ink.png", drawing), ("paper.png", 255 - drawing)):
        Image.fromarray(pixels).save(tmp_path / name)
        np.testing.assert_array_equal(read_example(subject, tmp_path / name).image, drawing[None])
