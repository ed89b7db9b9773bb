"""Runs beside each other, and classical algorithms beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.lab.comparison import classical, curves_of
from glassnet.tasks.grid import HOG, NETWORK, Cell, Ledger, Result
from glassnet.training import Settings, create
from glassnet.training.events import Evaluated, Started, Stepped, to_json
from tests.lab.conftest import Served

DOCS = Path(__file__).parents[2] / "docs" / "results"


def a_run(path: Path, num_steps: int = 4, **settings: object) -> None:
    given = {"task": "cifar10", "steps": num_steps, **settings}
    create(path, Settings(**given))  # type: ignore[arg-type]
    events = [Started("cifar10", "photos", 100, 22_466, "onnx", 0, 0.0, 0.1)]
    steps = [Stepped(i, 1.0 / i, 1.0, 0.1, i / num_steps, 0.5 * i, 100.0) for i in range(1, num_steps + 1)]
    tried = [Evaluated(num_steps, 0.5 * num_steps, 0.9, 0.4)]
    lines = [to_json(event) + "\n" for event in [*events, *steps, *tried]]
    (path / "events.jsonl").write_text("".join(lines))


def test_two_runs(served: Served) -> None:
    a_run(served.lab.runs / "a")
    a_run(served.lab.runs / "b", learning_rate=0.5, model="fast")
    answer = served.ask("GET", "/api/compare", params={"run": ["a", "b"]}).json()
    assert [run["run"] for run in answer["runs"]] == ["a", "b"]
    first = answer["runs"][0]
    assert (first["num_weights"], first["step"], first["elapsed_s"]) == (22_466, 4, 2.0)
    assert first["steps"] == {"step": [1, 2, 3, 4], "elapsed_s": [0.5, 1, 1.5, 2], "loss": [1, 0.5, 1 / 3, 0.25]}
    assert first["evaluations"]["accuracy"] == [0.4]
    assert answer["differing"] == [
        {"name": "model", "values": ["default", "fast"]}, {"name": "learning_rate", "values": [0.001, 0.5]}
    ]  # fmt: skip
    assert answer["classical"].keys() == {"cifar10"}


def test_long_curves_are_thinned(tmp_path: Path) -> None:
    a_run(tmp_path / "a", num_steps=1_730)
    steps = curves_of(tmp_path / "a")["steps"]
    assert 400 < len(steps["step"]) <= 500
    assert steps["step"][0] == 2.5
    assert steps["loss"][0] == pytest.approx(np.mean([1, 1 / 2, 1 / 3, 1 / 4]))


def test_what_a_resumed_training_repeats_counts_once(tmp_path: Path) -> None:
    a_run(tmp_path / "a")
    again = [
        Started("cifar10", "photos", 100, 22_466, "onnx", 2, 1.0, 0.1),
        Stepped(3, 0.5, 1.0, 0.1, 0.75, 1.6, 100.0),
    ]
    with (tmp_path / "a" / "events.jsonl").open("a") as log:
        log.writelines(to_json(event) + "\n" for event in again)
    drawn = curves_of(tmp_path / "a")
    assert drawn["steps"]["loss"] == [1.0, 0.5, 0.5]
    assert drawn["evaluations"]["step"] == []


def test_a_run_without_events(tmp_path: Path) -> None:
    create(tmp_path / "new", Settings(task="houses", steps=1))
    drawn = curves_of(tmp_path / "new")
    assert (drawn["num_weights"], drawn["step"], drawn["steps"]["loss"]) == (None, 0, [])


@pytest.mark.parametrize("query", ["", "run=nobody", "run=..", "run=a%2Fb", "&".join(f"run={i}" for i in range(13))])
def test_what_is_refused(served: Served, query: str) -> None:
    assert served.ask("GET", f"/api/compare?{query}").status_code in (400, 404)


def test_shipped_figures_are_those_of_the_pages(tmp_path: Path) -> None:
    told = classical(tmp_path, {"cifar10", "faces", "houses"})
    assert told.keys() == {"cifar10", "faces"}
    for one in told.values():
        page = (DOCS / Path(one["source"]).name).read_text()
        for group in one["groups"]:
            assert f"{group['num_training']:,}" in page
            for row in group["rows"]:
                name = row["name"].split(" on ")[0]
                # The page of CIFAR-10 has two tables; the figures are those of the first.
                line = next(line for line in page.splitlines() if line.startswith(f"| {name}"))
                assert f"{100 * row['accuracy']:.1f}" in line, (group["set"], row)


def test_what_was_measured_here_comes_first(tmp_path: Path) -> None:
    with Ledger(tmp_path / "compare-cifar10") as ledger:
        for num, algorithm in [(400, HOG), (2_000, HOG), (2_000, NETWORK)]:
            ledger.add(Result(Cell(algorithm, 0, num, 0, 500, 0), 0.25, 3_250, 1.0, 1.0))
        # While somebody measures, too.
        told = classical(tmp_path, {"cifar10"})["cifar10"]
    assert told["source"].endswith("compare-cifar10")
    assert [group["num_training"] for group in told["groups"]] == [400, 2_000]
    assert [row["name"] for row in told["groups"][1]["rows"]] == [HOG]
    assert told["num_test"] == 500


def test_an_empty_ledger_leaves_the_shipped_figures(tmp_path: Path) -> None:
    (tmp_path / "compare-cifar10").mkdir()
    (tmp_path / "compare-cifar10" / "results.jsonl").write_text("")
    assert classical(tmp_path, {"cifar10"})["cifar10"]["source"].startswith("docs/")
