"""Names of all kinds, in a line and in a picture."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glassnet.insight.names import label, one_line, shorten, width_px


@pytest.mark.parametrize("name", ["cat", "חתול", "猫", "Bär", "great white shark", "rock'n'roll", "😀"])
def test_letters_stay(name: str) -> None:
    assert one_line(name) == name


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_breaks_a_line_or_steers_a_terminal(text: str) -> None:
    shown = one_line(text)
    assert len(shown) == len(text)
    assert len(f"{shown}|".splitlines()) == 1
    assert "\x1b" not in shown
    shown.encode()  # not so what Python makes of a name that is not UTF-8


def test_a_name_that_is_not_utf8() -> None:
    assert one_line(os.fsdecode(b"caf\xe9.png")) == "caf\N{REPLACEMENT CHARACTER}.png"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat", "cat"),
        ("B\N{LATIN SMALL LETTER A WITH DIAERESIS}r", "7 Bar"),
        ("Ba\N{COMBINING DIAERESIS}r", "7 Bar"),
        ("חתול", "7"),
        ("猫 cat", "7"),
        ("a\nb", "7"),
        (" ", "7"),
        ("", "7"),
    ],
)
def test_what_the_font_lacks_is_shown_by_number(name: str, shown: str) -> None:
    assert label(7, name) == shown


@example("MMM", 30, 14)  # an end on each side would be too wide
@given(st.text("abc MW_ij.", max_size=60), st.integers(30, 200), st.sampled_from([9, 14]))
def test_short_enough(text: str, room_px: int, size_px: int) -> None:
    short = shorten(text, room_px, size_px)
    assert width_px(short, size_px) <= room_px
    assert (short == text) == (width_px(text, size_px) <= room_px)
    if short != text:
        head, tail = short.split("…")
        assert text.startswith(head)
        assert text.endswith(tail)
        assert 0 <= len(head) - len(tail) <= 1


def test_a_name_without_end() -> None:
    assert width_px(shorten("x" * 10_000, 100, 14), 14) <= 100
