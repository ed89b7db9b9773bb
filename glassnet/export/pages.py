"""The page of a site: the lab's own modules, and what computes in a browser."""

from __future__ import annotations

from pathlib import Path

from glassnet.errors import DataError
from glassnet.export.folder import Folder

STATIC = Path(__file__).parents[1] / "lab" / "static"
_PAGE, _OTHER_PAGES = "site.html", ("index.html",)
_VENDORED = "vendor/ort/ort-wasm.bin"
# Threads in WebAssembly share memory, which browsers allow to pages that are served with these.
_HEADERS = """/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
"""


def write_pages(folder: Folder) -> None:
    """Copy the page with all that it loads of its own."""
    if not (STATIC / _VENDORED).is_file():
        raise DataError(
            f"expected onnxruntime-web in {STATIC / 'vendor'}; got nothing. To fix: install glassnet again, which "
            "fetches it."
        )
    for file in sorted(STATIC.rglob("*")):
        name = file.relative_to(STATIC).as_posix()
        if file.is_file() and name not in _OTHER_PAGES and not name.endswith(".d.ts"):
            folder.write("index.html" if name == _PAGE else name, file.read_bytes())
    folder.write("_headers", _HEADERS.encode())
