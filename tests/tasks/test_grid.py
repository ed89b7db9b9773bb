"""The grid: every cell once, on pictures that are the same for all, and nothing measured is lost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.baselines import classical
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.errors import CheckpointError
from glassnet.runtimes import get_runtime
from glassnet.tasks import grid
from glassnet.tasks.grid import (
    FULL,
    HOG,
    KMEANS,
    NEIGHBOR,
    NETWORK,
    SMALL,
    Cell,
    Ledger,
    Plan,
    Result,
    Sized,
    cells_of,
    measure,
    missing,
    settings_of,
)  # fmt: skip
from glassnet.training import create, train
from glassnet.training.events import Stepped

PLAN = Plan(widths=(1, 2), nums_training=(12, 24), num_seen=48, num_centroids=4, num_test=10)
CELL = Cell(NETWORK, 2, 24, 48, 10, 0)
COLORS = np.array([[40, 50, 220], [40, 200, 60], [220, 40, 40]])


def colored(num: int, seed: int) -> Pictures:
    """Noise of about one of three colors."""
    labels = np.arange(num) % 3
    noise = np.random.default_rng(seed).normal(0.0, 40.0, (num, 3, 32, 32))
    return Pictures((COLORS[labels][:, :, None, None] + noise).clip(0, 255).astype(np.uint8), labels)


@pytest.fixture(scope="module")
def pictures() -> LabeledPictures:
    return LabeledPictures(colored(40, 0), colored(15, 1), ("blue", "green", "red"), "colors", ())


def result_of(cell: Cell, accuracy: float = 0.5) -> Result:
    return Result(cell, accuracy, 100, 1.0, 2.0)


def test_cells() -> None:
    cells = cells_of(PLAN)
    assert len(cells) == len(set(cells)) == 2 * (3 + 2)
    assert [cell.num_training for cell in cells] == [12] * 5 + [24] * 5
    assert [(cell.algorithm, cell.size) for cell in cells[:5]] == [
        (NEIGHBOR, 0), (HOG, 0), (KMEANS, 4), (NETWORK, 1), (NETWORK, 2),
    ]  # fmt: skip
    assert {cell.seed for cell in cells_of(dataclasses.replace(PLAN, seed=7))} == {7}


@pytest.mark.parametrize("plan", [SMALL, FULL])
def test_the_plans_reach_from_thousands_of_weights_to_many(plan: Plan, pictures: LabeledPictures) -> None:
    sizes = [weights_of_width(width, pictures) for width in (plan.widths[0], plan.widths[-1])]
    assert 1_000 < sizes[0] < 10_000
    assert sizes[1] > (400_000 if plan is SMALL else 1_500_000)
    assert plan.nums_training[-1] <= 50_000
    assert plan.num_test <= 10_000


def weights_of_width(width: int, pictures: LabeledPictures) -> int:
    model = Sized(settings_of(CELL), pictures, width).model(np.random.default_rng(0))
    return model.num_weights()


def test_every_network_sees_as_many_examples() -> None:
    for cell in cells_of(SMALL):
        if cell.algorithm == NETWORK:
            settings = settings_of(cell)
            assert settings.steps is not None
            assert settings.steps * settings.batch_size == SMALL.num_seen
    few = settings_of(dataclasses.replace(CELL, num_training=7))
    assert (few.batch_size, few.steps) == (7, 6)


def test_no_picture_is_seen_more_than_a_hundred_times() -> None:
    plan = dataclasses.replace(PLAN, nums_training=(12, 24), num_seen=2_000)
    seen = {cell.num_training: cell.num_seen for cell in cells_of(plan) if cell.algorithm == NETWORK}
    assert seen == {12: 1_200, 24: 2_000}


def test_no_test_picture_is_looked_at_while_training(pictures: LabeledPictures) -> None:
    task = Sized(settings_of(CELL), pictures, 2)
    assert {len(array) for array in task.validation.values()} == {0}
    assert task.training["images"] is pictures.training.images


def test_parts_are_nested(pictures: LabeledPictures) -> None:
    small, large = (grid._part(dataclasses.replace(CELL, num_training=num), pictures) for num in (12, 24))
    np.testing.assert_array_equal(large.training.images[:12], small.training.images)
    assert len(np.unique(large.training.images, axis=0)) == 24
    np.testing.assert_array_equal(small.test.labels, pictures.test.labels[:10])
    other = grid._part(dataclasses.replace(CELL, seed=1), pictures)
    assert (other.training.images != large.training.images).any()


@pytest.mark.slow
def test_each_kind_of_cell_is_measured(
    pictures: LabeledPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classical, "_NUM_PATCHES", 500)
    monkeypatch.setattr(grid, "_TESTED_AT_ONCE", 5)
    plan = dataclasses.replace(PLAN, widths=(4,), nums_training=(24,), num_seen=24 * 20)
    (tmp_path / "network-4-24").mkdir()
    (tmp_path / "network-4-24" / "settings.json").write_text("of a cell that was killed at once")
    with Ledger(tmp_path) as ledger:
        results = [measure(cell, pictures, ledger, get_runtime("onnx")) for cell in cells_of(plan)]
        assert missing(plan, ledger) == []
    assert [result.cell.algorithm for result in results] == [NEIGHBOR, HOG, KMEANS, NETWORK]
    by_algorithm = {result.cell.algorithm: result for result in results}
    assert by_algorithm[NEIGHBOR].num_kept == 24 * 3 * 32 * 32
    assert by_algorithm[NETWORK].num_kept > weights_of_width(4, pictures)
    # What has a color only is no task for edges.
    assert {name for name, result in by_algorithm.items() if result.accuracy > 0.9} == {NEIGHBOR, KMEANS, NETWORK}
    assert all(result.training_s > 0.0 and result.answering_s > 0.0 for result in results)
    assert list(tmp_path.glob("network*")) == []
    with Ledger(tmp_path) as again:
        assert list(again.results.values()) == results


@pytest.mark.slow
@pytest.mark.parametrize("is_other", [False, True])
def test_a_cell_that_was_killed_goes_on(
    is_other: bool, pictures: LabeledPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = dataclasses.replace(CELL, num_seen=24 * 6)
    runtime = get_runtime("onnx")
    with Ledger(tmp_path / "at once") as ledger:
        expected = measure(cell, pictures, ledger, runtime)
    settings = settings_of(dataclasses.replace(cell, seed=1) if is_other else cell)
    task = Sized(settings, grid._part(cell, pictures), 2)
    events = train(task, create(tmp_path / "network-2-24", settings, task.facts), runtime)
    while not isinstance(event := next(events), Stepped) or event.step < 4:
        pass
    events.close()
    steps: list[int] = []

    def counted(*arguments: Any, **how: Any) -> Iterator[Any]:
        for event in train(*arguments, **how):
            steps.extend([event.step] if isinstance(event, Stepped) else [])
            yield event

    monkeypatch.setattr(grid, "train", counted)
    with Ledger(tmp_path) as ledger:
        result = measure(cell, pictures, ledger, runtime)
    assert steps == ([1, 2, 3, 4, 5, 6] if is_other else [5, 6])
    assert (result.accuracy, result.num_kept) == (expected.accuracy, expected.num_kept)


def test_what_is_in_the_ledger_is_not_missing(tmp_path: Path) -> None:
    done = cells_of(PLAN)[3]
    with Ledger(tmp_path / "new" / "folder") as ledger:
        assert missing(PLAN, ledger) == cells_of(PLAN)
        ledger.add(result_of(done))
        assert missing(PLAN, ledger) == [cell for cell in cells_of(PLAN) if cell != done]
    with Ledger(tmp_path / "new" / "folder") as ledger:
        assert ledger.complaints == []
        assert missing(PLAN, ledger) == [cell for cell in cells_of(PLAN) if cell != done]
        for name, other in (("seed", 1), ("num_seen", 96), ("num_test", 15), ("widths", (4, 8)), ("num_centroids", 5)):
            assert len(missing(dataclasses.replace(PLAN, **{name: other}), ledger)) >= 9, name


BAD_LINES = {
    "no JSON": "{",
    "no object": "[1]",
    "another object": '{"event": "started"}',
    "an unknown field": json.dumps({**dataclasses.asdict(result_of(CELL)), "color": "red"}),
    "a cell without its size": json.dumps({**dataclasses.asdict(result_of(CELL)), "cell": {"algorithm": NETWORK}}),
    "an accuracy above 1": json.dumps(dataclasses.asdict(result_of(CELL, 1.5))),
    "an accuracy that is no number": json.dumps({**dataclasses.asdict(result_of(CELL)), "accuracy": "high"}),
    "a time that is no number": json.dumps({**dataclasses.asdict(result_of(CELL)), "training_s": "long"}),
    "not a number": json.dumps({**dataclasses.asdict(result_of(CELL)), "accuracy": float("nan")}),
    "bytes that are no text": "\udcff\udcfe",
    "an empty line": "",
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_damaged_line_is_reported_and_the_others_count(tmp_path: Path, case: str) -> None:
    first, last = cells_of(PLAN)[:2]
    lines = [
        json.dumps(dataclasses.asdict(result_of(first))),
        BAD_LINES[case],
        json.dumps(dataclasses.asdict(result_of(last))),
    ]
    (tmp_path / "results.jsonl").write_bytes("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))
    with Ledger(tmp_path) as ledger:
        assert ledger.results.keys() == {first, last}
        assert ledger.complaints == [f"{tmp_path / 'results.jsonl'}, line 2: ignored, it is no result"]


def test_a_result_after_half_a_line_is_not_lost(tmp_path: Path) -> None:
    first, last = cells_of(PLAN)[:2]
    (tmp_path / "results.jsonl").write_text(json.dumps(dataclasses.asdict(result_of(first)))[:-20])
    with Ledger(tmp_path) as ledger:
        assert ledger.results == {}
        ledger.add(result_of(last))
    with Ledger(tmp_path) as ledger:
        assert ledger.results.keys() == {last}
        assert len(ledger.complaints) == 1


def test_one_at_a_time(tmp_path: Path) -> None:
    with Ledger(tmp_path), pytest.raises(CheckpointError, match=r"got another process that holds it\. To fix: "):
        Ledger(tmp_path).__enter__()
    with Ledger(tmp_path):
        pass


def test_a_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"^expected to write to .*file; got '.*'\. To fix: "):
        Ledger(tmp_path / "file").__enter__()
