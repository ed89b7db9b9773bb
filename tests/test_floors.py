"""The floors of the house: imports go down, the network has one door, and what every file must be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "glassnet"
FLOORS = [
    {"errors", "trees"},
    {"autodiff"},
    {"ops"},
    {"nn", "data", "graph"},
    {"models", "optim", "runtimes"},
    {"training", "insight", "baselines"},
    {"tasks"},
    {"export"},
    {"lab", "report", "sklearn"},
    {"cli"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(path.relative_to(HOUSE).as_posix() for path in HOUSE.rglob("*.py"))
ENTRANCES = {"__init__.py", "__main__.py"}
INNER = [file for file in FILES if file not in ENTRANCES]

SERVING = {"http", "socket", "socketserver", "ssl", "uvicorn", "wsgiref"}
FETCHING = {"pooch", "urllib.request", "urllib3", "requests", "httpx", "aiohttp", "fsspec", "ftplib"} | SERVING
MAY_USE = {"data/download.py": FETCHING, "data/storage.py": {"aiohttp", "fsspec"}, "lab/server.py": SERVING}


def room_of(file: str) -> str:
    return file.split("/")[0].removesuffix(".py")


def parse(file: str) -> ast.Module:
    return ast.parse((HOUSE / file).read_text(), file)


def imports(file: str) -> Iterator[str]:
    """Every module that the file names in an import, wherever in it, as a full dotted path."""
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ["glassnet", *file.split("/")[:-1]]
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", INNER)
def test_imports_go_down(file: str) -> None:
    room = room_of(file)
    assert room in FLOOR, f"expected a room of the house; got {room}. To fix: put it into FLOORS."
    for name in imports(file):
        if name.split(".")[0] != "glassnet":
            continue
        other = name.split(".")[1]
        assert other in FLOOR, f"{file} imports {name}, which is no room"
        assert other == room or FLOOR[other] < FLOOR[room], f"{file} on floor {FLOOR[room]} imports {name}"


@pytest.mark.parametrize("file", FILES)
def test_the_network_has_one_door(file: str) -> None:
    forbidden = FETCHING - MAY_USE.get(file, set())
    for name in imports(file):
        assert not any(f"{name}.".startswith(f"{module}.") for module in forbidden), f"{file} imports {name}"


@pytest.mark.parametrize("file", INNER)
def test_has_a_docstring_and_a_measure(file: str) -> None:
    assert ast.get_docstring(parse(file))
    assert len((HOUSE / file).read_text().splitlines()) <= 500


def test_import_is_light() -> None:
    heavy = {"onnx", "onnxruntime", "torch", "PIL", "rich", "pooch", "cv2", "scipy", "sklearn"}
    program = f"import sys, glassnet; print(sorted({heavy!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_the_engine_needs_only_numpy() -> None:
    program = (
        "import sys; before = set(sys.modules); import numpy; numpys = set(sys.modules); import glassnet.ops;"
        "new = {name.split('.')[0] for name in set(sys.modules) - numpys} - set(sys.stdlib_module_names);"
        "print(sorted(new))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.strip() in ("['glassnet']", "['glassnet', 'numpy']")
