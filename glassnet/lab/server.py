"""The one place that opens a port: on this machine only, for one session with its own token."""

from __future__ import annotations

import secrets
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from glassnet.errors import GlassnetError
from glassnet.lab.app import make_app
from glassnet.lab.guard import Guard
from glassnet.lab.lab import Lab

HOST = "127.0.0.1"
_MOST_CONNECTIONS = 256
_REQUEST_WITHIN_S = 10.0  # from a connection to its first request, and from the first to the last byte of a header
_LET_GO_S = 1  # open streams have no end of their own when the server ends


class PatientProtocol(H11Protocol):
    """HTTP on a connection, which has to say what it wants soon.

    Of more connections than are held at once, the one that has waited longest with no request gives way to the new
    one: whoever opens thousands and says nothing does not keep the page out.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._patience = self.loop.call_later(_REQUEST_WITHIN_S, self._lose_patience)
        if len(self.connections) > _MOST_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._patience.cancel()
        self._patience = self.loop.call_later(_REQUEST_WITHIN_S, self._lose_patience)

    def is_waiting(self) -> bool:
        """Whether it asks for nothing."""
        return self.cycle is None or self.cycle.response_complete

    def _lose_patience(self) -> None:
        if self.is_waiting():
            self.transport.abort()

    def _make_room(self) -> None:
        waiting = [one for one in self.connections if isinstance(one, PatientProtocol) and one.is_waiting()]
        min(waiting, key=lambda one: one._patience.when()).transport.abort()


class BriefServer(uvicorn.Server):
    """One that hangs up when it ends: pages that watch would not end by themselves."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await super().shutdown(sockets)


def listen(port: int) -> socket.socket:
    """A socket of this machine only; 0 lets the system choose a port. Raises GlassnetError if it is taken."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((HOST, port))
        opened.listen(128)
    except OSError as error:
        opened.close()
        raise GlassnetError(
            f"expected port {port} to be free; got '{error.strerror}'. To fix: choose another --port, or none."
        ) from error
    return opened


def serve(runs: Path, port: int, open_at: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; ``open_at`` gets the address as soon as it can be opened, ``say`` what else there is."""
    with listen(port) as opened, tempfile.TemporaryDirectory(prefix="glassnet-lab-") as scratch:
        port = opened.getsockname()[1]
        token = secrets.token_urlsafe(32)
        server = make_server(make_app(Lab(runs.absolute(), Path(scratch)), say, warms_up=True), port, token)
        open_at(f"http://{HOST}:{port}/#token={token}")
        server.run([opened])


def make_server(app: ASGIApp, port: int, token: str) -> uvicorn.Server:
    """Guarded, and with bounds on what connections may take."""
    return BriefServer(_config(Guard(app, port, token)))


def _config(app: Guard) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=_LET_GO_S,
        h11_max_incomplete_event_size=16 * 2**10,
    )
