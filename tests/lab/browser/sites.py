"""Exported sites with the real page, and a server for them: with the headers that threads need, or without."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from glassnet.export.subject import Subject
from tests.export.sites import export_small

GIVEN: dict[str, dict[str, Any]] = {
    "cifar10": {"batch_size": 32, "steps": 12},
    "houses": {"batch_size": 8, "steps": 4},
    "faces": {"batch_size": 4, "steps": 3, "crop": False},
}


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        if getattr(self.server, "is_isolated", False):
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def make(task: str, where: Path, **given: Any) -> tuple[Path, Subject]:
    """A small site, as `glassnet export --web` writes it, and what was exported."""
    with pytest.MonkeyPatch.context() as patch:
        site = export_small(task, where, patch, {**GIVEN[task], **given})
    return site.folder, site.subject


@contextmanager
def served(site: Path, is_isolated: bool = True) -> Iterator[str]:
    """Its address on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(site)))
    server.is_isolated = is_isolated  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
