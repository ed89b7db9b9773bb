"""Events reach a page once and in order, whatever was missed, resumed, cut off or replaced; long logs come thinned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from glassnet.lab.lab import Lab
from glassnet.lab.thinning import MOST_STEPS, Thinned
from glassnet.training import Run
from glassnet.training.events import Finished, Noticed, to_json
from tests.lab.conftest import Served, make_run, serving, started, stepped, write


class Watcher:
    """A page that watches: messages as they come."""

    def __init__(self, answer: httpx.Response):
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self, kind: str) -> tuple[int, Any]:
        """Where the next message of the kind ends in the log, and what it says; others are passed over."""
        for message in self._messages():
            if message["event"] == kind:
                return int(message.get("id", -1)), json.loads(message["data"])
        raise AssertionError("the stream has ended")

    def events(self, num: int) -> tuple[int, list[dict[str, Any]]]:
        """So many, of as many messages as it takes."""
        found: list[dict[str, Any]] = []
        position = -1
        while len(found) < num:
            position, some = self.next("events")
            found += some
        return position, found

    def _messages(self) -> Iterator[dict[str, str]]:
        message: dict[str, str] = {}
        for line in self._lines:
            if not line:
                yield message
                message = {}
            else:
                name, _, value = line.partition(": ")
                message[name] = value


@contextmanager
def watching(served: Served, name: str, last: int | None = None) -> Iterator[Watcher]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with served.client() as client, client.stream("GET", f"/api/runs/{name}/events", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Watcher(answer)


def steps(events: list[dict[str, Any]]) -> list[int]:
    return [event["step"] for event in events if event["event"] == "stepped"]


def size(run: Run) -> int:
    return (run.path / "events.jsonl").stat().st_size


def test_what_was_and_what_comes(served: Served) -> None:
    run = make_run(served.lab, "comes", num_steps=3)
    with watching(served, "comes") as watcher:
        _, status = watcher.next("status")
        assert (status["state"], status["step"], status["is_alive"]) == ("crashed", 3, False)
        position, events = watcher.events(4)
        assert [event["event"] for event in events] == ["started", *["stepped"] * 3]
        assert position == size(run)
        write(run, stepped(4), Noticed(4, "of note"))
        position, events = watcher.events(2)
        assert [event["event"] for event in events] == ["stepped", "noticed"]
        assert events == [json.loads(to_json(stepped(4))), json.loads(to_json(Noticed(4, "of note")))]
        assert position == size(run)


def test_a_lost_connection_goes_on_where_it_was(served: Served) -> None:
    run = make_run(served.lab, "lost", num_steps=3)
    with watching(served, "lost") as watcher:
        position, _ = watcher.events(4)
    write(run, *map(stepped, range(4, 8)))
    with watching(served, "lost", position) as watcher:
        position, events = watcher.events(4)
        assert steps(events) == [4, 5, 6, 7]
    with watching(served, "lost", position) as watcher:
        write(run, stepped(8))
        assert steps(watcher.events(1)[1]) == [8]


def test_an_unfinished_line_is_not_told_and_may_be_cut_off(served: Served) -> None:
    run = make_run(served.lab, "unfinished", num_steps=1)
    log = run.path / "events.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + to_json(stepped(2)).encode()[:20])
    with watching(served, "unfinished") as watcher:
        position, events = watcher.events(2)
        assert (position, steps(events)) == (len(whole), [1])
        with log.open("r+b") as file:
            file.truncate(len(whole))
        write(run, started(1), stepped(2))
        position, events = watcher.events(2)
        assert [event["event"] for event in events] == ["started", "stepped"]
        assert position == size(run)


def test_lines_that_are_no_events_are_left_out(served: Served) -> None:
    run = make_run(served.lab, "damaged", num_steps=1)
    with (run.path / "events.jsonl").open("ab") as log:
        log.write(b"\0\0\0\n[1]\n\xff\xfe\n")
    write(run, stepped(2))
    with watching(served, "damaged") as watcher:
        assert steps(watcher.events(3)[1]) == [1, 2]


@pytest.mark.parametrize("how", ["another file", "a shorter one"])
def test_a_log_that_was_replaced_is_told_from_its_beginning(served: Served, how: str) -> None:
    name = how.replace(" ", "-")
    run = make_run(served.lab, name, num_steps=5)
    log = run.path / "events.jsonl"
    with watching(served, name) as watcher:
        watcher.events(6)
        if how == "another file":
            log.with_name("new").write_text(to_json(started()) + "\n" + "".join(to_json(stepped(9)) + "\n"))
            log.with_name("new").replace(log)
        else:
            log.write_text(to_json(started()) + "\n" + to_json(stepped(9)) + "\n")
        watcher.next("reset")
        assert steps(watcher.events(2)[1]) == [9]


def test_a_position_beyond_the_end_is_of_another_log(served: Served) -> None:
    run = make_run(served.lab, "beyond", num_steps=2)
    with watching(served, "beyond", size(run) + 1000) as watcher:
        watcher.next("reset")
        assert steps(watcher.events(3)[1]) == [1, 2]


@pytest.mark.parametrize("last", ["-1", "x", "9" * 30, "1e3", ""])
def test_a_position_that_is_none_is_the_beginning(served: Served, last: str) -> None:
    make_run(served.lab, f"none-{last}", num_steps=2)
    with served.client() as client:
        headers = {"Last-Event-ID": last}
        with client.stream("GET", f"/api/runs/none-{last}/events", headers=headers) as answer:
            assert steps(Watcher(answer).events(3)[1]) == [1, 2]


def test_a_long_log_comes_thinned_and_quickly(served: Served) -> None:
    run = make_run(served.lab, "long", num_steps=30_000)
    write(run, Finished(30_000, 1.0, "budget spent", 0.1, None))
    with watching(served, "long") as watcher:
        position, events = watcher.next("events")
    assert position == size(run)
    assert [event["event"] for event in (events[0], events[-1])] == ["started", "finished"]
    told = [event for event in events if event["event"] == "stepped"]
    assert MOST_STEPS / 2 <= len(told) <= MOST_STEPS + 1
    assert sum(event.get("thinned", 1) for event in told) == 30_000
    assert steps(told) == sorted(steps(told))
    assert told[-1]["step"] == 30_000


def test_means_of_neighbors() -> None:
    thinned = Thinned()
    num = 3 * MOST_STEPS + 1
    for step in range(1, num + 1):
        thinned.add(to_json(stepped(step)).encode())
        if step == 100:
            thinned.add(to_json(Noticed(100, "kept")).encode())
    events = thinned.events()
    (noticed,) = [i for i, event in enumerate(events) if event["event"] == "noticed"]
    assert abs(events[noticed - 1]["step"] - 100) <= 4
    told = [event for event in events if event["event"] == "stepped"]
    assert {event["thinned"] for event in told[:-1]} == {4}
    assert told[0]["loss"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert told[0]["elapsed_s"] == pytest.approx(0.4)
    assert sum(event.get("thinned", 1) for event in told) == num
    mean = sum(event["loss"] * event.get("thinned", 1) for event in told) / num
    assert mean == pytest.approx(sum(1 / step for step in range(1, num + 1)) / num)


def test_a_run_that_is_deleted_ends_its_streams(served: Served) -> None:
    make_run(served.lab, "deleted", num_steps=1)
    with watching(served, "deleted") as watcher:
        watcher.events(2)
        assert served.ask("DELETE", "/api/runs/deleted").status_code == 204
        with pytest.raises(AssertionError, match="the stream has ended"):
            watcher.next("events")
    assert served.ask("GET", "/api/runs/deleted/events").status_code == 404


def test_so_many_pages_may_watch_and_then_no_more(tmp_path: Path) -> None:
    with serving(tmp_path, most_streams=2) as served:
        make_run(served.lab, "watched")
        with watching(served, "watched") as one, watching(served, "watched") as two:
            one.next("status")
            two.next("status")
            answer = served.ask("GET", "/api/runs/watched/events")
            assert answer.status_code == 503
            assert answer.json()["error"]["code"] == "busy"
            assert served.ask("GET", "/api/runs").status_code == 200
        for _ in range(100):  # until the server has noticed that they are gone
            if not served.lab.tails:
                break
            served.ask("GET", "/api/runs")
        with watching(served, "watched") as one:
            one.next("status")


def test_the_log_is_read_once_for_all(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        run = make_run(served.lab, "many", num_steps=1)
        with watching(served, "many") as one, watching(served, "many") as two:
            for watcher in (one, two):
                watcher.events(2)
            assert len(served.lab.tails) == 1
            write(run, stepped(2))
            assert one.events(1) == two.events(1)


def test_a_lab_without_runs_has_none(tmp_path: Path) -> None:
    assert Lab(tmp_path / "nowhere", tmp_path).overview.summaries() == []
