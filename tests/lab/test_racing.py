"""The race of the page: what its process tells, that it ends with the connection, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from anyio.abc import Process

from glassnet.data.drawn import draw_houses
from glassnet.lab import racing
from glassnet.lab.racer import tell
from glassnet.models import CLASSIFIERS
from tests.lab.conftest import Served

WANTED = {"task": "houses", "batch_size": 2, "steps": 2, "rules": ["b", "c"]}


@pytest.fixture
def few_houses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Drawings are here, so that no process of a race has to look for any."""
    np.save(tmp_path / "houses.npy", draw_houses(40, seed=1))
    return tmp_path / "houses.npy"


def test_what_a_race_tells(few_houses: Path) -> None:
    lines = list(tell({**WANTED, "data": str(few_houses)}))
    kinds = [line["kind"] for line in lines]
    assert kinds[:4] == ["started", "slopes", "progress", "larger"]
    assert kinds[-1] == "finished"
    json.dumps(lines, allow_nan=False)
    started, slopes, last = lines[0], lines[1], lines[-1]
    assert started["weights"] == 1804
    assert [one["rule"] for one in started["rules"]] == ["b", "c"]
    assert slopes["cosine"] == pytest.approx(1.0, abs=1e-9)
    assert slopes["forward_passes_per_sweep"] == 3608
    assert last["step"] == 2
    assert {network["network"] for network in lines[3]["networks"]} == {*CLASSIFIERS, "facenet"}


def test_the_points_of_all_lines_are_the_curves(few_houses: Path) -> None:
    curves: dict[str, dict[str, list[float]]] = {}
    for line in tell({**WANTED, "steps": 4.0, "data": str(few_houses)}):
        for contest in line.get("contests", ()):
            for runner in ("nudge", "backpropagation"):
                known = curves.setdefault(contest["rule"] + runner, {"loss": [], "forward_passes": [], "seconds": []})
                assert len(known["loss"]) == contest["since"]
                for name, values in known.items():
                    values += contest[runner][name]
    assert set(curves) == {"bnudge", "bbackpropagation", "cnudge", "cbackpropagation"}
    assert curves["cnudge"]["forward_passes"] == [0.0, 3608.0, 7216.0, 10824.0, 14432.0]
    assert curves["cbackpropagation"]["forward_passes"][-1] < 12.0
    np.testing.assert_allclose(curves["cnudge"]["loss"], curves["cbackpropagation"]["loss"], rtol=1e-6)
    assert curves["cnudge"]["loss"][-1] < curves["cnudge"]["loss"][0]


def test_a_foreseen_failure_is_the_last_line(tmp_path: Path) -> None:
    (line,) = tell({"task": "cifar10", "data": str(tmp_path)})
    assert line["kind"] == "failed"
    assert "expected cifar-10-python.tar.gz" in line["message"]
    (line,) = tell({"task": "houses", "model": "resnet"})
    assert line["message"].startswith("expected --model unet for houses; got resnet.")


def test_what_takes_days_is_refused(few_houses: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.insight.landscape.Landscape.estimate_nudge_s", lambda *_: 2e6)
    (line,) = tell({**WANTED, "data": str(few_houses)})
    assert line["kind"] == "failed"
    assert "23.1 days. To fix: choose a smaller network." in line["message"]


def test_the_process_ends_with_its_input() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "glassnet.lab.racer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({**WANTED, "steps": 10_000, "minutes": 30}).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["kind"] == "started"
        process.stdin.close()
        assert process.wait(20) == 0


def test_the_process_ends_with_the_connection(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Process] = []
    begin = racing._process

    async def remembered(words: Any) -> Process:
        begun.append(await begin(words))
        return begun[-1]

    monkeypatch.setattr(racing, "_process", remembered)
    wanted = {**WANTED, "steps": 10_000, "minutes": 30}
    with served.client() as client, client.stream("POST", "/api/race", json=wanted) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "event: started"
        assert json.loads(next(lines).removeprefix("data: "))["weights"] == 1804
        assert len(racing._racing) == 1
        (process,) = begun
        assert process.returncode is None
    for _ in range(100):
        if not racing._racing:
            break
        time.sleep(0.1)
    assert not racing._racing
    assert process.returncode is not None


def test_a_process_that_dies_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(words: Any) -> Process:
        program = "import sys; sys.exit('no memory left')"
        return await anyio.open_process([sys.executable, "-c", program], stderr=words)

    async def race() -> list[bytes]:
        return [event async for event in racing._events(WANTED)]

    monkeypatch.setattr(racing, "_process", broken)
    (event,) = anyio.run(race)
    assert event.startswith(b"event: failed\ndata: ")
    assert b"(no memory left)" in event


def test_a_third_race_is_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(racing, "_racing", {racing.RaceStream(WANTED), racing.RaceStream(WANTED)})
    answer = served.ask("POST", "/api/race", json=WANTED)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "busy"


@pytest.mark.parametrize(
    "wrong",
    [{}, {"task": "mnist"}, {**WANTED, "rules": []}, {**WANTED, "epsilon": 0}, {**WANTED, "data": "/etc/passwd"}],
)
def test_a_wrong_wish_is_refused(served: Served, wrong: dict[str, Any]) -> None:
    answer = served.ask("POST", "/api/race", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "wrong_settings"
