"""The race on the page: a process of its own computes it, and its lines become server-sent events as they come.

The process ends with the connection. Two races at most run at once, so that trainings keep their cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import IO, Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from glassnet.insight.nudge import RULES
from glassnet.lab.answers import BusyError, read_json
from glassnet.lab.endpoint import WHOLE, Endpoint, Schema
from glassnet.models import CLASSIFIERS
from glassnet.tasks.race import SMOOTH

_MOST_AT_ONCE = 2
_MOST_LINE_BYTES = 16 * 2**20
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

WANTED: Schema = {
    "type": "object",
    "required": ["task"],
    "additionalProperties": False,
    "properties": {
        "task": {"enum": ["houses", "cifar10", "faces"]},
        "model": {"enum": [SMOOTH, *CLASSIFIERS, "unet", "facenet"]},
        "rules": {"type": "array", "minItems": 1, "maxItems": 3, "uniqueItems": True, "items": {"enum": list(RULES)}},
        "epsilon": {"type": "number", "minimum": 1e-12, "maximum": 1.0},
        "learning_rate": {"type": "number", "minimum": 1e-9, "maximum": 1000.0},
        "steps": {"type": "integer", "minimum": 1, "maximum": 10_000},
        "minutes": {"type": "number", "minimum": 0.01, "maximum": 30.0},
        "batch_size": {"type": "integer", "minimum": 1, "maximum": 256},
        "seed": WHOLE,
    },
}

_racing: set[RaceStream] = set()


class RaceStream(StreamingResponse):
    """A race as one page sees it; there are only so many at once."""

    def __init__(self, wanted: Mapping[str, Any]):
        super().__init__(_events(wanted), media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(_racing) >= _MOST_AT_ONCE:
            raise BusyError(
                f"expected at most {_MOST_AT_ONCE} races at once; got one more. To fix: stop one, or wait for its end."
            )
        _racing.add(self)
        try:
            await super().__call__(scope, receive, send)
        finally:
            _racing.discard(self)


async def start(request: Request) -> Response:
    return RaceStream(await read_json(request, WANTED))


async def _events(wanted: Mapping[str, Any]) -> AsyncIterator[bytes]:
    async for line in _lines(wanted):
        kind = json.loads(line)["kind"]
        yield b"event: %b\ndata: %b\n\n" % (kind.encode(), line)


async def _lines(wanted: Mapping[str, Any]) -> AsyncIterator[bytes]:
    with tempfile.TemporaryFile() as words:
        process = await _process(words)
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            # stdin stays open: its end is the end of the process, also where the lab is killed.
            await process.stdin.send(json.dumps(dict(wanted)).encode() + b"\n")
            told = BufferedByteReceiveStream(process.stdout)
            is_over = False
            while not is_over:
                line = await _next(told, process, words)
                yield line
                is_over = json.loads(line)["kind"] in ("finished", "failed")
        finally:
            if process.returncode is None:
                process.kill()
            with anyio.CancelScope(shield=True):
                await process.aclose()


async def _process(words: IO[bytes]) -> Process:
    return await anyio.open_process(
        [sys.executable, "-m", "glassnet.lab.racer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=words,
        env={**os.environ, **_ONE_THREAD},
        start_new_session=True,  # Ctrl-C is for the lab, which ends its races itself
    )


async def _next(told: BufferedByteReceiveStream, process: Process, words: IO[bytes]) -> bytes:
    """The next line; one that says so if the process ended before its last."""
    try:
        return await told.receive_until(b"\n", _MOST_LINE_BYTES)
    except (anyio.EndOfStream, anyio.IncompleteRead):
        code = await process.wait()
        words.seek(0)
        said = words.read().decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit code {code}"
        message = f"expected the race to go on; got the end of its process ({reason}). To fix: start it again."
        return json.dumps({"kind": "failed", "message": message}).encode()


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/race",
        start,
        "Nudges raced against backpropagation: started, slopes, larger, progress, then finished or failed",
        body=WANTED,
        answer="text/event-stream",
    ),
)
