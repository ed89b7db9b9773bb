"""The requests of all modules as one app, the files of the page beside them, and every error as one line of JSON."""

from __future__ import annotations

import contextlib
import mimetypes
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from glassnet.errors import GlassnetError
from glassnet.lab import (
    children,
    classroom,
    comparison,
    description,
    inside,
    moments,
    racing,
    stream,
    tabs,
    trainings,
    tryit,
    weights,
)
from glassnet.lab.answers import error_answer, json_answer, refusal
from glassnet.lab.endpoint import Endpoint
from glassnet.lab.lab import Lab
from glassnet.lab.schemas import check_query
from glassnet.lab.worker import in_worker

# Some systems call it plain text, and a browser that may not guess runs no module then.
mimetypes.add_type("text/javascript", ".js")
STATIC = Path(__file__).parent / "static"
ENDPOINTS: tuple[Endpoint, ...] = (
    *trainings.ENDPOINTS,
    *tabs.ENDPOINTS,
    *stream.ENDPOINTS,
    *moments.ENDPOINTS,
    *inside.ENDPOINTS,
    *weights.ENDPOINTS,
    *tryit.ENDPOINTS,
    *racing.ENDPOINTS,
    *classroom.ENDPOINTS,
    *comparison.ENDPOINTS,
)
_CODES = {404: "not_found", 405: "wrong_method", 413: "too_large"}


def make_app(lab: Lab, say: Callable[[str], None] = print, warms_up: bool = False) -> Starlette:
    """``say`` gets what the terminal should read when the server ends.

    warms_up: have the worker import at once what the first page takes, which is seconds of it.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            if warms_up:
                tasks.start_soon(in_worker, trainings.of_this_machine, 1)
            yield
            tasks.cancel_scope.cancel()
        await children.stop(lab.children, say)

    app = Starlette(
        routes=[
            *map(_route, (*ENDPOINTS, _DESCRIPTION)),
            Mount(f"/{tabs.PLACE}", StaticFiles(directory=lab.sites.folder, html=True)),
            Mount("/", StaticFiles(directory=STATIC, html=True)),
        ],
        exception_handlers={GlassnetError: _on_error, HTTPException: _on_http_error, Exception: _on_bug},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # there is one address for each thing
    app.state.lab = lab
    return app


def _route(endpoint: Endpoint) -> Route:
    async def handle(request: Request) -> Response:
        check_query(request.query_params, endpoint.query, endpoint.required)
        return await endpoint.handle(request)

    return Route(endpoint.path, handle, methods=[endpoint.method])


async def _describe(_: Request) -> Response:
    return json_answer(description.of((*ENDPOINTS, _DESCRIPTION)))


async def _on_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, GlassnetError)
    return error_answer(error)


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"expected one of the lab's requests; got another ({error.detail})."
    answer = refusal(error.status_code, _CODES.get(error.status_code, "failed"), message)
    answer.headers.update(error.headers or {})
    return answer


async def _on_bug(_: Request, error: Exception) -> Response:
    """What happened is for the terminal, where uvicorn writes it; a page is told no more than that it did."""
    return refusal(500, "failed", f"expected an answer; got {type(error).__name__}, a mistake of glassnet.")


_DESCRIPTION = Endpoint("GET", "/api/openapi.json", _describe, "This description of all requests")
