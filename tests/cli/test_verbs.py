"""The verbs as a user meets them."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import catalog
from glassnet.training import Run
from tests.cli.conftest import Call, options, run_outside

VERBS = [
    [],
    ["train"],
    ["evaluate"],
    ["bench"],
    ["predict"],
    ["draw"],
    ["film"],
    ["runs"],
    ["data"],
    ["data", "list"],
    ["data", "check"],
    ["data", "get"],
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb) or "glassnet")
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(call: Call, verb: list[str], option: str) -> None:
    result = call(*verb, option)
    assert result.code == 0
    assert result.out.startswith("Usage: ")
    assert result.err == ""


def test_help_without_asking(call: Call) -> None:
    result = call()
    assert result.code == 2
    assert "Usage: " in result.out + result.err


def test_version(call: Call) -> None:
    result = call("--version")
    assert result.code == 0
    assert "version" in result.out


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom glassnet.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'onnx', 'onnxruntime', 'rich', 'PIL', 'safetensors', 'pooch'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_train(call: Call, drawings: Path) -> None:
    result = call("train", "houses", *options(drawings, "--steps", 3, "--run", "run"))
    assert result.code == 0
    assert result.err.startswith(f"learning from 40 drawings from {drawings}\n")
    assert "budget spent: 3 steps in " in result.out
    for line in ("glassnet draw run", "glassnet film run", "glassnet train houses --resume --run run"):
        assert line in result.out
    assert Path("run/film.png").is_file()


def test_train_as_json(call: Call, drawings: Path) -> None:
    values = call("train", "houses", *options(drawings, "--steps", 3, "--json")).json()
    assert values["steps"] == 3
    assert values["task"] == "houses"
    assert values["reason"] == "budget spent"
    assert values["loss"] > 0.0
    assert Path(values["run"]).parent == Path("runs")
    assert Path(values["film"]).is_file()
    again = call("train", "houses", "--resume", "--json").json()
    assert (again["run"], again["steps"], again["loss"]) == (values["run"], 3, None)


def test_resume(call: Call, trained: Path) -> None:
    shutil.copytree(trained, "run")
    values = call("train", "houses", "--resume", "--run", "run", "--steps", 14, "--json").json()
    assert values["steps"] == 14
    assert Run(Path("run")).settings.steps == 14


@pytest.mark.parametrize(
    ("option", "value", "name"),
    [("--seed", 7, "seed"), ("--batch-size", 5, "batch_size"), ("--data", "generated", "data")],
)
def test_resume_with_other_settings(call: Call, trained: Path, option: str, value: object, name: str) -> None:
    shutil.copytree(trained, "run")
    line = call("train", "houses", "--resume", "--run", "run", option, value).complaint(1)
    assert "expected to resume run with its own settings" in line
    assert f"got {name} {value} instead of" in line
    assert f"To fix: leave {option} out" in line


def test_resume_the_run_of_another_task(call: Call, trained: Path) -> None:
    Path("run").mkdir()
    text = (trained / "settings.json").read_text()
    Path("run/settings.json").write_text(text.replace('"houses"', '"cifar10"'))
    line = call("train", "houses", "--resume", "--run", "run").complaint(1)
    assert "expected a run of houses in run; got one of cifar10. To fix: " in line


def drawn(call: Call, trained: Path, *more: object) -> np.ndarray:
    assert call("draw", trained, "-o", "drawn.npy", *more).code == 0
    return np.load("drawn.npy", allow_pickle=False)


def test_draw_an_array(call: Call, trained: Path) -> None:
    images = drawn(call, trained, "-n", 5)
    assert images.dtype == np.uint8
    assert images.shape == (5, 28, 28)


def test_drawing_i_depends_on_the_seed_and_i_alone(call: Call, trained: Path) -> None:
    many = drawn(call, trained, "-n", 19)
    for num in (1, 2, 16):
        np.testing.assert_array_equal(drawn(call, trained, "-n", num), many[:num])
    other = drawn(call, trained, "-n", 19, "--seed", 1)
    assert all(not np.array_equal(a, b) for a, b in zip(many, other, strict=True))
    assert len({image.tobytes() for image in many}) == 19


def test_draw_a_sheet(call: Call, trained: Path) -> None:
    values = call("draw", trained, "-n", 4, "-o", "sheet.png", "--json").json()
    assert values == {"run": str(trained), "num": 4, "seed": 0, "output": "sheet.png"}
    with Image.open("sheet.png") as picture:
        picture.load()
        assert (picture.mode, picture.width) == ("L", picture.height)


def test_draw_where_the_run_is(call: Call, trained: Path) -> None:
    shutil.copytree(trained, "run")
    assert call("draw", "run").out == "16 drawings: run/drawings.png\n"
    assert Path("run/drawings.png").is_file()


def test_film(call: Call, trained: Path) -> None:
    shutil.copytree(trained, "run")
    assert call("film", "run", "--json").json()["outputs"] == ["run/film.png", "run/film.gif"]
    with Image.open("run/film.gif") as animation:
        assert animation.n_frames > 3
    with Image.open("run/film.png") as strip:
        strip.load()
        assert strip.height > 5 * 28
    assert call("film", "run", "-o", "mine.gif").out == "mine.gif\n"


def test_runs(call: Call, trained: Path) -> None:
    assert "nothing has been trained in runs yet" in call("runs").out
    Path("runs/empty").mkdir(parents=True)
    assert "nothing has been trained in runs yet" in call("runs").out
    assert call("runs", "--json").json() == {"runs": []}
    assert "nothing has been trained in nowhere yet" in call("runs", "nowhere").out
    shutil.copytree(trained, "runs/mine")
    (listed,) = call("runs", "--json").json()["runs"]
    assert (listed["run"], listed["steps"], listed["reason"]) == ("runs/mine", 12, "budget spent")
    assert "runs/mine" in call("runs").out


def test_damaged_runs_do_not_spoil_the_list(call: Call, trained: Path) -> None:
    for name in ("good", "settings", "events", "bare"):
        shutil.copytree(trained, f"runs/{name}")
    Path("runs/settings/settings.json").write_bytes(b"\xff{")
    Path("runs/events/events.jsonl").write_bytes(b"\x00\xff garbage\n{}\n[1]\n")
    Path("runs/bare/events.jsonl").unlink()
    result = call("runs", "--json")
    assert {run["run"] for run in result.json()["runs"]} == {"runs/good", "runs/events", "runs/bare"}
    assert "runs/settings" in result.err
    assert result.err.count("\n") == 1


def test_data_list(call: Call) -> None:
    assert "houses: Quick, Draw! houses" in call("data", "list").out
    houses, *_ = call("data", "list", "--json").json()["data_sets"]
    assert houses["name"] == "houses"
    assert houses["files"] == []


def test_data_check(call: Call, drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("data", "check").out == "no data set is on this machine\n"
    folder = tmp_path / "data" / "houses"
    folder.mkdir(parents=True)
    monkeypatch.setenv("GLASSNET_DATA", str(folder.parent))
    file = folder / "quickdraw_house_rows_0_39.npy"
    shutil.copy(drawings, file)
    assert call("data", "check").code == 0
    file.write_bytes(file.read_bytes()[:-1])
    result = call("data", "check", "--json")
    assert result.code == 1
    assert result.json()["findings"][0]["is_good"] is False


def test_data_get(call: Call, drawings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(progress) -> Path:
        progress(10, 0)
        progress(50, 100)
        return drawings

    monkeypatch.setattr(catalog, "DATA_SETS", (dataclasses.replace(catalog.DATA_SETS[0], get=get),))
    assert call("data", "get", "houses").out == f"{drawings}\n"
    assert call("data", "get", "houses", "--json").json() == {"name": "houses", "path": str(drawings)}


def test_nothing_but_the_result_on_stdout(drawings: Path, tmp_path: Path) -> None:
    """In a process of its own, where whatever C++ prints is seen too."""
    result = run_outside("train", "houses", *options(drawings, "--steps", 2, "--json"), where=tmp_path)
    assert result.returncode == 0
    assert result.stdout.count("\n") == 1
    assert len(result.stderr.splitlines()) == 2
