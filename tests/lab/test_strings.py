"""The texts of the page: both languages have the same, and what the modules ask for is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

STATIC = Path(__file__).parents[2] / "glassnet" / "lab" / "static"
MODULES = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)
Catalogue: TypeAlias = dict[str, str | dict[str, str]]
# By Intl.PluralRules. What is said of a number of things has all of them.
PLURALS = {"en": {"one", "other"}, "he": {"one", "two", "other"}}
ASKED = re.compile(r"""\b(?:t|count|has)\(\s*(["`])([^"`]*)\1""")
# A key that is put together, or handed to a part that asks for it.
MENTIONED = re.compile(r"""["`]([a-z_]+\.[\w.]+)["`]""")


def catalogue(language: str) -> Catalogue:
    found: Catalogue = json.loads((STATIC / "strings" / f"{language}.json").read_text(encoding="utf-8"))
    return found


def texts(entry: str | dict[str, str]) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry.values())


def placeholders(entry: str | dict[str, str]) -> set[str]:
    """Of a number that is said in words, such as "one picture", there need be none."""
    return {name for text in texts(entry) for name in re.findall(r"\{(\w+)\}", text)}


def asked() -> Iterator[tuple[str, str]]:
    """Module and key; `${...}` in it stands for anything."""
    for module in MODULES:
        for _, key in ASKED.findall(module.read_text(encoding="utf-8")):
            yield module.relative_to(STATIC).as_posix(), key


def test_both_languages_have_the_same_texts() -> None:
    english, hebrew = catalogue("en"), catalogue("he")
    assert english.keys() == hebrew.keys()
    for key, entry in english.items():
        assert isinstance(entry, str) == isinstance(hebrew[key], str), key
        assert placeholders(entry) == placeholders(hebrew[key]), key


@pytest.mark.parametrize("language", PLURALS)
def test_texts_are_whole(language: str) -> None:
    for key, entry in catalogue(language).items():
        assert all(text.strip() == text != "" for text in texts(entry)), key
        if not isinstance(entry, str):
            assert entry.keys() == PLURALS[language], key


def test_hebrew_is_hebrew() -> None:
    """But for names of things that have none in Hebrew."""
    for key, entry in catalogue("he").items():
        english = catalogue("en")[key]
        assert any(re.search("[א-ת]", text) for text in texts(entry)) or texts(entry) == texts(english), key


@pytest.mark.parametrize(("module", "key"), sorted(set(asked())))
def test_what_is_asked_for_is_there(module: str, key: str) -> None:
    pattern = ".+".join(re.escape(part) for part in re.split(r"\$\{[^}]*\}", key))
    assert any(re.fullmatch(pattern, known) for known in catalogue("en")), f"{module} asks for '{key}'"


def test_nothing_is_there_for_nobody() -> None:
    source = "\n".join(module.read_text(encoding="utf-8") for module in MODULES)
    mentioned = set(MENTIONED.findall(source))
    patterns = {
        ".+".join(re.escape(part) for part in re.split(r"\$\{[^}]*\}", key)) for _, key in asked() if "${" in key
    }
    patterns |= {
        ".+".join(re.escape(part) for part in re.split(r"\$\{[^}]*\}", key))
        for key in re.findall(r"`([a-z_]+\.[^`\s]*\$\{[^`]*)`", source)
    }
    unused = [
        key
        for key in catalogue("en")
        if key not in mentioned and not any(re.fullmatch(pattern, key) for pattern in patterns)
    ]
    assert unused == []
