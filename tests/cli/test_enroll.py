"""`glassnet enroll`, `forget` and `people`, and what `glassnet predict` says before and after."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from glassnet.training import Run
from tests.cli.conftest import COMMAND, Call, environment
from tests.cli.faces import NUM_PHOTOS, PEOPLE, trained_on_faces, write_photos

LEARNED = NUM_PHOTOS - 1  # one photo in ten is held out


@pytest.fixture(scope="session")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_on_faces(tmp_path_factory)


@pytest.fixture
def run(recognizer: Path, call: Call) -> Path:
    """A copy in the directory where `call` works."""
    shutil.copytree(recognizer, "run")
    return Path("run")


@pytest.fixture
def photos(call: Call) -> list[Path]:
    """Of somebody who was not trained."""
    return write_photos(Path("dana"), "Dana", 4, seed=500)


@pytest.fixture
def strict(run: Path) -> None:
    """Strangers score 0.8, so the threshold is above."""
    file = run / "calibration.json"
    values = json.loads(file.read_bytes())
    file.write_text(json.dumps({**values, "stranger_scores": [0.8] * 1_000}))


def names_of(call: Call, run: Path, paths: list[Path]) -> list[str]:
    """Whose face is nearest, stranger or not."""
    return [entry["nearest"] for entry in call("predict", run, *paths, "--json").json()["results"]]


def listed(call: Call, run: Path) -> list[dict[str, Any]]:
    found = call("people", run, "--json")
    assert (found.code, found.err) == (0, "")
    people: list[dict[str, Any]] = found.json()["people"]
    return people


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def test_a_person_joins_and_leaves(call: Call, run: Path, photos: list[Path]) -> None:
    known = write_photos(Path("avi"), "Avi", 2, seed=500)
    assert "Dana" not in names_of(call, run, photos)
    enrolled = call("enroll", run, "Dana", *photos[:2])
    assert (enrolled.code, enrolled.out) == (0, "Dana: number 5, known by 2 photos\n")
    result = call("predict", run, *photos[2:], *known, "--json").json()["results"]
    assert [(entry["name"], entry["number"]) for entry in result] == [("Dana", 5)] * 2 + [("Avi", 0)] * 2
    assert call("forget", run, "Dana").out == "Dana, number 5, is forgotten\n"
    assert "Dana" not in names_of(call, run, photos)
    assert call("enroll", run, "Dana", photos[0]).out == "Dana: number 6, known by 1 photo\n"


@pytest.mark.usefixtures("strict")
def test_as_json(call: Call, run: Path, photos: list[Path]) -> None:
    values = call("enroll", run, "Dana", *photos[:2], "nothing.png", "--json").json()
    (left_out,) = values.pop("left_out")
    assert left_out["path"] == "nothing.png"
    assert "got nothing there" in left_out["error"]
    dana = {"number": 5, "name": "Dana", "source": "enrolled", "photos": 2, "outdated": False}
    assert values == {**dana, "used": 2, "looks_like": None}
    assert listed(call, run)[5] == dana
    assert call("forget", run, "Dana", "--json").json() == dana


def test_people(call: Call, run: Path, photos: list[Path]) -> None:
    call("enroll", run, "Dana", *photos)
    call("enroll", run, "דנה", *write_photos(Path("more"), "דנה", 2, seed=500))
    people = listed(call, run)
    assert [person["name"] for person in people] == [*sorted(PEOPLE), "Dana"]
    assert [person["number"] for person in people] == [0, 1, 2, 3, 4, 5]
    counts = {person["name"]: (person["source"], person["photos"]) for person in people}
    assert counts["Avi"] == ("trained", LEARNED)
    assert counts["דנה"] == ("trained", LEARNED + 2)
    assert counts["Dana"] == ("enrolled", 4)
    lines = call("people", run).out.splitlines()
    assert lines[0].split() == ["number", "name", "source", "photos"]
    assert lines[1].split() == ["0", "Avi", "trained", str(LEARNED)]
    assert lines[6].split() == ["5", "Dana", "enrolled", "4"]


def test_a_trained_person_is_forgotten(call: Call, run: Path) -> None:
    photos = write_photos(Path("beth"), "Beth", 2, seed=500)
    assert names_of(call, run, photos) == ["Beth", "Beth"]
    assert call("forget", run, "Beth").out == "Beth, number 1, is forgotten\n"
    assert "Beth" not in names_of(call, run, photos)
    assert [person["number"] for person in listed(call, run)] == [0, 2, 3, 4]
    assert "expected the name of a known person; got Beth" in call("forget", run, "Beth").complaint(1)
    assert call("enroll", run, "Beth", *photos).out.startswith("Beth: number 5,")


def test_no_photo_is_kept(call: Call, run: Path, photos: list[Path]) -> None:
    before = contents(run)
    call("enroll", run, "Dana", *photos)
    changed = {path.name: data for path, data in contents(run).items() if before.get(path) != data}
    assert set(changed) == {"gallery.safetensors"}
    assert len(changed["gallery.safetensors"]) < 3_000  # 256 numbers and the name; a photo has 5,120 pixels


def test_bad_photos_are_told_and_the_rest_is_used(call: Call, run: Path, photos: list[Path]) -> None:
    Path("text.jpg").write_text("This is a letter, not a picture.\n")
    result = call("enroll", run, "Dana", "text.jpg", photos[0], "nothing.png")
    assert (result.code, result.out) == (0, "Dana: number 5, known by 1 photo\n")
    text, nothing, *_ = result.err.splitlines()
    assert text.startswith("left out: expected a face in text.jpg; got a file of another kind. To fix: ")
    assert nothing.startswith("left out: expected a face in nothing.png; got nothing there. To fix: ")


@pytest.mark.parametrize("images", [["nothing.png"], ["text.jpg", "."]])
def test_without_a_photo_nothing_changes(call: Call, run: Path, images: list[str]) -> None:
    Path("text.jpg").write_text("This is a letter, not a picture.\n")
    before = contents(run)
    line = call("enroll", run, "Dana", *images).complaint(1)
    assert line == "glassnet: expected a photo with the face of Dana; got none. To fix: choose other photos."
    assert contents(run) == before


@pytest.mark.usefixtures("strict")
def test_the_same_person_twice(call: Call, run: Path, photos: list[Path]) -> None:
    assert "looks like" not in call("enroll", run, "Dana", *photos[:2]).err
    assert "looks like" not in call("enroll", run, "Dana", photos[3]).err
    result = call("enroll", run, "Daniela", photos[2], "--json")
    assert result.json()["looks_like"] == "Dana"
    assert "Daniela looks like Dana: is that the same person?" in result.err


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\x1b[31mred", "x" * 201, os.fsdecode(b"caf\xe9")])
def test_names_that_are_none(call: Call, run: Path, photos: list[Path], name: str) -> None:
    before = contents(run)
    assert "expected a name of " in call("enroll", run, name, *photos).complaint(1)
    assert contents(run) == before


def test_unknown_names(call: Call, run: Path) -> None:
    line = call("forget", run, "avi").complaint(1)
    assert line == "glassnet: expected the name of a known person; got avi. To fix: choose among Avi."
    assert "`glassnet people` lists who is known" in call("forget", run, "Rumpelstiltskin").complaint(1)


def test_trained_further_since(call: Call, run: Path, photos: list[Path]) -> None:
    """The weights have moved: who was enrolled before is left out, and that is said, until enrolled again."""
    call("enroll", run, "Dana", *photos[:2])
    assert call("train", "faces", "--resume", "--run", run, "--steps", 17).code == 0
    result = call("predict", run, photos[2], "--json")
    (line,) = result.err.splitlines()
    assert line.startswith("Dana was enrolled with step 16, the network is at step 17: enroll again")
    assert result.json()["results"][0]["nearest"] != "Dana"
    assert listed(call, run)[5]["outdated"]
    assert "by an earlier network, so not known any more: enroll again" in call("people", run).out
    assert call("enroll", run, "Dana", photos[3]).out == "Dana: number 5, known by 1 photo\n"
    assert names_of(call, run, photos[2:]) == ["Dana", "Dana"]


def test_a_run_in_training(call: Call, run: Path, photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.tasks.additions._PATIENCE_S", 0.1)
    with FileLock(run / "lock"):
        for arguments in (["enroll", run, "Dana", photos[0]], ["forget", run, "Avi"]):
            line = call(*arguments).complaint(1)
            assert "expected to be the only one who writes to run; got another process that holds it" in line
        assert len(listed(call, run)) == len(PEOPLE)
        assert call("predict", run, photos[0]).code == 0
    assert call("forget", run, "Avi").code == 0


@pytest.mark.slow
def test_two_at_a_time(run: Path, photos: list[Path]) -> None:
    """Both are known afterwards, whichever was first."""
    started = [
        subprocess.Popen(
            [*COMMAND, "enroll", run, name, photos[i]],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for i, name in enumerate(("Dana", "Daniela"))
    ]
    numbers = set()
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        numbers.add(out.split()[2])
    assert numbers == {b"5,", b"6,"}


@pytest.mark.parametrize("verb", [["enroll", "RUN", "Dana", "x.png"], ["forget", "RUN", "Dana"], ["people", "RUN"]])
def test_what_is_no_run_of_faces(call: Call, trained: Path, verb: list[str]) -> None:
    def complaint(run: Path) -> str:
        return call(*[str(run) if word == "RUN" else word for word in verb]).complaint(1)

    assert "expected a run that tells persons apart; got " in complaint(trained)
    assert "one of houses. To fix: choose a run of faces." in complaint(trained)
    assert "expected a run directory with settings.json; got nowhere" in complaint(Path("nowhere"))


@pytest.mark.parametrize("name", ["gallery.safetensors", "calibration.json"])
def test_damaged_files(call: Call, run: Path, photos: list[Path], name: str) -> None:
    call("enroll", run, "Dana", photos[0])
    (run / name).write_bytes(b"{")
    assert f"run/{name}; got something else" in call("predict", run, photos[0]).complaint(1)


def test_a_copy_knows_the_same_people(call: Call, run: Path, photos: list[Path]) -> None:
    call("enroll", run, "Dana", photos[0])
    before = call("predict", run, *photos, "--json").out
    run.rename("moved")
    settings = Run(Path("moved")).settings
    assert settings.data is not None
    Path("moved/settings.json").write_text(settings.to_json().replace(settings.data, "/nowhere"))
    assert call("predict", "moved", *photos, "--json").out == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["enroll"], "Missing argument 'RUN'"),
        (["enroll", "run"], "Missing argument 'NAME'"),
        (["enroll", "run", "Dana"], "Missing argument 'IMAGE...'"),
        (["forget", "run"], "Missing argument 'NAME'"),
        (["people"], "Missing argument 'RUN'"),
    ],
)
def test_wrong_usage(call: Call, arguments: list[str], message: str) -> None:
    assert message in call(*arguments).complaint(2)
