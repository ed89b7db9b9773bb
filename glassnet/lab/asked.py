"""What requests about a run ask for: which run, which moment of it, and a picture that comes along."""

from __future__ import annotations

from starlette.requests import Request

from glassnet.errors import DataError
from glassnet.lab.answers import query_int, read_bytes
from glassnet.lab.endpoint import WHOLE, Schema
from glassnet.lab.lab import Lab

STEP: Schema = {**WHOLE, "description": "The weights kept last at or before it; without it the newest checkpoint."}
BYTES = "application/octet-stream"
MOST_BYTES = 20_000_000  # of a picture


def path_of(request: Request) -> str:
    """Of the run that the path of the request names; raises NotFoundError."""
    lab: Lab = request.app.state.lab
    return str(lab.path(request.path_params["run"]))


def step_of(request: Request) -> int | None:
    """None for the newest checkpoint."""
    return query_int(request, "step", None)


async def picture_of(request: Request) -> bytes:
    """The raw body."""
    content = await read_bytes(request, MOST_BYTES)
    if not content:
        raise DataError("expected a picture; got nothing. To fix: send the bytes of a file.")
    return content
