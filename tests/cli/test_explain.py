"""`glassnet explain`: what it tells of a weight, as words, as JSON and as a picture, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from glassnet.cli.explain import in_words
from tests.cli.classifiers import picture, trained_classifier
from tests.cli.conftest import Call

WEIGHT = "conv1.weight[3,0,2,2]"


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_classifier(tmp_path_factory)


def test_json_and_picture(call: Call, classifier: Path) -> None:
    result = call("explain", classifier, WEIGHT, "--json", "-o", "story.png")
    values = result.json()
    assert (result.code, result.err) == (0, "")
    assert (values["weight"], values["tensor"], values["index"]) == (WEIGHT, "conv1.weight", [3, 0, 2, 2])
    assert (values["shape"], values["step"], values["model"]) == ([16, 3, 5, 5], 30, "convnetjs")
    assert [moment["step"] for moment in values["history"]] == [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 30]
    assert values["history"][-1]["value"] == values["value"]
    rule = values["chain_rule"]
    assert rule["sum"] == pytest.approx(values["slope_by_backpropagation"], rel=1e-9)
    assert sum(rule["by_example"]) == pytest.approx(rule["sum"])
    assert rule["calls"] == ["conv2d_with"]
    assert {term["label"] for term in rule["largest"]} <= {"blue", "green", "red"}
    assert all(len(term["patch"]) == 4 for term in rule["largest"])
    changes = sum(part["value"] for part in values["parts"] if part["is_change"])
    assert changes == pytest.approx(values["change"])
    assert values["picture"] == "story.png"
    with Image.open("story.png") as sheet:
        assert sheet.width == 1200


def test_in_words(call: Call, classifier: Path) -> None:
    text = call("explain", classifier, WEIGHT).out
    for part in (
        f"{WEIGHT} is one of the ",
        "It started at ",
        "What if it were a little different, all else as it is? At the 16 examples of step 31:",
        " by backpropagation, without any nudge",
        "the signal coming in",
        "the blame coming back",
        " together, which is the slope",
        "What the optimizer (adamw) makes of it:",
        "By the schedule the learning rate is ",
        "when all weights make theirs",
    ):
        assert part in text
    assert max(map(len, text.replace(str(classifier), "run").splitlines())) <= 120


def test_in_words_of_a_weight_without_effect(call: Call, classifier: Path) -> None:
    values = call("explain", classifier, WEIGHT, "--json").json()
    values["chain_rule"]["largest"], values["history"] = [], values["history"][-1:]
    text = in_words(values)
    assert "No signal comes to it, or no blame comes back: at these examples it has no effect." in text
    assert "What it was before was not kept." in text
    assert "The largest products" not in text


def test_at_a_picture(call: Call, classifier: Path) -> None:
    picture("red", 99).save("photo.png")
    values = call("explain", classifier, "linear.weight[1,7]", "--picture", "photo.png", "--json").json()
    assert values["examples"].startswith("the picture photo.png, taken for ")
    assert values["batch_size"] == 1
    assert values["chain_rule"]["terms"] <= 1
    assert "At the picture photo.png" in call("explain", classifier, WEIGHT, "--picture", "photo.png").out


def test_a_drawing_network(call: Call, trained: Path) -> None:
    text = call("explain", trained, "conv_out.bias[1]", "--batch-size", 2).out
    assert "At the first 2 of the 4 examples of step 13:" in text
    assert "The training itself learns from 4 examples at once, not from 2." in text


def test_nudges_of_a_bad_size_are_told(call: Call, trained: Path) -> None:
    text = call("explain", trained, "conv_out.bias[1]", "--epsilon", 1e-14).out
    assert "A nudge of 1e-14 is too small: float64 keeps 16 digits" in text
    text = call("explain", trained, "conv_in.weight[0,0,1,1]", "--epsilon", 5).out
    assert "A nudge of 5 is too large: the loss is not straight over that distance, and the slopes are off by " in text


WRONG: dict[str, tuple[list[object], int, str]] = {
    "no such weight": (["conv1.wait[0,0,0,0]"], 1, "got 'conv1.wait[0,0,0,0]'. To fix: choose one of conv1.weight, "),
    "out of range": (["conv1.weight[16,0,0,0]"], 1, "0 to 15, 0 to 2, 0 to 4, 0 to 4; got 'conv1.weight[16,0,0,0]'"),
    "too few numbers": (["conv1.weight[1,0]"], 1, "expected 4 numbers in brackets for conv1.weight"),
    "not learned": (["standardize.mean[0]"], 1, "expected a weight that is learned; got standardize.mean, which is "),
    "no picture": ([WEIGHT, "--picture", "none.png"], 1, "none.png"),
    "both": ([WEIGHT, "--picture", "x.png", "--batch-size", 1], 2, "expected --picture or --batch-size; got both"),
    "no nudge": ([WEIGHT, "--epsilon", 0], 2, "expected --epsilon to be a number above 0; got 0"),
    "too many": ([WEIGHT, "--batch-size", 17], 2, "expected --batch-size to be at most 16, that of the training; got"),
    "no sheet": ([WEIGHT, "-o", "story.txt"], 2, "expected --output FILE.png; got story.txt"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage(call: Call, classifier: Path, case: str) -> None:
    arguments, code, message = WRONG[case]
    assert message in call("explain", classifier, *arguments).complaint(code)


def test_damaged_runs(call: Call, classifier: Path, tmp_path: Path) -> None:
    assert "expected a run directory" in call("explain", tmp_path / "none", WEIGHT).complaint(1)
    run = Path(shutil.copytree(classifier, tmp_path / "copy"))
    (run / "history" / "00000004.safetensors").write_bytes(b"nothing")
    assert "00000004.safetensors; got " in call("explain", run, WEIGHT).complaint(1)
    for state in run.glob("checkpoints/*/state.safetensors"):
        state.write_bytes(b"nothing")
    assert "expected a checkpoint in" in call("explain", run, WEIGHT).complaint(1)
    shutil.rmtree(run / "checkpoints")
    assert call("explain", run, WEIGHT).complaint(1).endswith("got none. To fix: train this run first.")
