"""The run directory: who may write there, what is left of a crash, and what is refused."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.errors import CheckpointError, SettingsError
from glassnet.training import Run, create, find_runs, new_directory, write_film
from glassnet.training.events import Finished, Noticed, Started, Stepped
from glassnet.training.pictures import keep_pictures, sheet
from glassnet.training.run import Writer
from tests.training.toy import all_events, new_run, settings, stop_after


def test_a_new_run(tmp_path: Path) -> None:
    run = create(tmp_path / "deep" / "run", settings(seed=5))
    assert Run(run.path).settings == settings(seed=5)
    assert list(run.events()) == []
    assert run.last(Finished) is None


def test_an_empty_directory_will_do(tmp_path: Path) -> None:
    assert new_run(tmp_path).path == tmp_path


def test_a_directory_in_use(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(CheckpointError, match=r"^expected a new or empty directory .*; got .* in use\. To fix: "):
            new_run(path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_runs_that_begin_within_the_same_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.strftime", lambda _: "20261125-201500")
    names = [new_directory(tmp_path / "runs", "houses").name for _ in range(3)]
    assert names == ["houses-20261125-201500", "houses-20261125-201500-2", "houses-20261125-201500-3"]
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"expected to write to the run directory .*; got 'Not a directory'"):
        new_directory(tmp_path / "file", "houses")


def test_where_nothing_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "run", Path("/proc/run"), tmp_path / ("x" * 300)):
        with pytest.raises(CheckpointError, match=r"^expected to write to the run directory .*; got '.*'\. To fix: "):
            new_run(path)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe\x00", b'{"task": "toy", "steps": 0}'])
def test_a_directory_that_is_no_run(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "settings.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"^expected .*; got .* To fix: "):
        Run(tmp_path)


def test_no_directory_at_all(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", Path("/dev/null")):
        with pytest.raises(CheckpointError, match=r"^expected a run directory with settings\.json; got .* To fix: "):
            Run(path)


def test_facts(tmp_path: Path) -> None:
    facts = {"classes": ["cat", "D\u00fcse", "a \udcff name"], "image_shape": [3, 32, 32]}
    assert create(tmp_path / "a", settings(), facts).facts == Run(tmp_path / "a").facts == facts
    assert new_run(tmp_path / "b").facts == {}
    (tmp_path / "b" / "task.json").unlink()
    assert Run(tmp_path / "b").facts == {}  # a run of an older version
    for content in (b"", b"[1]", b"\xff"):
        (tmp_path / "b" / "task.json").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"^expected the facts of a task in .*; got .* To fix: "):
            _ = Run(tmp_path / "b").facts


def test_two_writers(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with Writer(run) as writer:
        writer.write(Noticed(0, "mine"))
        with pytest.raises(CheckpointError, match=r"^expected to be the only one .*; got another process .* To fix: "):
            Writer(Run(tmp_path)).__enter__()
    with Writer(run) as writer:
        writer.write(Noticed(1, "mine again"))
    assert [event.step for event in run.events()] == [0, 1]


HOLDER = """
import sys
from pathlib import Path
from glassnet.training import Run
from glassnet.training.run import Writer
with Writer(Run(Path(sys.argv[1]))):
    print("holding", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["kill", "finish"])
def test_a_second_process(tmp_path: Path, end: str) -> None:
    run = new_run(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"holding\n"
        with pytest.raises(CheckpointError, match="got another process"):
            all_events(run)
        if end == "kill":
            process.kill()
        process.stdin.close()
        process.wait()
    assert isinstance(all_events(run)[-1], Finished)


def test_who_may_not_write_changes_nothing(tmp_path: Path) -> None:
    run, other = new_run(tmp_path, steps=5), Run(tmp_path)
    with Writer(run):
        other.adopt({"steps": 9})
        with pytest.raises(CheckpointError):
            all_events(other, resume=True)
    assert Run(tmp_path).settings.steps == 5


def test_a_line_that_a_killed_process_left_unfinished(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    stop_after(3, run)
    log = tmp_path / "events.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"event": "stepped", "st')
    before = list(run.events())
    assert before[-1] == run.last(Finished)
    events = all_events(run, resume=True)
    assert log.read_bytes().startswith(whole + b'{"event": "started"')
    assert list(run.events()) == before + events


@pytest.mark.parametrize("rest", [b"{", b"\x00" * 4096])
def test_a_log_of_nothing_but_an_unfinished_line(tmp_path: Path, rest: bytes) -> None:
    run = new_run(tmp_path, steps=2)
    (tmp_path / "events.jsonl").write_bytes(rest)
    assert list(run.events()) == []
    assert list(run.events()) == []
    assert all_events(run) == list(run.events())


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=2)
    events = all_events(run)
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"\x00\xff\n" + log.read_bytes().replace(b"\n", b"\nnonsense\n"))
    assert list(run.events()) == events


def test_a_log_that_is_a_folder(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(CheckpointError, match=r"^expected to read events\.jsonl in .*; got '.*'\. To fix: "):
        list(run.events())
    with pytest.raises(CheckpointError, match=r"^expected to write to the run directory .*; got '.*'\. To fix: "):
        all_events(run)


class Full:
    """A file on a disk without room: it says so when its buffer is written out, which closing it tries again."""

    def write(self, text: str) -> None:
        pass

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    close = flush


def test_a_disk_that_is_full_while_events_are_written(tmp_path: Path) -> None:
    writer = Writer(new_run(tmp_path)).__enter__()
    writer._file.close()
    writer._file = Full()  # type: ignore[assignment]
    for fails in (lambda: writer.write(Noticed(0, "lost")), lambda: writer.__exit__()):
        with pytest.raises(CheckpointError, match=r"^expected to write to .*; got 'No space left on device'\. To fix"):
            fails()
    with Writer(Run(tmp_path)):
        pass  # and the lock is free again


def has_room_for_a_file_system(place: Path) -> bool:
    return os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
    ).returncode == 0  # fmt: skip


