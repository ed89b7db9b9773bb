"""What the tests of the command line share: a few drawings, a small run, and ways to call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from glassnet.cli.main import main
from glassnet.data.drawn import draw_houses

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "glassnet"]
# A network takes so many pictures in each call, however few there are, a threshold is chosen by so many strangers, and
# a drawing is walked to in so many steps: most of the work of a small training.
FEWER = {
    ("glassnet.tasks.recognition", "_NUM_EMBEDDED"): 8,
    ("glassnet.tasks.recognition", "NUM_COMPOSED"): 64,
    ("glassnet.tasks.classification", "_NUM_PREDICTED"): 16,
    ("glassnet.tasks.houses", "NUM_STEPS"): 3,
}


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """stdout, which must be one JSON object that everyone can read."""
        values = json.loads(self.out, parse_constant=pytest.fail)
        assert isinstance(values, dict)
        return values

    def complaint(self, code: int) -> str:
        """The message of a failure: one line on stderr, after the lines of progress; nothing on stdout."""
        assert (self.code, self.out) == (code, ""), self
        assert "Traceback" not in self.err
        line = self.err.splitlines()[-1]
        assert line.startswith("glassnet: ")
        assert self.err.count("glassnet: ") == 1
        return line


Call = Callable[..., Result]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """`glassnet` in this process, in an empty directory, by a user without data."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    monkeypatch.setattr("glassnet.data.locate.cache_folder", lambda: tmp_path / "cache")
    for (module, name), num in FEWER.items():
        monkeypatch.setattr(f"{module}.{name}", num)

    def call(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawings") / "houses.npy"
    np.save(path, draw_houses(40, seed=1))
    return path


def options(drawings: Path, *more: object) -> list[str]:
    """Of a training that takes a second."""
    return [str(option) for option in ("--data", drawings, "--batch-size", 4, *more)]


def run_outside(
    *arguments: object, where: Path, command: Sequence[str] = COMMAND, **how: Any
) -> subprocess.CompletedProcess[str]:
    """`glassnet` in a process of its own."""
    words = [*command, *map(str, arguments)]
    return subprocess.run(words, cwd=where, env=environment(), capture_output=True, text=True, check=False, **how)


def quick_command(first: str = "", then: str = "sys.exit(main())") -> list[str]:
    """`glassnet` with less work where few pictures are asked for; ``first`` is run before it."""
    fewer = "".join(f"import {module}\n{module}.{name} = {num}\n" for (module, name), num in FEWER.items())
    return [sys.executable, "-c", f"import sys\n{first}{fewer}from glassnet.cli.main import main\n{then}"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "GLASSNET_DATA": ""}


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder for looking at, not for changing, that the first of all processes of tests fills."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"shared {name}"
    made = folder.with_suffix(".made")
    with FileLock(folder.with_suffix(".lock")):
        if not made.exists():
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def trained(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of twelve steps; for looking at, not for changing."""
    where = tmp_path_factory.mktemp("trained")
    how = options(drawings, "--steps", 12, "--run", "run")
    result = run_outside("train", "houses", *how, where=where, command=quick_command())
    assert result.returncode == 0, result.stderr
    return where / "run"
