"""The page of a site has everything that it loads, and loads nothing else before a training begins."""

from __future__ import annotations

import gzip
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from glassnet.errors import DataError
from glassnet.export import pages
from glassnet.export.folder import Folder
from glassnet.export.pages import first_pages, write_pages

IMPORTED = re.compile(r'(?:\bfrom|\bimport\()\s*"(\.{1,2}/[^"]+)"')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("page"))
    write_pages(folder)
    return folder


def modules(folder: Folder) -> Iterator[tuple[str, str]]:
    for name in folder.sizes:
        if name.endswith(".js") and not name.startswith("vendor/"):
            lines = (folder.path / name).read_text(encoding="utf-8").splitlines()
            yield name, "\n".join(line for line in lines if "@typedef" not in line and not line.startswith(" *"))


def test_whatever_a_module_imports_is_there(folder: Folder) -> None:
    for name, text in modules(folder):
        for path in IMPORTED.findall(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) in folder.sizes, (name, path)


def test_the_first_page_is_the_sites(folder: Folder) -> None:
    text = (folder.path / "index.html").read_text(encoding="utf-8")
    assert 'src="site.js"' in text
    assert "site.html" not in folder.sizes
    for path in re.findall(r'(?:href|src)="([^"]+)"', text):
        assert path in folder.sizes


def test_what_is_loaded_first(folder: Folder) -> None:
    first = first_pages(folder)
    needed = {"index.html", "site.js", "style.css", "views/run.js", "worker/main.js", "worker/trainer.js"}
    assert needed | {"strings/en.json", "source/worker.js", *pages.ENGINE} <= first
    assert {"views/inside.js", "views/weight.js", "main.js", "vendor/ort/ort.webgpu.min.mjs"}.isdisjoint(first)


def test_the_library_is_as_compressed_as_it_is_called(folder: Folder) -> None:
    for name in ("ort-wasm.bin", "ort-wasm-asyncify.bin"):
        assert gzip.decompress((folder.path / "vendor/ort" / name).read_bytes()).startswith(b"\x00asm")
    assert "Microsoft" in (folder.path / "vendor/ort/LICENSE").read_text(encoding="utf-8")


def test_headers_that_threads_need(folder: Folder) -> None:
    rules = (folder.path / "_headers").read_text(encoding="utf-8").split("\n")
    assert rules[:3] == [
        "/*", "  Cross-Origin-Opener-Policy: same-origin", "  Cross-Origin-Embedder-Policy: require-corp",
    ]  # fmt: skip


def test_an_installation_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "STATIC", tmp_path)
    with pytest.raises(
        DataError, match=r"^expected onnxruntime-web in .*; got nothing\. To fix: install glassnet again"
    ):
        write_pages(Folder(tmp_path / "site"))