def test_a_small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real one where a file system can be mounted; elsewhere pictures meet a wall."""
    place = tmp_path / "disk"
    place.mkdir()
    is_real = has_room_for_a_file_system(place)
    try:
        run = new_run(place / "run", steps=2000)
        if is_real:
            with (place / "filler").open("wb") as filler:
                filler.write(b"x" * 150_000)
        else:
            monkeypatch.setattr("os.fsync", Full().flush)
        with pytest.raises(CheckpointError, match=r"^expected to write .*; got '.*'\. To fix: "):
            all_events(run)
    finally:
        if is_real:
            subprocess.run(["umount", str(place)], check=True)


def test_runs_are_found_oldest_first(tmp_path: Path) -> None:
    for age, name in enumerate(["c", "a", "b"]):
        file = new_run(tmp_path / name).path / "settings.json"
        os.utime(file, (1e9 - age, 1e9 - age))
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").touch()
    runs, complaints = find_runs(tmp_path)
    assert [run.path.name for run in runs] == ["b", "a", "c"]
    assert complaints == []
    (tmp_path / "a" / "settings.json").write_text("{")
    runs, complaints = find_runs(tmp_path)
    assert [run.path.name for run in runs] == ["b", "c"]
    assert len(complaints) == 1
    assert str(tmp_path / "a") in complaints[0]
    for nothing in (tmp_path / "nothing", tmp_path / "note.txt"):
        assert find_runs(nothing) == ([], [])


def test_other_settings(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=20)
    run.adopt({"seed": 0, "learning_rate": 0.03})
    with pytest.raises(
        CheckpointError, match=r"^expected to resume .*; got seed 1 instead of 0\. To fix: leave --seed"
    ):
        run.adopt({"seed": 1})
    with pytest.raises(SettingsError):
        run.adopt({"minutes": 1.0, "steps": 3})
    assert run.settings == settings(steps=20)
    run.adopt({"minutes": 1.0})
    assert run.settings == settings(minutes=1.0)


def test_other_data_is_noticed(tmp_path: Path) -> None:
    """Without --data it depends on the machine where the examples are from."""
    run = new_run(tmp_path)
    stop_after(2, run)
    started = run.last(Started)
    assert started is not None
    log = tmp_path / "events.jsonl"
    log.write_text(log.read_text().replace(started.source, "another place"))
    noticed = [event for event in all_events(run, resume=True) if isinstance(event, Noticed)]
    assert [event.message for event in noticed] == [
        "this run has learned from another place; now it goes on with numbers from a seed"
    ]


PICTURES = np.arange(8 * 6 * 5, dtype=np.uint8).reshape(8, 6, 5)


def test_a_sheet(tmp_path: Path) -> None:
    picture = np.asarray(sheet(PICTURES, columns=4, scale=1, gap_px=2))
    assert picture.shape == (2 * 8 + 2, 4 * 7 + 2)
    np.testing.assert_array_equal(picture[2:8, 9:14], 255 - PICTURES[1])
    np.testing.assert_array_equal(picture[10:16, 2:7], 255 - PICTURES[4])
    assert picture[0, 0] == 255


def test_films(tmp_path: Path) -> None:
    for step in range(15):
        keep_pictures(tmp_path, step, PICTURES + np.uint8(step * 10))
    with Image.open(write_film(tmp_path, tmp_path / "film.png", num_rows=10)) as strip:
        assert strip.height == (10 * (6 + 4) + 4) * 2
    with Image.open(write_film(tmp_path, tmp_path / "film.gif")) as animation:
        assert animation.n_frames == 15


def test_a_process_killed_while_it_kept_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_pictures(tmp_path, 1, PICTURES)

    def half(stream, array) -> None:
        stream.write(b"\x93NUMPY")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("numpy.save", half)
        with pytest.raises(KeyboardInterrupt):
            keep_pictures(tmp_path, 2, PICTURES)
    write_film(tmp_path, tmp_path / "film.gif")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x80\x04K\x01."])
def test_damaged_pictures(tmp_path: Path, content: bytes) -> None:
    keep_pictures(tmp_path, 1, PICTURES)
    (tmp_path / "00000002.npy").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"^expected to make a film of .*; got '.*'\. To fix: "):
        write_film(tmp_path, tmp_path / "film.png")


def test_no_pictures_and_no_place_for_a_film(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"^expected pictures in .*; got none\. To fix: "):
        write_film(tmp_path, tmp_path / "film.png")
    keep_pictures(tmp_path, 1, PICTURES)
    with pytest.raises(SettingsError, match=r"^expected --output FILE\.png or FILE\.gif; got .*film\.mp4\. To fix: "):
        write_film(tmp_path, tmp_path / "film.mp4")
    with pytest.raises(SettingsError, match=r"^expected --output in a folder that exists; got .* To fix: make "):
        write_film(tmp_path, tmp_path / "missing" / "film.png")
    (tmp_path / "film.png").mkdir()
    with pytest.raises(CheckpointError, match=r"^expected to make a film .* To fix: "):
        write_film(tmp_path, tmp_path / "film.png")


def test_steps_are_in_the_log_when_the_run_is_over(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=30)
    events = all_events(run)
    assert list(run.events()) == events
    assert sum(isinstance(event, Stepped) for event in events) == 30
