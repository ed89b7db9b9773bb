"""`glassnet bench`, small: a whole one, and what it says when it cannot be."""

from __future__ import annotations

import sys

import pytest

from glassnet.baselines import bench
from tests.cli.conftest import Call

pytestmark = pytest.mark.filterwarnings("ignore:CUDA initialization")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_TURN_S", "_WARMING_S", "_REST_S"):
        monkeypatch.setattr(bench, name, 0.0)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_as_json(call: Call) -> None:
    options = ["--batch-size", 2, "--rounds", 2, "--threads", 1, "--no-compile", "--json"]
    result = call("bench", *options)
    assert (result.code, result.err) == (0, "")
    values = result.json()
    assert {"processor", "cores", "load_average", "glassnet", "torch", "numpy"} <= values["machine"].keys()
    (case,) = values["cases"]
    assert (case["task"], case["model"], case["batch_size"]) == ("cifar10", "convnetjs", 2)
    assert case["gflop_per_step"] == pytest.approx(2 * 21_062_400 / 1e9)
    assert case["peak_gflop_per_s"]["float32"] > 0.0
    assert case["left_out"] == {}
    rows = case["rows"]
    assert [row["name"] for row in rows] == ["glassnet torch", "PyTorch eager", "PyTorch eager channels_last"]
    for row in rows:
        assert len(row["rounds_ms"]) == 2
        assert row["ms"] == pytest.approx(sum(row["rounds_ms"]) / 2)
        assert row["losses"] == pytest.approx(rows[0]["losses"], rel=3e-2)
        assert row["peak_mib"] > row["added_mib"] > 0.0
    assert rows[0]["ratio"] == 1.0


def test_help(call: Call) -> None:
    result = call("bench", "--help")
    assert (result.code, result.err) == (0, "")
    assert "beside PyTorch's" in result.out


WRONG = {
    "unknown task": (["castles"], 2, "expected a task (cifar10, faces, houses) or a folder of pictures; got 'castles'"),
    "unknown model": (
        ["--model", "gpt"],
        2,
        "expected --model convnetjs, batchnorm, resnet, fast for cifar10; got gpt",
    ),
    "unknown model of houses": (["houses", "--model", "gpt"], 2, "expected --model unet for houses; got gpt"),
    "no example": (["--batch-size", "0"], 2, "expected --batch-size to be at least 1; got 0"),
    "no round": (["--rounds", "0"], 2, "0 is not in the range"),
    "half numbers for who has none": (
        ["--runtime", "onnx", "--precision", "bfloat16"],
        2,
        "expected --runtime torch for --precision bfloat16; got --runtime onnx. To fix: ",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage(call: Call, case: str) -> None:
    arguments, code, message = WRONG[case]
    assert message in call("bench", *arguments).complaint(code)


def test_without_pytorch(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "glassnet.runtimes.torch", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    message = "expected PyTorch for --runtime torch; got no package 'torch'. To fix: pip install 'glassnet[torch]'"
    assert message in call("bench").complaint(1)
