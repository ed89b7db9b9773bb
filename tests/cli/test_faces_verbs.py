"""`glassnet predict` and `glassnet evaluate` of a run of faces."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.training import Run
from glassnet.training.events import Started
from tests.cli.conftest import Call
from tests.cli.faces import NUM_PHOTOS, PEOPLE, photo, trained_on_faces, write_photos

KEYS = {
    "accuracy", "macro", "recall", "identified", "fpir", "fnir", "strangers", "threshold", "curve", "num_photos",
    "num_strangers", "weights", "seconds", "step", "pictures", "data",
}  # fmt: skip


@pytest.fixture(scope="session")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_on_faces(tmp_path_factory)


@pytest.fixture
def run(recognizer: Path, call: Call) -> Path:
    """A copy in the directory where `call` works; strangers score 0.5, so the threshold is above."""
    shutil.copytree(recognizer, "run")
    set_strangers([0.5] * 1_000)
    return Path("run")


def set_strangers(scores: list[float]) -> None:
    file = Path("run/calibration.json")
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "stranger_scores": scores}))


@pytest.fixture
def mixed(call: Call) -> Path:
    """New photos of two known persons, one of them of a third under the first's name, and of a stranger."""
    folder = Path("mixed")
    write_photos(folder / "Avi", "Avi", 3, seed=500)
    photo("Beth", 600).save(folder / "Avi" / "beth.png")
    write_photos(folder / "Chen", "Chen", 2, seed=500)
    write_photos(folder / "Somebody", "Somebody", 5, seed=500)
    return folder


def results(call: Call, *arguments: object) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = call("predict", *arguments, "--json").json()["results"]
    return values


def test_a_line_for_each_photo(call: Call, run: Path) -> None:
    for i, person in enumerate([*PEOPLE, "Avi", "Somebody"]):
        photo(person, seed=500).save(f"{i}.png")
    result = call("predict", run, *(f"{i}.png" for i in range(7)))
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    order = sorted(PEOPLE)
    for i, person in enumerate(PEOPLE):
        assert lines[i].startswith(f"{i}.png: {person} (number {order.index(person)}, ")
    assert lines[5] == lines[0].replace("0.png", "5.png")
    assert lines[6].startswith("6.png: unknown (nearest: ")
    assert all(line.endswith(" %)") for line in lines)


def test_as_json(call: Call, run: Path) -> None:
    photo("Beth", seed=500).save("beth.png")
    photo("Somebody", seed=500).save("somebody.png")
    beth, somebody = results(call, run, "beth.png", "somebody.png")
    threshold = beth["threshold"]
    assert threshold == pytest.approx(0.5, abs=1e-6)
    assert beth["score"] > threshold > somebody["score"]
    assert 0.9 < beth["probability"] <= 1.0
    expected = {"path": "beth.png", "number": 1, "name": "Beth", "unknown": False, "nearest": "Beth"}
    assert {name: beth[name] for name in expected} == expected
    assert (somebody["number"], somebody["name"], somebody["unknown"]) == (None, None, True)
    assert somebody["nearest"] in PEOPLE
    assert set(beth) == set(somebody)


def test_what_holds_no_face_does_not_spoil_the_rest(call: Call, run: Path) -> None:
    photo("Avi", seed=500).save("avi.png")
    Path("text.jpg").write_text("This is a letter, not a picture.\n")
    result = call("predict", run, "text.jpg", "avi.png", "nothing.png", ".", "avi.png", "--json")
    assert result.code == 1
    text, avi, nothing, folder, again = result.json()["results"]
    assert avi["name"] == "Avi"
    assert avi == again
    assert [entry["path"] for entry in (text, nothing, folder)] == ["text.jpg", "nothing.png", "."]
    assert {tuple(entry) for entry in (text, nothing, folder)} == {("path", "error")}
    assert [f"glassnet: {entry['error']}" for entry in (text, nothing, folder)] == result.err.splitlines()
    assert nothing["error"] == "expected a face in nothing.png; got nothing there. To fix: choose another photo."


