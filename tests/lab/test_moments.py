"""What the network of any moment answers, which classes it confuses, and itself as a file."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from glassnet.errors import CheckpointError, DataError
from glassnet.lab import moments
from glassnet.lab.answers import NotFoundError
from glassnet.lab.opened import held_out, moment_of
from glassnet.runtimes import get_runtime
from glassnet.tasks.classification import Predictor
from glassnet.tasks.recognition import Recognizer, trained_persons
from glassnet.training import Run, history
from tests.lab import trained
from tests.lab.trained import checked


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(trained.classifier(tmp_path_factory))


def test_the_newest_answers_as_a_prediction_does(run: str) -> None:
    opened = Run(Path(run))
    told = checked(moments.answers(run, None, 5))
    predictor = Predictor(opened, opened.newest_checkpoint()[0], get_runtime("onnx"))
    images, labels = held_out(opened)["images"], held_out(opened)["labels"]
    assert (told["step"], told["classes"], told["num"]) == (6, ["ant", "bee"], len(labels))
    assert told["labels"] == labels[:5].tolist()
    np.testing.assert_allclose(told["probabilities"], predictor.probabilities(images[:5]), atol=1e-4)
    assert base64.b64decode(told["pictures"]["pixels"]) == images[:5].tobytes()


def test_an_earlier_moment_answers_with_the_weights_that_were_kept(run: str) -> None:
    told = moments.answers(run, 5, 3)
    assert told["step"] == 4
    assert told["probabilities"] != moments.answers(run, None, 3)["probabilities"]
    assert told["probabilities"] == moments.answers(run, 4, 3)["probabilities"]
    opened = Run(Path(run))
    kept = history.load(dict(history.snapshots(opened))[4])
    np.testing.assert_array_equal(moment_of(opened, 5).weights["conv1.bias"], kept["conv1.bias"])


def test_confusion_counts_every_picture_that_was_held_out(run: str) -> None:
    told = checked(moments.confusions(run, None))
    counts, labels = np.array(told["counts"]), held_out(Run(Path(run)))["labels"]
    assert counts.sum(1).tolist() == np.bincount(labels, minlength=2).tolist()
    assert told["accuracy"] == np.trace(counts) / len(labels) == moments.answers(run, None, 1)["accuracy"]
    for row in range(2):
        for column in range(2):
            cell = checked(moments.confused(run, None, row, column))
            assert cell["total"] == counts[row, column] == cell["pictures"]["shape"][0]
            assert all(np.argmax(said) == column for said in cell["probabilities"])
    with pytest.raises(NotFoundError, match=r"^expected numbers of classes, 0 to 1; got 2 and 0\."):
        moments.confused(run, None, 2, 0)


def test_the_network_is_a_file_of_its_weights(run: str) -> None:
    step, content = moments.network_file(run, None)
    weights = load(content)
    assert step == 6
    assert {"conv1.weight", "linear.bias", "standardize.mean"} <= weights.keys()
    tensors = Run(Path(run)).newest_checkpoint()[0].tensors
    np.testing.assert_array_equal(weights["conv1.weight"], tensors["averages/conv1.weight"])
    assert moments.network_file(run, 0)[0] == 0


@pytest.mark.slow
def test_persons_are_told_apart_as_the_recognizer_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    run = trained.recognizer(tmp_path_factory)
    opened, told = Run(run), checked(moments.answers(str(run), None, 2))
    checkpoint, _ = opened.newest_checkpoint()
    embeddings = Recognizer(opened, checkpoint, get_runtime("onnx")).embed(held_out(opened)["images"][:2])
    logits = opened.settings.logit_scale * embeddings @ trained_persons(opened, checkpoint).centers.T
    powers = np.exp(logits)
    np.testing.assert_allclose(told["probabilities"], powers / powers.sum(1, keepdims=True), atol=1e-4)
    assert told["classes"] == ["Ann", "Bob"]


def test_a_network_that_names_nothing(tmp_path: Path) -> None:
    run = str(trained.untrained(tmp_path))
    for ask in (lambda: moments.answers(run, None, 4), lambda: moments.confusions(run, None)):
        with pytest.raises(DataError, match=r"^expected a run that tells classes or persons apart; got one of houses"):
            ask()


@pytest.mark.slow
def test_drawings_of_a_moment(tmp_path_factory: pytest.TempPathFactory) -> None:
    houses = str(trained.denoiser(tmp_path_factory))
    told = checked(moments.drawings_of(houses, 10**20))
    assert told["is_ink"]
    assert told["shape"] == [8, 1, 28, 28]
    (file, *_) = sorted(Path(houses, "pictures").glob("*.npy"), reverse=True)
    assert base64.b64decode(told["pixels"]) == np.load(file).tobytes()


def test_drawings_that_are_not_there(run: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"^expected pictures kept up to step 5; got none\."):
        moments.drawings_of(run, 5)
    (tmp_path / "pictures").mkdir()
    np.save(tmp_path / "pictures" / "00000003.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(CheckpointError, match=r"^expected pictures in 00000003\.npy; got something else"):
        moments.drawings_of(str(tmp_path), 5)


def test_a_run_without_weights(run: str, tmp_path: Path) -> None:
    empty = Path(shutil.copytree(run, tmp_path / "run"))
    shutil.rmtree(empty / "checkpoints")
    with pytest.raises(CheckpointError, match=r"^expected a checkpoint in "):
        moments.answers(str(empty), None, 3)
    shutil.rmtree(empty / "history")
    with pytest.raises(NotFoundError, match=r"^expected weights that were kept up to step 3; got none\."):
        moments.answers(str(empty), 3, 3)


def test_a_run_in_the_place_of_another(run: str, tmp_path: Path) -> None:
    """Nothing of the first is remembered."""
    place = tmp_path / "run"
    shutil.copytree(run, place)
    before = moments.answers(str(place), None, 2)
    newest = sorted((place / "checkpoints").iterdir())[-1]
    shutil.rmtree(newest)
    after = moments.answers(str(place), None, 2)
    assert (before["step"], after["step"] < 6) == (6, True)
