"""A long log in few events: neighboring steps become one with their means, everything else stays as it is."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

MOST_STEPS = 2_000
_Event: TypeAlias = dict[str, Any]
_MEANS = ("loss", "gradient_norm", "learning_rate", "images_per_s")  # of the others the last is taken


class Thinned:
    """Takes lines one by one; groups of steps are all of one size, which doubles where they become too many."""

    def __init__(self) -> None:
        self._size, self._num = 1, 0
        self._whole: list[_Event] = []
        self._open: _Event | None = None  # the group that is not full yet

    def add(self, line: bytes) -> None:
        event: _Event = json.loads(line)
        if event["event"] != "stepped":
            self._whole.append(event)
            return
        self._open = event if self._open is None else _joined(self._open, event)
        if self._open.get("thinned", 1) >= self._size:
            self._whole.append(self._open)
            self._open, self._num = None, self._num + 1
        if self._num > MOST_STEPS:
            self._halve()

    def events(self) -> list[_Event]:
        return [*self._whole, *([self._open] if self._open else [])]

    def _halve(self) -> None:
        whole: list[_Event] = []
        half: _Event | None = None
        for event in self._whole:
            if event["event"] != "stepped":
                whole.append(event)
            elif half is None:
                half = event
            else:
                whole.append(_joined(half, event))
                half = None
        self._size, self._num = 2 * self._size, self._num // 2
        self._whole, self._open = whole, half


def _joined(first: _Event, second: _Event) -> _Event:
    """``thinned`` says of how many steps."""
    n, m = first.get("thinned", 1), second.get("thinned", 1)
    means = {name: (n * first[name] + m * second[name]) / (n + m) for name in _MEANS}
    return {**second, **means, "thinned": n + m}
