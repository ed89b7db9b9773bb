"""`glassnet nudge`: what it prints, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from glassnet.tasks import race
from tests.cli.conftest import Call


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the larger networks, which take a second."""
    monkeypatch.setattr(race, "costs", lambda batch_size: [race.Cost("large", 10**6, 2 * 10**6, 3.0, 5e5, 0.75)])


def options(drawings: Path, *more: object) -> list[object]:
    return ["nudge", "houses", "--data", drawings, "--batch-size", 2, "--steps", 2, *more]


def test_json(call: Call, drawings: Path) -> None:
    result = call(*options(drawings, "--json", "-o", "race.png"))
    values = result.json()
    assert result.code == 0
    assert (values["task"], values["model"], values["weights"]) == ("houses", "smooth", 1804)
    assert values["cosine"] >= 0.999999999
    assert values["largest_relative_difference"] < 1e-5
    assert values["forward_passes_per_sweep"] == 3608
    assert values["seconds_per_sweep"] > values["seconds_per_backward"] > 0.0
    assert {rule: len(both["nudge"]["loss"]) for rule, both in values["curves"].items()} == {"a": 3, "b": 3, "c": 3}
    assert all(values["curves"][rule]["largest_relative_difference"] < 1e-6 for rule in "bc")
    assert [cost["network"] for cost in values["larger"]] == ["convnetjs", "batchnorm", "fast", "resnet", "facenet"]
    assert (values["doubts"], values["num_crossing"], values["picture"]) == ([], 0, "race.png")
    with Image.open("race.png") as picture:
        assert picture.size == (800, 3 * 420)


@pytest.mark.usefixtures("quick")
def test_in_words(call: Call, drawings: Path) -> None:
    result = call(*options(drawings, "--rule", "c"))
    assert result.err.startswith("nudging 1,804 weights on ")
    text = result.out
    assert "houses, smooth: 1,804 weights, 2 examples." in text
    assert "3,608 forward passes" in text
    assert "Both find the same slopes to a cosine of 1.000000000000" in text
    assert "(c) slopes from nudges" in text
    assert "gradient descent" in text
    assert "(a)" not in text
    assert "1,000,000 weights:  2,000,000 forward passes,     5.8 days; backpropagation 3.0, 0.75 s" in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.usefixtures("quick")
def test_nudges_of_a_bad_size_are_told(call: Call, drawings: Path) -> None:
    text = call(*options(drawings, "--rule", "c", "--epsilon", 1e-14)).out
    assert "A nudge of 1e-14 is too small: float64 keeps 16 digits" in text
    text = call(*options(drawings, "--rule", "c", "--epsilon", 2)).out
    assert "A nudge of 2 is too large: the loss is not straight over that distance, and the slopes are off by " in text


@pytest.mark.usefixtures("quick")
def test_what_takes_too_long_is_refused_unless_forced(
    call: Call, drawings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(race, "_MOST_S", 1e-6)
    slow = options(drawings, "--minutes", 1e-7, "--rule", "b")
    assert "or add --force" in call(*slow).complaint(2)
    result = call(*slow, "--force", "--json")
    assert len(result.json()["curves"]["b"]["nudge"]["loss"]) == 2


WRONG = {
    "no epsilon": (["--epsilon", 0], "expected --epsilon to be a number above 0; got 0. To fix: "),
    "no learning rate": (["--learning-rate", "nan"], "expected --learning-rate to be a number above 0; got nan"),
    "no time": (["--minutes", 0], "expected --minutes to be a number above 0; got 0"),
    "a picture that is none": (["-o", "race.txt"], "expected --output FILE.png; got race.txt. To fix: "),
    "another model": (["--model", "gpt"], "expected --model unet for houses; got gpt. To fix: "),
    "another rule": (["--rule", "d"], "'d' is not one of 'a', 'b', 'c'"),
    "a large batch": (["--batch-size", 1000], "expected a batch size of at most 36"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage(call: Call, drawings: Path, case: str) -> None:
    arguments, message = WRONG[case]
    assert message in call("nudge", "houses", "--data", drawings, *arguments).complaint(2)


def test_unknown_task(call: Call) -> None:
    assert "or a folder of pictures; got 'castles'" in call("nudge", "castles").complaint(2)
