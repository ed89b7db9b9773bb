"""What a user can get wrong: one line that says what to do, the right exit code, and no traceback."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Call, environment, options, run_outside

A_TASK = "expected a task (cifar10, faces, houses) or a folder of pictures"
USAGE = {
    "unknown verb": (["trian"], "No such command 'trian'"),
    "unknown task": (["train", "castles"], f"{A_TASK}; got 'castles'"),
    "unknown task to go on with": (["train", "castles", "--resume"], f"{A_TASK}; got 'castles'"),
    "no task": (["train"], "Missing argument 'TASK'"),
    "unknown option": (["train", "houses", "--colour", "red"], "No such option '--colour'"),
    "two tasks": (["train", "houses", "faces"], "unexpected extra argument"),
    "a word for a number": (["train", "houses", "--steps", "many"], "'many' is not a valid integer"),
    "a choice that is none": (["train", "houses", "--runtime", "jax"], "'jax' is not one of"),
    "a GPU for who has none": (
        ["train", "houses", "--runtime", "onnx", "--device", "cuda"],
        "expected --runtime torch for --device cuda; got --runtime onnx. To fix: ",
    ),
    "half numbers for who has none": (
        ["train", "houses", "--runtime", "numpy", "--precision", "bfloat16"],
        "expected --runtime torch for --precision bfloat16; got --runtime numpy. To fix: ",
    ),
    "zero minutes": (["train", "houses", "--minutes", "0"], "expected --minutes to be a number above 0; got 0.0"),
    "minutes that are no number": (["train", "houses", "--minutes", "nan"], "a number above 0; got nan"),
    "endless minutes": (["train", "houses", "--minutes", "inf"], "a number above 0; got inf"),
    "negative steps": (["train", "houses", "--steps", "-1"], "expected --steps to be a number above 0; got -1"),
    "two budgets": (["train", "houses", "--minutes", "1", "--steps", "5"], "expected one of --minutes, --epochs"),
    "an empty batch": (["train", "houses", "--batch-size", "0"], "expected --batch-size to be at least 1; got 0"),
    "no learning rate": (["train", "houses", "--learning-rate", "0"], "expected --learning-rate to be a number"),
    "a negative seed": (["train", "houses", "--seed", "-1"], "expected --seed to be a whole number from 0"),
    "another model": (["train", "houses", "--model", "gpt"], "expected --model unet for houses; got gpt"),
    "another classifier": (
        ["train", "cifar10", "--model", "gpt"],
        "expected --model convnetjs, batchnorm, resnet, fast for cifar10",
    ),
    "a file for a folder": (["train", __file__], f"{A_TASK}; got "),
    "a name too long for a folder": (["train", "x" * 5000], f"{A_TASK}; got "),
    "data beside a folder": (["train", ".", "--data", "x"], "expected no --data with the folder .; got x. To fix: "),
    "an optimizer that is none": (["train", "cifar10", "--optimizer", "lion"], "'lion' is not one of"),
    "a precision that is none": (["train", "cifar10", "--precision", "int4"], "'int4' is not one of"),
    "no drawings": (["draw", "run", "-n", "0"], "0 is not in the range"),
    "draw without a run": (["draw"], "Missing argument 'RUN'"),
    "unknown data verb": (["data", "burn"], "No such command 'burn'"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage(call: Call, case: str) -> None:
    arguments, message = USAGE[case]
    assert message in call(*arguments).complaint(2)
    assert list(Path().iterdir()) == []


def test_usage_says_where_to_look(call: Call) -> None:
    assert call("train", "houses", "--colour").complaint(2).endswith("(see 'glassnet train --help')")
    assert call("data", "burn").complaint(2).endswith("(see 'glassnet data --help')")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume"], "expected a run of houses in runs/ to resume; got none. To fix: "),
        (["--resume", "--run", "nowhere"], "expected a run directory with settings.json; got nowhere. To fix: "),
    ],
)
def test_what_is_not_there(call: Call, arguments: list[str], message: str) -> None:
    assert message in call("train", "houses", *arguments).complaint(1)


def test_a_batch_larger_than_the_data(call: Call, drawings: Path) -> None:
    line = call("train", "houses", "--data", drawings, "--batch-size", 37).complaint(2)
    assert "expected a batch size of at most 36, the number of training examples; got 37. To fix: " in line


def test_too_few_drawings(call: Call) -> None:
    np.save("few.npy", np.full((9, 784), 9, np.uint8))
    assert "expected at least 10 drawings; got 9" in call("train", "houses", "--data", "few.npy").complaint(2)


def header_of(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


FILES = {
    "empty.npy": b"",
    "short.npy": header_of("(100, 784)") + b"\x00" * 784,
    "huge.npy": header_of("(1000000000, 784)"),
    "flat.npy": header_of("(784,)") + b"\x01" * 784,
    "pickle.npy": pickle.dumps([1, 2, 3]),
    "empty.ndjson": b"",
    "words.ndjson": b"once upon a time\n",
    "picture.png": b"\x89PNG",
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_drawings(call: Call, name: str) -> None:
    Path(name).write_bytes(FILES[name])
    line = call("train", "houses", "--data", name).complaint(1)
    assert "expected " in line
    assert name in line
    assert "To fix: " in line
    assert not Path("runs").exists()


def test_no_file_at_all(call: Call) -> None:
    assert "got nothing there. To fix: " in call("train", "houses", "--data", "houses.npy").complaint(1)


def test_objects_and_what_is_no_number(call: Call) -> None:
    np.save("objects.npy", np.array([{"a": 1}] * 20, object), allow_pickle=True)
    np.save("nan.npy", np.full((20, 784), np.nan))
    for name in ("objects.npy", "nan.npy"):
        assert "To fix: " in call("train", "houses", "--data", name).complaint(1)


def test_a_run_directory_in_use(call: Call, drawings: Path) -> None:
    Path("thesis").mkdir()
    Path("thesis/chapter1.tex").touch()
    line = call("train", "houses", *options(drawings, "--run", "thesis")).complaint(1)
    assert "expected a new or empty directory for the run; got thesis, which is in use. To fix: " in line
    line = call("train", "houses", *options(drawings, "--run", "thesis/chapter1.tex/run")).complaint(1)
    assert "expected to write to the run directory" in line


@pytest.mark.parametrize("verb", ["draw", "film"])
def test_a_directory_that_is_no_run(call: Call, verb: str) -> None:
    Path("empty").mkdir()
    Path("file").touch()
    for place in ("empty", "nothing", "file"):
        assert f"expected a run directory with settings.json; got {place}" in call(verb, place).complaint(1)


@pytest.mark.parametrize(("verb", "missing"), [("draw", "a checkpoint"), ("film", "pictures")])
def test_a_run_without_anything(call: Call, trained: Path, verb: str, missing: str) -> None:
    Path("run").mkdir()
    Path("run/settings.json").write_bytes((trained / "settings.json").read_bytes())
    line = call(verb, "run").complaint(1)
    assert f"expected {missing} in run/" in line
    assert "got none. To fix: train this run first" in line


@pytest.mark.parametrize(("verb", "suffixes"), [("draw", "FILE.png or FILE.npy"), ("film", "FILE.png or FILE.gif")])
def test_outputs_that_cannot_be(call: Call, trained: Path, verb: str, suffixes: str) -> None:
    for name in ("houses.jpg", "houses"):
        line = call(verb, trained, "-o", name).complaint(2)
        assert f"expected --output {suffixes}; got {name}. To fix: choose one of these" in line
    Path("folder.png").mkdir()
    for name in ("missing/houses.png", "folder.png"):
        result = call(verb, trained, "-o", name)
        assert result.code in (1, 2)
        assert "To fix: " in result.complaint(result.code)
    assert [path.name for path in Path().iterdir()] == ["folder.png"]


def test_unknown_data(call: Call) -> None:
    assert "expected the name of a data set (houses, cifar10, att, lfw); got 'cats'" in call(
        "data", "get", "cats"
    ).complaint(1)


def test_a_damaged_checkpoint_is_told(call: Call, trained: Path) -> None:
    shutil.copytree(trained, "run")
    (Path("run") / "checkpoints" / "00000012" / "state.safetensors").write_bytes(b"")
    result = call("draw", "run", "-n", 1)
    assert result.code == 0
    assert result.err.startswith("expected a whole checkpoint at run/checkpoints/00000012; got ")
    assert result.err.endswith("Drawing with step 0.\n")


def test_a_loss_that_is_no_number(call: Call, drawings: Path) -> None:
    how = options(drawings, "--steps", 50, "--learning-rate", 1e30, "--run", "run")
    line = call("train", "houses", *how).complaint(1)
    assert "expected finite numbers; got " in line
    assert "To fix: lower --learning-rate (now 1e+30)" in line
    assert call("draw", "run", "-n", 1).code == 0


@pytest.mark.parametrize("arguments", [["runs"], ["data", "list"], ["--help"]])
def test_a_reader_that_goes_away(arguments: list[str], tmp_path: Path) -> None:
    quoted = " ".join(arguments)
    script = f"'{sys.executable}' -m glassnet {quoted} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode in (0, 1)


def test_the_module_is_the_command(tmp_path: Path) -> None:
    result = run_outside("train", "castles", where=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
