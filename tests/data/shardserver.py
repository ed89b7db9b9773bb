"""A server on loopback for the tests of shards: a folder, in parts, and it falters when told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Server(ThreadingHTTPServer):
    """Serves the files of `folder`; remembers the ranges it was asked for."""

    daemon_threads = True
    knows_ranges = True
    failing = 0
    """So many answers more are that it is busy."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.ranges: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/out"


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """One that runs."""
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        with self.server.lock:
            self.server.ranges.append(asked)
            is_busy, self.server.failing = self.server.failing > 0, self.server.failing - 1
        path = self.server.folder / self.path.removeprefix("/out/")
        if is_busy or not path.is_file():
            return self._answer(503 if is_busy else 404, b"")
        content = path.read_bytes()
        if not asked or not self.server.knows_ranges:
            return self._answer(200, content)
        first, last = map(int, asked.removeprefix("bytes=").split("-"))
        return self._answer(206 if first < len(content) else 416, content[first : last + 1])

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
