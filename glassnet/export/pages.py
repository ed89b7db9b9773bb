"""The page of a site: the lab's own modules, and what computes in a browser."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from glassnet.errors import DataError
from glassnet.export.folder import Folder

STATIC = Path(__file__).parents[1] / "lab" / "static"
_PAGE, _OTHER_PAGES = "site.html", ("index.html",)
ENGINE = tuple(f"vendor/ort/{name}" for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm.bin"))
_FIRST = ("strings/en.json", "views/run.css", *ENGINE)  # what modules load by names that they put together
# What a page links, a module imports and a worker is made of, as all of them are written here.
_LOADED = re.compile(
    r"""^(?:import|export)\b[^"';]*?"(\.{1,2}/[^"]+)"|^} from "(\.{1,2}/[^"]+)"|new Worker\(new URL\("([^"]+)\""""
    r"""|<(?:link|script)\b[^>]*\b(?:href|src)="([^"]+)\"""",
    re.MULTILINE,
)
# Threads in WebAssembly share memory, which browsers allow to pages that are served with these.
_HEADERS = """/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
"""


def write_pages(folder: Folder) -> None:
    """Copy the page with all that it loads of its own."""
    if not (STATIC / ENGINE[-1]).is_file():
        raise DataError(
            f"expected onnxruntime-web in {STATIC / 'vendor'}; got nothing. To fix: install glassnet again, which "
            "fetches it."
        )
    for file in sorted(STATIC.rglob("*")):
        name = file.relative_to(STATIC).as_posix()
        if file.is_file() and name not in _OTHER_PAGES and not name.endswith(".d.ts"):
            folder.write("index.html" if name == _PAGE else name, file.read_bytes())
    folder.write("_headers", _HEADERS.encode())


def first_pages(folder: Folder) -> set[str]:
    """The files of the page that a browser loads before a training begins."""
    found = {name for name in _FIRST if name in folder.sizes}
    waiting = ["index.html"]
    while waiting:
        name = waiting.pop()
        if name in found or name not in folder.sizes:
            continue
        found.add(name)
        text = (folder.path / name).read_text(encoding="utf-8") if name.endswith((".html", ".js")) else ""
        loaded = ("".join(match.groups("")) for match in _LOADED.finditer(text))
        waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) for path in loaded]
    return found
