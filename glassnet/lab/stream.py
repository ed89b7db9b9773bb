"""The events of a run as they come, as server-sent events: the log is read once, however many pages watch.

Lines of the log go out as they are. What a page has missed is read from the log again, thinned out where it is long,
and so is all for a page that cannot keep up: nothing waits for it.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from glassnet.lab.answers import BusyError, NotFoundError
from glassnet.lab.digest import open_plain, whole_lines
from glassnet.lab.endpoint import Endpoint
from glassnet.lab.lab import Lab
from glassnet.lab.overview import EVENTS
from glassnet.lab.thinning import Thinned

_INTERVAL_S = 0.25  # from one message of events to the next
_INTERVAL_PER_PAGE_S = 0.1  # at least so long for each page: what they draw takes from the training
_STATUS_INTERVAL_S = 1.0
_PING_INTERVAL_S = 15.0
_END_BYTES = 2**16  # more than a line has
_POSITION = re.compile("[0-9]{1,15}")
_MOST_KEPT = 40  # of the last pieces of a log, for pages that are a little behind


@dataclass(frozen=True)
class _Piece:
    """Lines of a log from ``start`` to ``end``, as JSON has them in a list."""

    start: int
    end: int
    events: bytes


class Tail:
    """The end of one log, shared by those who watch it."""

    def __init__(self, lab: Lab, name: str):
        self.num_watching = 0
        self.generation = 0  # another one for another log in the place of the first
        self.position = 0  # of the end of the last whole line
        self.status: dict[str, Any] = {}
        self._lab, self._name, self._log = lab, name, lab.runs / name / EVENTS
        self._inode = 0
        self._pieces: deque[_Piece] = deque(maxlen=_MOST_KEPT)
        self._lock = anyio.Lock()
        self._read_at = self._asked_at = -math.inf

    async def read_on(self) -> None:
        """Whoever comes first after a while reads for all. Raises NotFoundError if the run is gone."""
        async with self._lock:
            now = anyio.current_time()
            if now - self._read_at >= 0.9 * _INTERVAL_S:
                await self._lab.read(self._take)
                self._read_at = now
            if now - self._asked_at >= _STATUS_INTERVAL_S:
                self.status = await self._lab.read(self._ask)
                self._asked_at = now

    async def since(self, position: int) -> _Piece:
        """What came after ``position``."""
        kept = [piece for piece in self._pieces if piece.start >= position]
        if kept and kept[0].start == position:
            return _Piece(position, kept[-1].end, b",".join(piece.events for piece in kept if piece.events))
        return await self._lab.read(self._missed, position)

    def _take(self) -> None:
        with suppress(OSError), open_plain(self._log) as log:
            about = os.fstat(log.fileno())
            if about.st_ino != self._inode or about.st_size < self.position:
                self._begin(log, about)
            if about.st_size == self.position:
                return
            for lines in whole_lines(log, self.position):
                end = self.position + len(lines)
                self._pieces.append(_Piece(self.position, end, b",".join(_events_in(lines))))
                self.position = end

    def _begin(self, log: BinaryIO, about: os.stat_result) -> None:
        """At the end, since what is there already is read for each page when it comes."""
        self.generation += self._inode != 0
        self._inode = about.st_ino
        self._pieces.clear()
        start = max(0, about.st_size - _END_BYTES)
        log.seek(start)
        self.position = start + log.read(_END_BYTES).rfind(b"\n") + 1

    def _missed(self, position: int) -> _Piece:
        """Out of the log, thinned out."""
        thinned = Thinned()
        with suppress(OSError), open_plain(self._log) as log:
            for lines in whole_lines(log, position):
                for line in _events_in(lines[: self.position - position]):
                    thinned.add(line)
                position = min(position + len(lines), self.position)
        events = ",".join(json.dumps(event, separators=(",", ":")) for event in thinned.events())
        return _Piece(position, position, events.encode())

    def _ask(self) -> dict[str, Any]:
        return self._lab.overview.status(self._name, self._lab.find(self._name))


class EventStream(StreamingResponse):
    """To one page; there are only so many at once."""

    def __init__(self, lab: Lab, name: str, position: int | None):
        self._lab, self._name = lab, name
        super().__init__(self._messages(position), media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._num_pages() >= self._lab.most_streams:
            raise BusyError(
                f"expected at most {self._lab.most_streams} pages that watch at once; got one more. To fix: close some."
            )
        tail = self._lab.tails.setdefault(self._name, Tail(self._lab, self._name))
        tail.num_watching += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            tail.num_watching -= 1
            if not tail.num_watching:
                del self._lab.tails[self._name]

    def _num_pages(self) -> int:
        return sum(tail.num_watching for tail in self._lab.tails.values())

    async def _messages(self, position: int | None) -> AsyncIterator[bytes]:
        tail: Tail = self._lab.tails[self._name]
        status: dict[str, Any] = {}
        num_pages = 0
        told_at = -math.inf
        with suppress(NotFoundError):  # deleted while it was watched
            await tail.read_on()
            generation = tail.generation
            is_reset = position is not None and position > tail.position
            position = position or 0
            while True:
                messages = []
                if is_reset or generation != tail.generation:
                    is_reset, generation, position = False, tail.generation, 0
                    messages.append(_message("reset", b"{}"))
                # Of the step the events tell.
                if status != {**tail.status, "step": None}:
                    status = {**tail.status, "step": None}
                    messages.append(_message("status", json.dumps(tail.status).encode()))
                if num_pages != self._num_pages():
                    num_pages = self._num_pages()
                    messages.append(_message("watching", b'{"pages": %d}' % num_pages))
                if position < tail.position:
                    piece = await tail.since(position)
                    position = piece.end
                    if piece.events:
                        messages.append(_message("events", b"[%b]" % piece.events, position))
                if not messages and anyio.current_time() - told_at >= _PING_INTERVAL_S:
                    messages.append(_message("ping", b"{}"))
                if messages:
                    told_at = anyio.current_time()
                    yield b"".join(messages)
                await anyio.sleep(max(_INTERVAL_S, num_pages * _INTERVAL_PER_PAGE_S))
                await tail.read_on()


def _message(kind: str, data: bytes, position: int | None = None) -> bytes:
    where = b"" if position is None else b"id: %d\n" % position
    return b"event: %b\n%bdata: %b\n\n" % (kind.encode(), where, data)


def _events_in(lines: bytes) -> list[bytes]:
    """Those that look like ours; what a crash of the machine left of a line would spoil the list for a page."""
    return [line for line in lines.split(b"\n") if line.startswith(b'{"event": "') and line.endswith(b"}")]


async def watch(request: Request) -> Response:
    lab, name = request.app.state.lab, request.path_params["run"]
    lab.find(name)
    last = request.headers.get("Last-Event-ID")
    return EventStream(lab, name, int(last) if last and _POSITION.fullmatch(last) else None)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/runs/{run}/events",
        watch,
        "Lists of the events of a run (what came after the header Last-Event-ID, if it is there), its status when that "
        "changes, watching with the number of open pages, reset where another log is in the place of the first",
        answer="text/event-stream",
    ),
)
