"""One request that the lab answers: what the routes, the checks and the description of the interface are made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

Schema: TypeAlias = Mapping[str, Any]  # of JSON Schema
Handle: TypeAlias = Callable[[Request], Awaitable[Response]]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}


@dataclass(frozen=True)
class Endpoint:
    """``query``: schema by name, ``required`` those that must be there; ``{run}`` in the path is the name of a run.

    body: schema of the JSON that it takes, or the media type of raw bytes that it takes. answers: by status, what the
    answer is (a media type, JSON where none is said).
    """

    method: str
    path: str
    handle: Handle
    summary: str
    query: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    body: Schema | str | None = None
    answer: str = "application/json"
    status: int = 200
