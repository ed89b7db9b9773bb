"""A lab with three small runs, and Chromium to use it as a person would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from glassnet.data.drawn import draw_houses
from tests.cli.classifiers import trained_classifier
from tests.cli.conftest import ROOT, environment, options, quick_command, run_outside
from tests.cli.faces import trained_on_faces

STRINGS = ROOT / "glassnet" / "lab" / "static" / "strings"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Chromium looks for updates and the like unless it is told not to.
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-first-run", "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream"]  # fmt: skip
WITHIN_MS = 30_000  # on a busy machine


class Words:
    """What the page says in one of its languages."""

    def __init__(self, language: str):
        self.language = language
        self._texts = json.loads((STRINGS / f"{language}.json").read_text(encoding="utf-8"))

    def __call__(self, key: str, **values: object) -> str:
        return str(self._texts[key]).format(**values)

    def before(self, key: str, value: str) -> str:
        """A text up to where the value stands in it."""
        return str(self._texts[key]).partition("{" + value + "}")[0]


@dataclass(frozen=True)
class Served:
    """A lab that is running."""

    address: str  # without the token
    token: str
    runs: Path
    process: subprocess.Popen[str]

    def url(self, view: str, **state: object) -> str:
        return f"{self.address}/?{urlencode({'view': view, **state})}#token={self.token}"


@dataclass
class Visitor:
    """A tab, and what went wrong in it."""

    page: Page
    lab: Served
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WITHIN_MS)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def visit(self, view: str, **state: object) -> Page:
        """Open a view, and wait for its heading."""
        self.page.goto(self.lab.url(view, **state))
        self.page.locator("main h1").first.wait_for()
        return self.page

    def violations(self) -> list[str]:
        """What axe-core finds that is serious or critical, a line each; Chromium may complain of it meanwhile."""
        num_complaints = len(self.complaints)
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        )
        del self.complaints[num_complaints:]
        return [
            f"{one['impact']}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]


@pytest.fixture(params=["en", "he"])
def words(request: pytest.FixtureRequest) -> Words:
    """Of each language, for tests in which a person does something."""
    return Words(request.param)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of runs: houses, colors (a folder of pictures) and faces; for looking at."""
    folder = tmp_path_factory.mktemp("lab") / "runs"
    folder.mkdir()
    drawings = folder.parent / "houses.npy"
    np.save(drawings, draw_houses(40, seed=1))
    how = options(drawings, "--batch-size", 2, "--steps", 12, "--run", folder / "houses")
    result = run_outside("train", "houses", *how, where=folder.parent, command=quick_command())
    assert result.returncode == 0, result.stderr
    shutil.copytree(trained_classifier(tmp_path_factory), folder / "colors")
    shutil.copytree(trained_on_faces(tmp_path_factory), folder / "faces")
    return folder


@pytest.fixture(scope="session")
def lab(runs: Path) -> Iterator[Served]:
    """`glassnet lab` in a process of its own."""
    yield from serve(runs)


def serve(runs: Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "glassnet", "lab", "--no-open", "--port", "0", "--runs", str(runs)]
    process = subprocess.Popen(command, cwd=runs.parent, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        words = next(line for line in process.stdout if "#token=" in line).split()
        address, token = next(word for word in words if "#token=" in word).split("/#token=")
        yield Served(address, token, runs, process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        process.stdout.close()


def found_chromium() -> str:
    found = os.environ.get("GLASSNET_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "expected Chromium; got none. To fix: apt-get install chromium, or set GLASSNET_CHROMIUM."
    return found


@pytest.fixture(scope="module")  # Playwright's event loop runs as long as it does, and other tests have their own
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found_chromium(), args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def open_tab(chromium: Browser, lab: Served) -> Iterator[Callable[..., Visitor]]:
    """Tabs by their width and color scheme; at the end none may have complained."""
    visitors: list[Visitor] = []

    def open_tab(width: int = 1280, height: int = 900, **how: Any) -> Visitor:
        context = chromium.new_context(viewport={"width": width, "height": height}, **how)
        visitors.append(Visitor(context.new_page(), lab))
        return visitors[-1]

    yield open_tab
    for visitor in visitors:
        visitor.page.context.close()
    assert [line for visitor in visitors for line in visitor.complaints] == []
