"""A lab that serves, in a thread of the tests, and a run directory made without a training."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from glassnet.lab.app import make_app
from glassnet.lab.guard import TOKEN_HEADER
from glassnet.lab.lab import Lab
from glassnet.lab.server import HOST, listen, make_server
from glassnet.training import Run, Settings, create
from glassnet.training.events import Event, Started, Stepped, to_json

TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class Served:
    port: int
    lab: Lab
    said: list[str]

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def client(self, **headers: str) -> httpx.Client:
        """One that has the token."""
        # Certificates, which take a while to load, have no part in it.
        return httpx.Client(base_url=self.address, headers={TOKEN_HEADER: TOKEN, **headers}, timeout=60, verify=False)

    def ask(self, method: str, path: str | httpx.URL, **how: Any) -> httpx.Response:
        with self.client() as client:
            return client.request(method, path, **how)

    def wait_for(self, name: str, *states: str, within_s: float = 120.0) -> dict[str, Any]:
        """The details of the run once it is in one of the states."""
        pause = threading.Event()
        for _ in range(int(within_s / 0.1)):
            details = self.ask("GET", f"/api/runs/{name}").json()
            if details["status"]["state"] in states:
                return details
            pause.wait(0.1)
        raise AssertionError(f"still {details['status']}")


@contextmanager
def serving(folder: Path, **limits: int) -> Iterator[Served]:
    scratch = folder / "scratch"
    scratch.mkdir()
    lab, said = Lab(folder / "runs", scratch, **limits), []
    with listen(0) as opened:
        port = opened.getsockname()[1]
        server = make_server(make_app(lab, said.append), port, TOKEN)
        thread = threading.Thread(target=server.run, args=([opened],))
        thread.start()
        try:
            yield Served(port, lab, said)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("lab")) as it:
        yield it


def make_run(lab: Lab, name: str, num_steps: int = 0) -> Run:
    """A run of houses that nobody trains, with so many steps in its log."""
    run = create(lab.runs / name, Settings(task="houses", model="unet", steps=100))
    write(run, started(), *map(stepped, range(1, num_steps + 1)))
    return run


def started(step: int = 0) -> Started:
    return Started("houses", "drawings of the tests", 10, 359970, "onnx", step, 0.0, 0.1)


def stepped(step: int) -> Stepped:
    return Stepped(step, 1.0 / step, 0.5, 0.001, 0.0, 0.1 * step, 100.0)


def write(run: Run, *events: Event) -> None:
    with (run.path / "events.jsonl").open("a") as log:
        log.writelines(to_json(event) + "\n" for event in events)
