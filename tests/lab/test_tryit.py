"""Own pictures, persons who join and leave, and drawings out of noise."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import CheckpointError, DataError
from glassnet.lab import tryit
from glassnet.runtimes import get_runtime
from glassnet.tasks.classification import Predictor
from glassnet.tasks.houses import draw_houses
from glassnet.training import Run
from tests.lab import trained
from tests.lab.trained import checked, picture


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(trained.classifier(tmp_path_factory))


@pytest.fixture
def faces(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> str:
    """A copy that may be changed."""
    return str(shutil.copytree(trained.recognizer(tmp_path_factory), tmp_path / "run"))


def photo_of(run: str, name: str) -> bytes:
    """One of those that the run was trained on."""
    return Path(Run(Path(run)).settings.data or "", name, "1.png").read_bytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "GIF"])
def test_a_picture(run: str, kind: str) -> None:
    told = checked(tryit.predict(run, None, picture(kind=kind)))
    opened = Run(Path(run))
    seen = np.frombuffer(base64.b64decode(told["seen"]["pixels"]), np.uint8).reshape(told["seen"]["shape"])
    (said,) = Predictor(opened, opened.newest_checkpoint()[0], get_runtime("onnx")).probabilities(seen)
    assert [answer["number"] for answer in told["answers"]] == np.argsort(-said).tolist()
    assert told["answers"][0]["probability"] == pytest.approx(float(said.max()), abs=1e-5)
    assert (told["is_unknown"], told["nearest"], told["step"]) == (False, told["answers"][0]["name"], 6)
    assert tryit.predict(run, 2, picture(kind=kind))["step"] == 2


@pytest.mark.parametrize("content", [b"", b"GIF89a", picture()[:200], b"\x00" * 1000, b"<svg/>"])
def test_what_is_no_picture(run: str, content: bytes) -> None:
    with pytest.raises(DataError, match=r"^expected a picture \(JPEG, .*\) at the picture; got "):
        tryit.predict(run, None, content)


def test_runs_of_other_tasks(run: str, tmp_path: Path) -> None:
    houses = str(trained.untrained(tmp_path))
    with pytest.raises(DataError, match=r"^expected a run that tells classes or persons apart; got one of houses\."):
        tryit.predict(houses, None, picture())
    with pytest.raises(DataError, match=r"^expected a run that tells persons apart; got one of folder\."):
        tryit.people(run)
    with pytest.raises(DataError, match=r"^expected a run of houses; got one of folder\."):
        tryit.drawings(run, None, 0, 1, 1)


@pytest.mark.slow
def test_drawings_are_those_of_the_command_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    houses = str(trained.denoiser(tmp_path_factory))
    told = checked(tryit.drawings(houses, None, 3, 4, 17))
    opened = Run(Path(houses))
    drawn = draw_houses(opened, opened.newest_checkpoint()[0], 4, 3)
    assert base64.b64decode(told["frames"][-1]["pixels"]) == drawn.tobytes()
    assert (told["times"][0], told["times"][-1], len(told["frames"])) == (0.0, 1.0, 17)
    assert told["times"] == sorted(told["times"])
    assert told["frames"][0]["shape"] == [4, 1, 28, 28]
    assert told["frames"][0] != told["frames"][-1]
    few = tryit.drawings(houses, None, 3, 4, 3)
    assert [few["frames"][i] for i in (0, -1)] == [told["frames"][i] for i in (0, -1)]
    assert tryit.drawings(houses, 1, 3, 2, 1)["times"] == [1.0]


@pytest.mark.slow
def test_a_face(faces: str) -> None:
    told = checked(tryit.predict(faces, None, photo_of(faces, "Ann")))
    assert {answer["name"] for answer in told["answers"]} == {"Ann", "Bob"}
    assert told["is_unknown"] == (told["score"] < told["threshold"])
    assert told["seen"]["shape"] == [1, 1, 80, 64]
    earlier = checked(tryit.predict(faces, 1, photo_of(faces, "Ann")))
    assert (earlier["step"], earlier["threshold"]) == (1, None)


@pytest.mark.slow
def test_persons_join_and_leave(faces: str) -> None:
    assert [person["name"] for person in tryit.people(faces)["people"]] == ["Ann", "Bob"]
    with pytest.raises(DataError, match="got U\\+0007 in it"):
        tryit.enroll(faces, "D\x07na", photo_of(faces, "Ann"))
    joined = checked(tryit.enroll(faces, "דנה", photo_of(faces, "Ann")))
    assert (joined["number"], joined["source"], joined["photos"]) == (2, "enrolled", 1)
    assert tryit.enroll(faces, "דנה", photo_of(faces, "Ann"))["photos"] == 2
    assert tryit.predict(faces, None, photo_of(faces, "Ann"))["answers"][0]["name"] in ("Ann", "דנה")
    assert [person["name"] for person in tryit.people(faces)["people"]] == ["Ann", "Bob", "דנה"]
    assert tryit.forget(faces, "דנה")["number"] == 2
    with pytest.raises(DataError, match=r"^expected the name of a known person; got דנה\."):
        tryit.forget(faces, "דנה")
    assert tryit.enroll(faces, "Eve", photo_of(faces, "Bob"))["number"] == 3
    assert not list(Path(faces).glob("*.png"))


@pytest.mark.slow
def test_a_run_without_weights(faces: str) -> None:
    shutil.rmtree(Path(faces, "checkpoints"))
    with pytest.raises(CheckpointError, match=r"^expected a checkpoint in "):
        tryit.people(faces)