def test_more_than_fit_at_a_time(call: Call, run: Path) -> None:
    for person in ("Avi", "Beth"):
        photo(person, seed=500).save(f"{person}.png")
    found = results(call, run, *["Avi.png", "Beth.png", "nothing.png"] * 90)
    assert [entry.get("name") for entry in found] == ["Avi", "Beth", None] * 90


def test_without_a_threshold(call: Call, run: Path, recognizer: Path) -> None:
    """As after Ctrl-C: a usual one is taken, and that is said, until `evaluate` sets it."""
    Path("run/calibration.json").unlink()
    photo("Avi", seed=500).save("avi.png")
    result = call("predict", run, "avi.png", "--json")
    assert result.json()["results"][0]["threshold"] == 0.5
    (line,) = result.err.splitlines()
    assert "not set for the network at step 16, so it is 0.5: `glassnet evaluate run` sets it" in line
    assert call("evaluate", run).err == ""
    assert Path("run/calibration.json").read_bytes() == (recognizer / "calibration.json").read_bytes()
    assert call("predict", run, "avi.png").err == ""


def test_other_runtimes_agree(call: Call, run: Path) -> None:
    photo("Avi", seed=500).save("avi.png")
    (expected,) = results(call, run, "avi.png")
    for runtime in ("onnx", "torch", "numpy"):
        (entry,) = results(call, run, "avi.png", "--runtime", runtime)
        assert entry["name"] == "Avi"
        assert entry["score"] == pytest.approx(expected["score"], abs=1e-3)


def test_held_out_photos(call: Call, run: Path) -> None:
    result = call("evaluate", run, "--json")
    assert (result.code, result.err) == (0, "")
    values = result.json()
    assert set(values) == KEYS
    assert (values["accuracy"], values["macro"]) == (1.0, 1.0)
    assert values["recall"] == dict.fromkeys(sorted(PEOPLE), 1.0)
    assert (values["num_photos"], values["num_strangers"], values["strangers"]) == (len(PEOPLE), 0, "simulated")
    assert values["identified"] + values["fnir"] == pytest.approx(1.0)
    started = Run(run).last(Started)
    assert started is not None
    assert (values["weights"], values["step"]) == (started.num_weights, 16)
    assert values["num_photos"] + started.num_examples == len(PEOPLE) * NUM_PHOTOS
    assert set(values["pictures"]) == {"mistakes", "rates", "map"}
    for path in values["pictures"].values():
        with Image.open(path) as drawn:
            drawn.load()


def test_known_persons_and_strangers(call: Call, run: Path, mixed: Path) -> None:
    """What is counted is what `predict` says."""
    values = call("evaluate", run, "--data", mixed, "--json").json()
    assert (values["num_photos"], values["num_strangers"], values["strangers"]) == (11, 5, "photos")
    assert values["recall"] == {"Avi": 0.75, "Chen": 1.0}
    assert values["accuracy"] == pytest.approx(5 / 6)
    assert values["macro"] == 0.875
    known = results(call, run, *sorted(mixed.glob("Avi/*.png")), *sorted(mixed.glob("Chen/*.png")))
    strangers = results(call, run, *mixed.glob("Somebody/*.png"))
    right = [entry["name"] == Path(entry["path"]).parent.name for entry in known]
    assert values["identified"] == pytest.approx(np.mean(right))
    assert values["fpir"] == pytest.approx(np.mean([not entry["unknown"] for entry in strangers]))
    assert values["threshold"] == known[0]["threshold"]


