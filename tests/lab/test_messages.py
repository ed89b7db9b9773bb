"""What the engine says of itself, in the languages of the page: each phrase of the source is there, and no other."""

from __future__ import annotations

import json
import re

import pytest

from tests.lab.message_parts import STATIC, page_parts, python_parts


@pytest.fixture(scope="module")
def phrases() -> dict[str, str]:
    found: dict[str, str] = json.loads((STATIC / "strings" / "he_messages.json").read_text(encoding="utf-8"))
    return found


def test_all_that_the_engine_says_has_its_hebrew(phrases: dict[str, str]) -> None:
    said = python_parts() | page_parts()
    assert sorted(said - phrases.keys()) == [], "add these to strings/he_messages.json"
    assert sorted(phrases.keys() - said) == [], "nothing says these any more: take them out of strings/he_messages.json"


def test_phrases_are_whole(phrases: dict[str, str]) -> None:
    for english, hebrew in phrases.items():
        assert hebrew.strip() == hebrew != "", english
        assert sorted(re.findall(r"\{\d+\}", english)) == sorted(re.findall(r"\{\d+\}", hebrew)), english
        words = re.sub(r"\{\d+\}|--[a-z-]+|\W", " ", english).split()
        assert re.search("[א-ת]", hebrew) or all(word in hebrew for word in words if word not in ("to", "be")), english


def test_commands_and_options_stay_what_one_types(phrases: dict[str, str]) -> None:
    for english, hebrew in phrases.items():
        for word in re.findall(r"`[^`]+`|--[a-z-]*[a-z]", english):
            assert word in hebrew, english
