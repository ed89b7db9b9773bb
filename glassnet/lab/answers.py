"""What requests have in common: bodies read within bounds, values of the query, answers and errors as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from glassnet.errors import CheckpointError, DataError, GlassnetError, SettingsError
from glassnet.lab.endpoint import Schema
from glassnet.lab.schemas import check

MOST_JSON_BYTES = 64 * 2**10
_MOST_DEPTH = 32
_WAIT_S = 10.0  # for the next piece of a body
_LEAST_BYTES_PER_S = 2**18  # of a body; slower ones would hold what they came for too long


class NotFoundError(GlassnetError):
    """Something that was asked for by its name does not exist."""


class BusyError(GlassnetError):
    """More at once than this machine should do."""


class ConflictError(GlassnetError):
    """What was asked for does not go with what is going on."""


class TooLargeError(GlassnetError):
    """More than what is taken."""


class TooSlowError(GlassnetError):
    """A body that does not come."""


class TokenError(GlassnetError):
    """A request without the token of this session."""


# The first that fits; whatever else glassnet foresees is a failure of its own.
_ANSWERS: tuple[tuple[type[GlassnetError], int, str], ...] = (
    (NotFoundError, 404, "not_found"),
    (BusyError, 503, "busy"),
    (ConflictError, 409, "busy"),
    (TooLargeError, 413, "too_large"),
    (TooSlowError, 408, "too_slow"),
    (TokenError, 401, "wrong_token"),
    (SettingsError, 400, "wrong_settings"),
    (DataError, 422, "bad_data"),
    (CheckpointError, 409, "bad_run"),
    (GlassnetError, 500, "failed"),
)


def json_answer(values: Any, status: int = 200) -> Response:
    text = json.dumps(values, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate, as a file may be named, has no UTF-8.
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")


def error_answer(error: GlassnetError) -> Response:
    status, code = next((status, code) for kind, status, code in _ANSWERS if isinstance(error, kind))
    return refusal(status, code, str(error))


def refusal(status: int, code: str, message: str) -> Response:
    return json_answer({"error": {"code": code, "message": " ".join(message.split())}}, status)


async def read_json(request: Request, schema: Schema) -> dict[str, Any]:
    """The body, an object that fits the schema; raises SettingsError with a line that says what does not."""
    body = await read_bytes(request, MOST_JSON_BYTES)
    try:
        values = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"expected JSON; got something else ({error}). To fix: send an object.") from error
    if _depth(values) > _MOST_DEPTH:
        raise SettingsError(f"expected JSON nested {_MOST_DEPTH} deep at most; got more. To fix: send less.")
    check(values, schema, "the body")
    return dict(values)


async def read_bytes(request: Request, most_bytes: int) -> bytes:
    """The body, whatever its header says of its length; raises TooLargeError, TooSlowError."""
    return b"".join([piece async for piece in pieces(request, most_bytes)])


async def pieces(request: Request, most_bytes: int) -> AsyncIterator[bytes]:
    """The body as it comes."""
    total, source = 0, request.stream()
    deadline = anyio.current_time() + _WAIT_S + most_bytes / _LEAST_BYTES_PER_S
    while True:
        wait_s = min(_WAIT_S, deadline - anyio.current_time())
        piece = await _next(source, wait_s)
        if piece is None:
            return
        total += len(piece)
        if total > most_bytes:
            raise TooLargeError(f"expected at most {most_bytes:,} bytes; got more. To fix: send a smaller file.")
        yield piece


def query_text(request: Request, name: str, default: str | None = None) -> str:
    value = request.query_params.get(name, default)
    if value is None:
        raise SettingsError(f"expected {name} in the query; got none. To fix: give it.")
    return value


def query_int(request: Request, name: str, default: int | None) -> int | None:
    """``default`` where it is not given."""
    text = request.query_params.get(name)
    if text is None:
        return default
    # Python's int takes more than digits, such as 1_000, and very many of them.
    if not text.removeprefix("-").isdecimal() or len(text) > 18:
        raise SettingsError(f"expected {name} to be a whole number; got '{text[:50]}'. To fix: write its digits.")
    return int(text)


async def _next(source: AsyncIterator[bytes], wait_s: float) -> bytes | None:
    try:
        with anyio.fail_after(wait_s):
            return await anext(source, None)
    except TimeoutError as error:
        raise TooSlowError("expected the whole body of the request; got a part. To fix: send it again.") from error
    except ClientDisconnect as error:
        raise TooSlowError("expected the whole body of the request; got its end before.") from error


def _finite(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _refuse(text)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _depth(values: Any) -> int:
    depth, level = 0, [values]
    while level:
        depth += 1
        level = [
            inner
            for value in level
            if isinstance(value, Mapping | list)
            for inner in (value.values() if isinstance(value, Mapping) else value)
        ]
    return depth
