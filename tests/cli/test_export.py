"""`glassnet export`: a site, a file, and what a user can get wrong."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import onnx
import pytest

from glassnet.data import folder
from glassnet.export import pages, subject
from tests.cli.classifiers import trained_classifier, write_colors
from tests.cli.conftest import Call, options
from tests.export.sites import small_page


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "STATIC", small_page(tmp_path / "static"))


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_classifier(tmp_path_factory)


def test_a_site(call: Call, drawings: Path) -> None:
    result = call("export", "--web", "houses", "site", *options(drawings, "--minutes", 2, "--seed", 3), "--json")
    files = [path for path in Path("site").rglob("*") if path.is_file()]
    said = result.json()
    assert (said["path"], said["files"]) == ("site", len(files))
    assert said["bytes"] == sum(path.stat().st_size for path in files) > said["first_bytes"] > 100_000
    manifest = json.loads(Path("site/network/manifest.json").read_text(encoding="utf-8"))
    assert said["weights"] == manifest["started"]["num_weights"]
    chosen = manifest["settings"]
    assert (chosen["minutes"], chosen["seed"], chosen["batch_size"], chosen["data"]) == (2.0, 3, 4, drawings.name)
    assert "learning from" in result.err
    again = call("export", "--web", "houses", "site", *options(drawings))
    assert "python3 -m http.server --bind 127.0.0.1 -d site" in again.out
    assert "_headers" in again.out


@pytest.mark.slow
def test_a_run_goes_on(call: Call, run: Path) -> None:
    said = call("export", "--web", run, "site", "--minutes", 3, "--json").json()
    manifest = json.loads(Path("site/network/manifest.json").read_text(encoding="utf-8"))
    assert (manifest["run"], manifest["initial"]["step"], manifest["settings"]["minutes"]) == ("run", 30, 3.0)
    assert manifest["facts"]["classes"] == ["blue", "green", "red"]
    assert manifest["settings"]["runtime"] == "onnx"
    assert said["weights"] == manifest["started"]["num_weights"]
    refused = call("export", "--web", run, "another", "--batch-size", 8).complaint(1)
    assert "expected to resume" in refused
    assert not Path("another").exists()


def test_a_folder_of_pictures(call: Call) -> None:
    write_colors(Path("colors"), 8, seed=0)
    said = call("export", "--web", "colors", "site", "--steps", 5, "--json").json()
    manifest = json.loads(Path("site/network/manifest.json").read_text(encoding="utf-8"))
    assert (manifest["run"], manifest["settings"]["task"], manifest["settings"]["data"]) == (
        "colors",
        "folder",
        "colors",
    )
    assert said["files"] > 5


def test_a_file(call: Call, run: Path) -> None:
    said = call("export", run, "network.onnx", "--json").json()
    assert (said["step"], said["inputs"], said["outputs"]) == (
        30, {"images": [1, 3, 32, 32]}, {"probabilities": [1, 3]},
    )  # fmt: skip
    onnx.checker.check_model(onnx.load("network.onnx"), full_check=True)
    assert "images (1, 3, 32, 32) -> probabilities (1, 3)" in call("export", run, "network.onnx").out


WRONG = {
    "nothing of the name": (
        ["--web", "castles", "site"],
        2,
        "expected a task (cifar10, faces, houses), a run or a fol",
    ),
    "a name too long for a folder": (
        ["--web", "x" * 5_000, "site"],
        2,
        "expected a task (cifar10, faces, houses), a r",
    ),
    "an empty folder": (["--web", "empty", "site"], 1, "expected "),
    "no place": (["--web", "houses"], 2, "Missing argument 'SITE|FILE.onnx'"),
    "a file in the place of the site": (["--web", "houses", "file"], 2, "expected a folder to write to; got file, a f"),
    "somebody else's folder": (["--web", "houses", "full"], 2, "expected a new or empty folder, or an earlier export"),
    "a folder in a file": (
        ["--web", "houses", "file/site"],
        2,
        "expected a folder to write to; got file/site, below",
    ),
    "two budgets": (["--web", "houses", "site", "--minutes", "1", "--steps", "2"], 2, "expected one of --minutes"),
    "too large a batch": (
        ["--web", "houses", "site", "--batch-size", "9999"],
        2,
        "expected a batch size of at most 36",
    ),
    "another network": (["--web", "cifar10", "site", "--model", "gpt"], 2, "expected --model convnetjs"),
    "a task as a file": (["houses", "a.onnx"], 1, "expected a run directory with settings.json; got houses. To fix: "),
    "no run as a file": (
        ["nowhere", "a.onnx"],
        1,
        "expected a run directory with settings.json; got nowhere. To fix: ",
    ),
    "a run as something else": (["run", "a.txt"], 2, "expected FILE.onnx, or --web for a site; got a.txt. To fix: "),
    "options of a site": (["run", "a.onnx", "--seed", "1"], 2, "expected no --seed without --web; got it. To fix: "),
    "no data": (["--web", "cifar10", "site"], 1, "expected "),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage(call: Call, drawings: Path, case: str) -> None:
    arguments, code, message = WRONG[case]
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full", "cat.png").touch()
    Path("file").touch()
    given = ["--data", drawings] if "houses" in arguments and "--web" in arguments else []
    assert message in call("export", *arguments, *given).complaint(code)
    assert sorted(path.name for path in Path().iterdir()) == ["empty", "file", "full"]


def test_more_than_a_browser_can_hold(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    write_colors(Path("colors"), 8, seed=0)
    monkeypatch.setattr(subject, "_MOST_BYTES", 1_000)
    assert "expected examples that a browser can hold" in call("export", "--web", "colors", "site").complaint(1)
    assert not Path("site").exists()


@pytest.mark.slow
def test_pictures_that_stay_in_their_files(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    write_colors(Path("colors"), 20, seed=0)
    monkeypatch.setattr(folder, "load", partial(folder.load, max_pixel_bytes=100_000))
    assert "expected examples that a browser can hold" in call("export", "--web", "colors", "site").complaint(1)
    assert not Path("site").exists()
