"""What the data tests share: a machine without data, the real drawings where they are, a server on loopback."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without $GLASSNET_DATA whose cache folder is empty."""
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    folder = tmp_path / "cache" / "glassnet"
    monkeypatch.setattr("glassnet.data.locate.cache_folder", lambda: folder)
    return folder


@pytest.fixture(scope="session")
def real_houses() -> Path:
    """The folder of real drawings; what needs it is left out where it is not."""
    base = Path(os.environ.get("GLASSNET_DATA") or ROOT.parent / "shared" / "data")
    if not (base / "houses" / "quickdraw_house_rows_0_3498.npy").is_file():
        pytest.skip("needs $GLASSNET_DATA or ../shared/data")
    return base / "houses"


class Server(ThreadingHTTPServer):
    """Serves `content`; misbehaves when told to; remembers the ranges it was asked for."""

    content = b""
    status = 0
    knows_ranges = True
    cut_after: int | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/house.npy"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        first = int(asked.removeprefix("bytes=").split("-")[0]) if asked and self.server.knows_ranges else 0
        body = self.server.content[first:]
        past_the_end = 416 if asked and self.server.knows_ranges and not body else 0
        self.send_response(self.server.status or past_the_end or (206 if first else 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
