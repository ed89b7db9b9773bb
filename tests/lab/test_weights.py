"""The story of a weight at any moment, and the slider that sets it to other values."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassnet.errors import SettingsError
from glassnet.lab import weights
from glassnet.lab.answers import NotFoundError
from glassnet.tasks import story
from glassnet.training import Run
from tests.lab import trained
from tests.lab.trained import checked

WEIGHT = "conv1.weight[3,0,2,2]"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(trained.classifier(tmp_path_factory))


def test_at_the_newest_checkpoint_it_is_what_explain_tells(run: str) -> None:
    opened = Run(Path(run))
    told = checked(weights.weight(run, WEIGHT, None, None))
    facts = checked(story.facts(story.explain(opened, opened.newest_checkpoint()[0], WEIGHT)))
    assert {name: told[name] for name in facts} == facts
    assert told["neighbors"] == {"previous": "conv1.weight[3,0,2,1]", "next": "conv1.weight[3,0,2,3]"}
    assert len(told["pictures"]) == len(told["chain_rule"]["largest"])
    assert told["pictures"][0]["shape"] == [1, 3, 32, 32]


def test_at_a_kept_moment_the_step_of_the_optimizer_is_not_known(run: str) -> None:
    told = checked(weights.weight(run, WEIGHT, 2, None))
    assert (told["step"], told["averaged"], told["parts"], told["change"]) == (2, None, [], None)
    assert [point["step"] for point in told["history"]] == [0, 1, 2]
    assert told["examples"] == "the 4 examples of step 3"
    assert told["slope_by_nudge"] == pytest.approx(told["slope_by_backpropagation"], abs=1e-6)
    assert told["notices"][-1].startswith(
        "What the optimizer makes of the slope is known at the newest checkpoint only"
    )


@pytest.mark.parametrize("step", [None, 2])
def test_the_loss_with_another_value(run: str, step: int | None) -> None:
    told = weights.weight(run, WEIGHT, step, 3)
    for i in (0, 7, 24):
        value = told["curve"]["value"][i]
        answer = checked(weights.loss_with(run, WEIGHT, value, step, 3))
        assert answer["loss"] == pytest.approx(told["curve"]["loss"][i], rel=1e-9)
        assert (answer["step"], answer["value"]) == (told["step"], value)
    assert weights.loss_with(run, WEIGHT, told["value"], step, 3)["loss"] == pytest.approx(told["loss"], rel=1e-12)


def test_the_ends_of_a_tensor(run: str) -> None:
    assert weights.weight(run, "linear.bias[0]", None, 2)["neighbors"] == {"previous": None, "next": "linear.bias[1]"}
    assert weights.weight(run, "linear.bias[1]", None, 2)["neighbors"] == {"previous": "linear.bias[0]", "next": None}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("conv1.wieght[0,0,0,0]", "such as conv1.weight[8,1,2,2]"),
        ("conv1.weight[0,0,9,0]", "0 to 15, 0 to 2, 0 to 4, 0 to 4"),
        ("standardize.mean[0]", "which is kept as it is"),
        ("../../etc/passwd", "expected a weight of the run"),
    ],
)
def test_names_of_nothing(run: str, name: str, said: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        weights.weight(run, name, None, None)
    assert said in str(refused.value)


def test_more_examples_than_a_batch(run: str) -> None:
    with pytest.raises(SettingsError, match=r"^expected batch_size to be at most 4, that of the training; got 5\."):
        weights.weight(run, WEIGHT, None, 5)


@pytest.mark.slow
def test_networks_of_the_other_tasks(tmp_path_factory: pytest.TempPathFactory) -> None:
    for make, name in (
        (trained.denoiser, "blocks.0.conv1.weight[3,0,2,2]"),
        (trained.recognizer, "groups.1.conv1.weight[3,0,1,1]"),
    ):
        run = str(make(tmp_path_factory))
        told = checked(weights.weight(run, name, 1, None))
        assert told["slope_by_nudge"] == pytest.approx(told["slope_by_backpropagation"], rel=1e-2, abs=1e-6)
        assert len(told["curve"]["loss"]) == 13
    with pytest.raises(SettingsError, match="use a batch > 1"):
        weights.weight(run, name, 1, 1)
