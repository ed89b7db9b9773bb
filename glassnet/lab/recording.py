"""The lab's answers to the requests of its pages, written down for a report, as many as there is room for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import unquote, urlencode

from starlette.applications import Starlette
from starlette.types import Message

_LONG = 200  # characters from which a text is kept once, however often it is answered
_SHARED = "\0"  # in front of the number of such a text


@dataclass(frozen=True)
class Asked:
    """A request, as a page makes it below /api, and what was answered."""

    path: str
    params: Mapping[str, str]
    answer: Any


@final
class Recorder:
    """Asks the app of the lab itself, without a server between.

    texts: the long ones of all answers, of which the answers hold the numbers.
    """

    def __init__(self, app: Starlette, most_bytes: int):
        self._app, self._room_bytes = app, most_bytes
        self._numbers: dict[str, int] = {}
        self.asked: list[Asked] = []
        self._refused: dict[str, list[str]] = {}

    @property
    def texts(self) -> list[str]:
        return list(self._numbers)

    @property
    def notices(self) -> list[str]:
        """What was not answered, and why, each reason once."""
        return [f"left out of the report, {', '.join(paths)}: {why}" for why, paths in self._refused.items()]

    @property
    def is_full(self) -> bool:
        return self._room_bytes <= 0

    async def ask(self, path: str, **params: object) -> Any | None:
        """The answer, which is kept if there is room for it; None if there is no answer."""
        known = {name: str(value) for name, value in params.items() if value is not None}
        status, body = await _get(self._app, f"/api{path}", urlencode(known))
        answer = json.loads(body)
        if status != 200:
            self._refused.setdefault(answer["error"]["message"], []).append(path)
            return None
        new = dict.fromkeys(text for text in _long_texts(answer) if text not in self._numbers)
        numbers = {**self._numbers, **{text: len(self._numbers) + i for i, text in enumerate(new)}}
        kept = _numbered(answer, numbers)
        self._room_bytes -= len(json.dumps(kept, ensure_ascii=False).encode()) + sum(map(len, new))
        if not self.is_full:
            self._numbers = numbers
            self.asked.append(Asked(path, known, kept))
        return answer


def _long_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if len(value) >= _LONG else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in inner for text in _long_texts(part)]


def _numbered(value: Any, numbers: Mapping[str, int]) -> Any:
    """The same with the number of each long text in its place."""
    if isinstance(value, str):
        return f"{_SHARED}{numbers[value]}" if value in numbers else value
    if isinstance(value, dict):
        return {name: _numbered(part, numbers) for name, part in value.items()}
    return [_numbered(part, numbers) for part in value] if isinstance(value, list) else value


async def _get(app: Starlette, path: str, query: str) -> tuple[int, bytes]:
    """Status and body of a request, as a server would make it of a connection."""
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [], "server": ("localhost", 80), "client": None,
    }  # fmt: skip
    status, pieces = 0, list[bytes]()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            pieces.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, b"".join(pieces)
