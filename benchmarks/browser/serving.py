"""A web server on this machine alone, whose pages may share memory between their threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar


class _Handler(SimpleHTTPRequestHandler):
    """Serves several folders, each below its own first part of the path."""

    extensions_map: ClassVar = {
        **SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"
    }  # fmt: skip
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, folders: Mapping[str, Path]):
        self._folders = folders
        super().__init__(*arguments)

    def translate_path(self, path: str) -> str:
        first = path.strip("/").partition("/")[0]
        name = first if first in self._folders else ""
        self.directory = str(self._folders[name])
        return super().translate_path(path.removeprefix(f"/{name}") if name else path)

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served(folders: Mapping[str, Path]) -> Iterator[str]:
    """The address of a server of the folders, by the first part of the path; "" is for all others."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, folders=folders))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
