"""The documentation, compared with what it speaks of."""

import dataclasses
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from glassnet.cli.main import glassnet
from glassnet.training import Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
# Without .venv, which is not ours and has more files than all the rest.
FOLDERS_WITH_CODE = [path for path in sorted(ROOT.iterdir()) if path.is_dir() and path.name != ".venv"]
TEXTS = [
    path
    for folder, pattern in (
        *((ROOT, pattern) for pattern in ("*.*", "Makefile", ".ci/*", "docs/**/*.md")),
        *((folder, "**/*.py") for folder in FOLDERS_WITH_CODE),
    )
    for path in sorted(folder.glob(pattern))
    if path.is_file()
]
# The name of a file or folder in backquotes: it ends in a slash or in an ending that we use.
NAMED_FILE = re.compile(r"`([\w./-]+(?:/|\.(?:py|md|toml|txt|json)))`")
# Where a name without its folder may stand: the pages leave out `glassnet/`.
FOLDERS = ("", "glassnet/", "glassnet/runtimes/")
WRITTEN_BY_A_RUN = re.compile(
    r"runs/|checkpoints/|(checkpoint|settings|task|calibration|control)\.json|look/|history/|pictures/"
)
THIS_MACHINE = re.compile(r"/(work|root|opt|builds|Users)/[\w.]")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """The words of each line in the sh blocks, without comments and settings of the environment."""
    lines = [line.split(" #")[0].split() for block in blocks(page, "sh") for line in block.splitlines()]
    return [[word for word in line if "=" not in word] for line in lines if line]


def targets() -> set[str]:
    """What the Makefile offers: the targets with a line of explanation."""
    return set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_readme_is_short_and_shows_something() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert (ROOT / picture).stat().st_size < 150_000


def test_the_network_of_the_readme_learns() -> None:
    (program,) = blocks(ROOT / "README.md", "python")
    ran = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    by_rule, by_nudge, slope, offset = map(float, ran.stdout.split())
    assert by_rule == pytest.approx(by_nudge, abs=1e-4)
    assert (slope, offset) == pytest.approx((3.0, 2.0), abs=1e-3)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    root = click.Context(glassnet, **glassnet.context_settings)
    for program, *arguments in commands(page):
        name = program.split("/")[-1]
        assert name in ("glassnet", "make", "."), f"{page.name} names the program {program}"
        if name == "make":
            assert arguments[0] in targets()
        elif name == "glassnet":
            verb = glassnet.commands[arguments[0]]
            with verb.make_context(arguments[0], arguments[1:], parent=root):
                pass


def test_targets_are_documented() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert {"setup", "demo", "test", "check", "bench"} <= targets()
    assert {target for target in targets() - {"help"} if f"| `make {target}` |" not in text} == set()


def test_make_lists_its_targets() -> None:
    listed = subprocess.run(["make", "--silent"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == targets()


def test_generated_pages_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "tools" / "write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    write_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(write_docs)
    for name, text in write_docs.pages().items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, f"docs/{name} is old. To fix: make docs"


def test_settings_are_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert names == [field.name for field in dataclasses.fields(Settings)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {*NAMED_FILE.findall(text), *re.findall(r"\]\((?!http)([^)]+)\)", text)}
    inside = {name for name in named if not name.startswith("../") and not WRITTEN_BY_A_RUN.match(name)}
    assert {name for name in inside if not any((ROOT / folder / name).exists() for folder in FOLDERS)} == set()


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    found = {path.name for path in TEXTS if THIS_MACHINE.search(path.read_text(encoding="utf-8", errors="replace"))}
    assert found == set()
