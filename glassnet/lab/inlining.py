"""The lab's page as one file: its modules, style sheets and texts inside it, and no address that leads outside."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parent / "static"
_ENTRY = "report.js"
_BARE = "glassnet/"  # in front of a module's path: a name, not an address
_VIEWS = ("run", "inside", "weight")
_STRINGS = ("en", "he", "he_messages")
# At the beginning of a line, so that no comment is taken for one; a list of names may have lines of its own.
_IMPORT = re.compile(
    r"^(import\s*(?:[\w$*{},\s]+?\bfrom\s*)?|export\s*(?:\*|\{[^}]*\})\s*from\s*)" r'"(\.{1,2}/[^"]+)"', re.MULTILINE
)


def page(title: str, recording: Mapping[str, Any]) -> str:
    """The whole file: HTML that shows what ``recording`` holds, with a policy that lets it fetch nothing."""
    modules = json.dumps({"imports": {_BARE + path: _data_url(text) for path, text in modules_of(_ENTRY).items()}})
    start = f'import "{_BARE}{_ENTRY}";'
    styles = [_read(path) for path in _style_sheets()]
    scripts = " ".join(map(_hash, (modules, start)))
    policy = (
        f"default-src 'none'; script-src data: {scripts}; style-src {' '.join(map(_hash, styles))}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    blocks = {f"strings-{name}": _read(f"strings/{name}.json") for name in _STRINGS}
    blocks["recording"] = json.dumps(recording, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    icon = base64.b64encode((STATIC / "icon.svg").read_bytes()).decode()
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{html.escape(title)}</title>",
        f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">',
        *(f"<style>{style}</style>" for style in styles),
        *(_block(name, text) for name, text in blocks.items()),
        f'<script type="importmap">{modules}</script>',
        f'<script type="module">{start}</script>',
        "</head>",
        "<body></body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def modules_of(entry: str) -> dict[str, str]:
    """The module and all that it needs, by path below `STATIC`, each importing the others by bare names."""
    found: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        needed: list[str] = []
        found[path] = _renamed(_read(path), posixpath.dirname(path), needed)
        waiting += needed
    return {path: found[path] for path in sorted(found)}


def _renamed(text: str, folder: str, needed: list[str]) -> str:
    """The module with bare names for relative addresses; ``needed`` gets the paths of what they lead to."""

    def rename(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[2]))
        needed.append(path)
        return f'{match[1]}"{_BARE}{path}"'

    return _IMPORT.sub(rename, text)


def _style_sheets() -> Sequence[str]:
    """Those of the page and of the views that a report has."""
    linked = re.findall(r'<link rel="stylesheet" href="([^"]+)"', _read("index.html"))
    return [*linked, *(f"views/{view}.css" for view in _VIEWS), "report.css"]


def _block(name: str, text: str) -> str:
    """JSON that no word of it can end: every ``<`` of it is within a string, where it may be written otherwise."""
    return f'<script type="application/json" id="{name}">{text.replace("<", chr(92) + "u003c")}</script>'


def _data_url(text: str) -> str:
    return f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"


def _hash(text: str) -> str:
    """As a policy names an inline script or style sheet that may be there."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(path: str) -> str:
    return (STATIC / path).read_text(encoding="utf-8")
