"""Trainings from the page, real ones, each a process of its own: started, steered, killed, resumed, taken away."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from glassnet.data.drawn import draw_houses
from glassnet.errors import CheckpointError, GlassnetError
from glassnet.lab.children import LOG
from glassnet.lab.trainings import _start
from glassnet.training import Run
from glassnet.training.events import Started, Stepped
from tests.lab.conftest import Served, make_run, serving

pytestmark = pytest.mark.slow
MANY = 1_000_000  # steps: it goes on until it is stopped


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "houses.npy"
    np.save(path, draw_houses(40, seed=1))
    return str(path)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, most_trainings=2) as it:
        yield it


def start(served: Served, drawings: str, **wanted: Any) -> str:
    body = {"task": "houses", "data": drawings, "batch_size": 1, **wanted}
    answer = served.ask("POST", "/api/runs", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["run"])


def control(served: Served, name: str, **asked: Any) -> dict[str, Any]:
    answer = served.ask("POST", f"/api/runs/{name}/control", json=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def status(served: Served, name: str) -> dict[str, Any]:
    return dict(served.ask("GET", f"/api/runs/{name}").json()["status"])


def wait_for_step(served: Served, name: str, step: int) -> None:
    pause = threading.Event()
    for _ in range(600):
        if status(served, name)["step"] >= step:
            return
        pause.wait(0.1)
    raise AssertionError(f"still at {status(served, name)}")


def last_stepped(served: Served, name: str) -> Stepped:
    last = served.lab.run(name).last(Stepped)
    assert last is not None
    return last


def test_from_start_to_end(served: Served, drawings: str) -> None:
    name = start(served, drawings, steps=3)
    assert name.startswith("houses-")
    assert status(served, name)["state"] in ("starting", "running")
    assert name in [summary["run"] for summary in served.ask("GET", "/api/runs").json()["runs"]]
    details = served.wait_for(name, "finished")
    assert (details["status"]["step"], details["status"]["is_alive"]) == (3, False)
    assert (details["settings"]["steps"], details["settings"]["batch_size"]) == (3, 1)
    assert details["started"]["num_weights"] == 359970
    assert (details["moments"], details["pictured"], details["checkpoint"]) == ([0, 1, 2, 3], [0, 1, 2, 3], 3)
    (summary,) = [one for one in served.ask("GET", "/api/runs").json()["runs"] if one["run"] == name]
    assert (summary["state"], summary["step"], summary["reason"]) == ("finished", 3, "budget spent")
    assert summary["loss"] > 0
    assert summary["thumbnail"]["shape"] == [4, 1, 28, 28]
    assert (served.lab.runs / name / LOG).is_file()
    assert not list(served.lab.runs.glob(".*"))
    weights = (served.lab.runs / name / "history" / "00000002.safetensors").read_bytes()
    sent = served.ask("POST", "/api/networks", content=weights).json()["start"]
    for first in (f"{name}@2", sent):
        again = start(served, drawings, steps=1, start=first)
        assert served.wait_for(again, "finished", "crashed")["status"]["error"] is None
        assert served.ask("DELETE", f"/api/runs/{again}").status_code == 204

    assert served.ask("DELETE", f"/api/runs/{name}").status_code == 204
    assert served.ask("GET", f"/api/runs/{name}").status_code == 404
    assert list(served.lab.runs.iterdir()) == []


def test_steering(own: Served, drawings: str) -> None:
    name = start(own, drawings, steps=MANY)
    wait_for_step(own, name, 1)
    assert own.ask("DELETE", f"/api/runs/{name}").status_code == 409
    assert own.ask("POST", f"/api/runs/{name}/resume", json={}).status_code == 409

    assert control(own, name, is_paused=True)["control"]["is_paused"] is True
    own.wait_for(name, "paused")
    threading.Event().wait(1.0)  # the step under way ends
    at = status(own, name)["step"]
    control(own, name, num_steps=2, learning_rate=0.0125)
    wait_for_step(own, name, at + 2)
    own.wait_for(name, "paused")
    threading.Event().wait(0.5)
    assert status(own, name)["step"] == at + 2
    assert last_stepped(own, name).learning_rate == 0.0125

    assert control(own, name, is_paused=False, learning_rate=None)["control"]["learning_rate"] is None
    wait_for_step(own, name, at + 3)
    assert last_stepped(own, name).learning_rate != 0.0125
    control(own, name, is_stopping=True)
    details = own.wait_for(name, "stopped")
    assert details["checkpoint"] == details["status"]["step"]

    again = own.ask("POST", f"/api/runs/{name}/resume", json={"steps": details["checkpoint"] + 2})
    assert (again.status_code, again.json()["state"]) == (200, "starting"), again.text
    assert own.wait_for(name, "finished")["status"]["step"] == details["checkpoint"] + 2


def test_killed_shows_as_crashed_and_goes_on(own: Served, drawings: str) -> None:
    name = start(own, drawings, steps=MANY)
    wait_for_step(own, name, 2)
    child = own.lab.children.get(name)
    assert child is not None
    os.kill(child.process.pid, signal.SIGKILL)
    details = own.wait_for(name, "crashed")
    assert details["status"]["step"] >= 2
    assert not details["status"]["is_alive"]
    answer = own.ask("POST", f"/api/runs/{name}/resume", json={"steps": 4})
    assert answer.status_code == 200, answer.text
    own.wait_for(name, "finished")
    kinds = [event.step for event in own.lab.run(name).events() if isinstance(event, Started)]
    assert len(kinds) == 2


def test_only_so_many_at_once(own: Served, drawings: str) -> None:
    names = [start(own, drawings, steps=MANY) for _ in range(2)]
    assert len(set(names)) == 2
    answer = own.ask("POST", "/api/runs", json={"task": "houses", "data": drawings, "steps": 1})
    assert answer.status_code == 409
    assert "at most 2 trainings" in answer.json()["error"]["message"]
    assert len(own.lab.children.names()) == 2


def test_the_end_of_the_lab_stops_what_it_started(tmp_path: Path, drawings: str) -> None:
    with serving(tmp_path) as served:
        begun = start(served, drawings, steps=MANY)
        wait_for_step(served, begun, 2)
        early = start(served, drawings, steps=MANY)
    assert served.said[0] == f"stopping {begun}, {early}, saved first"
    assert not served.lab.children.alive()
    run = Run(tmp_path / "runs" / begun)
    assert not run.is_alive()
    assert run.newest_checkpoint()[0].step >= 2


def test_what_a_training_complains_of_is_told(own: Served, tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    answer = own.ask("POST", "/api/runs", json={"task": "faces", "data": str(tmp_path / "people")})
    name = answer.json()["run"]
    details = own.wait_for(name, "crashed")
    assert "expected" in details["status"]["error"]
    assert details["settings"]["task"] == "faces"
    assert own.ask("POST", f"/api/runs/{name}/control", json={"is_paused": True}).status_code == 404
    assert own.ask("DELETE", f"/api/runs/{name}").status_code == 204
    assert own.ask("GET", f"/api/runs/{name}").status_code == 404
    assert list(own.lab.runs.iterdir()) == []


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"task": "weather"},
        {"task": "--help"},
        {"task": "houses", "steps": 0},
        {"task": "houses", "steps": 1.5},
        {"task": "houses", "steps": True},
        {"task": "houses", "steps": 10**400},
        {"task": "houses", "minutes": 1, "steps": 1},
        {"task": "houses", "minutes": -1},
        {"task": "houses", "learning_rate": "fast"},
        {"task": "houses", "momentum": 1},
        {"task": "houses", "schedule": "wild"},
        {"task": "houses", "run": "/tmp/elsewhere"},
        {"task": "houses", "start": "no-such-run"},
        {"task": "houses", "start": "../other"},
        {"task": "houses", "start": "upload-0000000000000000"},
        {"task": "houses", "data": "a\0b"},
        {"task": "houses", "data": "a\nb"},
        {"task": "cifar10", "model": "no-such-network"},
        {"task": "faces", "data": "~nobody-of-that-name/x"},
    ],
)
def test_wrong_values_are_refused_before_anything_is_made(served: Served, wanted: dict[str, Any]) -> None:
    before = served.lab.children.names()
    answer = served.ask("POST", "/api/runs", json=wanted)
    assert answer.status_code in (400, 404), answer.text
    message = answer.json()["error"]["message"]
    assert message.startswith("expected")
    assert "\n" not in message
    assert served.lab.children.names() == before


def test_values_are_not_taken_for_options(own: Served) -> None:
    answer = own.ask("POST", "/api/runs", json={"task": "houses", "data": "--json", "steps": 1})
    details = own.wait_for(answer.json()["run"], "crashed")
    assert "--json" in details["status"]["error"]


def test_networks_are_taken_if_they_are_some(served: Served) -> None:
    answer = served.ask("POST", "/api/networks", content=save({"weight": np.zeros(3, np.float32)}))
    assert answer.status_code == 201, answer.text
    assert Path(_start(served.lab, answer.json()["start"])).parent == served.lab.scratch
    for content in (b"", b"no network", save({}), b"\xff" * 100):
        assert served.ask("POST", "/api/networks", content=content).status_code == 422
    for _ in range(6):
        served.ask("POST", "/api/networks", content=save({"weight": np.zeros(3, np.float32)}))
    assert len(list(served.lab.scratch.glob("upload-*"))) == 4


def test_a_training_may_begin_with_a_moment_of_a_run(served: Served) -> None:
    run = make_run(served.lab, "first@home")
    assert _start(served.lab, "first@home") == str(run.path)
    assert _start(served.lab, "first@home@12") == f"{run.path}@12"
    for wrong in ("first", "first@home@x", "..@12", "/etc@1"):
        with pytest.raises(GlassnetError):
            _start(served.lab, wrong)


def test_a_run_of_another_version_is_left_out(served: Served) -> None:
    run = make_run(served.lab, "old")
    (run.path / "settings.json").write_text("{}")
    assert "old" not in [one["run"] for one in served.ask("GET", "/api/runs").json()["runs"]]
    answer = served.ask("GET", "/api/runs/old")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "bad_run"
    with pytest.raises(CheckpointError):
        served.lab.run("old")
