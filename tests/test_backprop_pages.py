"""The pages on backpropagation: their programs print what stands below them, and both languages show the same."""

import itertools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from glassnet.cli.main import glassnet

ROOT = Path(__file__).parents[1]
ENGLISH, HEBREW = ROOT / "docs" / "backprop.md", ROOT / "docs" / "he" / "backprop.md"
PAGES = pytest.mark.parametrize("page", [ENGLISH, HEBREW], ids=["english", "hebrew"])

# Runs programs in one namespace, as a reader does who pastes one after another, and tells what each printed.
RUNNER = """
import contextlib, io, json, sys
namespace, printed = {"__name__": "__main__"}, []
for number, program in enumerate(json.load(sys.stdin), 1):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(program, f"program {number}", "exec"), namespace)
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""
FENCED = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\n]+)\)")
FILE = re.compile(r"`([\w./-]+\.(?:py|md))`")


class Block(NamedTuple):
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCED.findall(page.read_text(encoding="utf-8"))]


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def programs() -> list[tuple[str, str]]:
    """Each program of the English page, and what the page says it prints."""
    listed = [*blocks(ENGLISH), Block("end", "")]
    return [
        (block.text, after.text if after.language == "output" else "")
        for block, after in itertools.pairwise(listed)
        if block.language == "python"
    ]


@pytest.mark.slow
def test_programs_print_what_the_page_says() -> None:
    said = programs()
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNNER],
        input=json.dumps([program for program, _ in said]), capture_output=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [expected for _, expected in said]


@PAGES
def test_an_output_stands_below_its_program(page: Path) -> None:
    languages = [block.language for block in blocks(page)]
    assert set(languages) == {"python", "output", "text", "sh"}
    assert all(languages[place - 1] == "python" for place, name in enumerate(languages) if name == "output")
    assert len(re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)) == 2 * len(languages)


def test_both_pages_show_the_same_code() -> None:
    assert blocks(HEBREW) == blocks(ENGLISH)


def test_both_pages_have_the_same_order() -> None:
    """Headings, paragraphs and programs, one for one."""

    def order(page: Path) -> list[str]:
        text = re.sub(r"^</?div.*>$", "", FENCED.sub("@\n", page.read_text(encoding="utf-8")), flags=re.MULTILINE)
        signs = {"#": "heading", "@": "code"}
        return [signs.get(part[0], "words") for part in re.split(r"\n\s*\n", text.strip())]

    assert order(HEBREW) == order(ENGLISH)


def test_hebrew_runs_from_right_to_left_and_code_from_left_to_right() -> None:
    text = FENCED.sub("@\n", HEBREW.read_text(encoding="utf-8"))
    without_code = re.sub(r'^<div dir="ltr">\n\n(@\n\n)+</div>$', "", text, flags=re.MULTILINE)
    assert "@" not in without_code
    assert re.fullmatch(r'<div dir="rtl" lang="he">\n\n[^<>]+\n\n</div>\n', without_code)


def test_hebrew_begins_each_paragraph_in_hebrew() -> None:
    """Where a page gives a paragraph the direction of its first letter, that letter must be Hebrew."""
    parts = [part for part in re.split(r"\n\s*\n", prose(HEBREW)) if part.strip() and not part.startswith("<")]
    first = [re.search(r"[^\W\d_]", part) for part in parts]
    assert [part for part, letter in zip(parts, first, strict=True) if not ("א" <= letter[0] <= "ת")] == []


def test_code_within_hebrew_keeps_its_order() -> None:
    """A sign at either end of a piece of code would jump to its other side."""
    pieces = [piece for piece in INLINE.findall(prose(HEBREW)) if re.search(r"\w", piece)]
    assert len(pieces) > 10
    assert [piece for piece in pieces if not re.fullmatch(r"[A-Za-z](.*\w)?", piece)] == []


@PAGES
def test_named_files_exist(page: Path) -> None:
    text = prose(page)
    targets = [target for _, target in LINK.findall(text)]
    assert len(targets) >= 3
    assert [target for target in targets if not (page.parent / target).is_file()] == []
    named = FILE.findall(text)
    assert len(named) >= 3
    assert [name for name in named if not (ROOT / name).is_file()] == []


@PAGES
def test_commands_exist(page: Path) -> None:
    root = click.Context(glassnet, **glassnet.context_settings)
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    assert len(lines) >= 2
    for line in lines:
        program, verb, *arguments = shlex.split(line)
        assert program == "glassnet"
        with glassnet.commands[verb].make_context(verb, arguments, parent=root):
            pass