def test_every_threshold(call: Call, run: Path, mixed: Path) -> None:
    rates = call("evaluate", run, "--data", mixed, "--json").json()["curve"]
    assert len(rates["thresholds"]) == len(rates["fpir"]) == len(rates["fnir"]) == 12
    assert rates["thresholds"] == sorted(rates["thresholds"])
    assert (rates["fpir"][0], rates["fpir"][-1], rates["fnir"][-1]) == (1.0, 0.0, 1.0)
    assert len(call("evaluate", run, "--json").json()["curve"]["thresholds"]) <= 200


def test_a_rate_of_strangers(call: Call, run: Path) -> None:
    set_strangers(np.linspace(-1, 1, 1001).tolist())
    thresholds = [call("evaluate", run, "--fpir", rate, "--json").json()["threshold"] for rate in (0.01, 0.1, 0.5)]
    assert thresholds == pytest.approx([0.98, 0.8, 0.0], abs=0.01)
    assert "above 0 and below 1; got 1.5" in call("evaluate", run, "--fpir", 1.5).complaint(2)


def test_in_words(call: Call, run: Path, mixed: Path) -> None:
    text = call("evaluate", run, "--data", mixed).out
    assert "accuracy 83.33 % on 6 photos of 2 known persons (mean over persons 87.50 %)" in text
    assert "of 5 photos of strangers are answered with a name" in text
    assert "person  recall\nAvi     75.0 %\nChen    100.0 %\n" in text
    assert "simulated" in call("evaluate", run).out


def test_enrolled_and_forgotten_persons_are_tested_too(call: Call, run: Path, mixed: Path) -> None:
    call("enroll", run, "Somebody", *write_photos(Path("more"), "Somebody", 3, seed=900))
    values = call("evaluate", run, "--data", mixed, "--json").json()
    assert (values["num_strangers"], values["recall"]["Somebody"]) == (0, 1.0)
    call("forget", run, "Avi")
    values = call("evaluate", run, "--data", mixed, "--json").json()
    assert (values["num_strangers"], set(values["recall"])) == (4, {"Chen", "Somebody"})


def test_photos_of_the_training_are_left_out(call: Call, run: Path, mixed: Path, recognizer: Path) -> None:
    shutil.copy(recognizer.parent / "people" / "Avi" / "0.png", mixed / "Avi" / "seen.png")
    result = call("evaluate", run, "--data", mixed, "--json")
    assert result.json()["num_photos"] == 11
    assert "Avi/seen.png: left out, it is in " in result.err


def test_the_folder_has_changed(call: Call, run: Path, recognizer: Path) -> None:
    shutil.copytree(recognizer.parent / "people", "people")
    (run / "settings.json").write_text(
        (run / "settings.json").read_text().replace(str(recognizer.parent / "people"), str(Path("people").absolute()))
    )
    assert call("evaluate", run).err == ""
    Path("people/Avi/1.png").unlink()
    assert "the folder has changed since the training: some of " in call("evaluate", run).err
    shutil.rmtree("people")
    assert call("evaluate", run).complaint(1).endswith("give the path of such a folder")


def test_nothing_to_test_with(call: Call, run: Path) -> None:
    write_photos(Path("strangers/Somebody"), "Somebody", 2)
    line = call("evaluate", run, "--data", "strangers").complaint(1)
    assert "expected photos of at least one known person; got only strangers. To fix: " in line
    assert "got nothing there" in call("evaluate", run, "--data", "nowhere").complaint(1)


def test_none_held_out(call: Call, tmp_path: Path) -> None:
    for person in ("Avi", "Beth"):
        write_photos(Path("few") / person, person, 4)
    how = ("--no-crop", "--steps", 1, "--batch-size", 4, "--run", "run")
    assert call("train", "faces", "--data", "few", *how).code == 0
    line = call("evaluate", "run").complaint(1)
    assert "got none, since nobody has 8 or more. To fix: give new photos with --data" in line


def test_a_rate_of_strangers_is_for_faces(call: Call, trained: Path) -> None:
    assert "expected a run that tells classes of pictures apart" in call("evaluate", trained, "--fpir", 0.1).complaint(
        1
    )
