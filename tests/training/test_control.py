"""What is asked of a training: the file, who may write it, and what is made of nonsense."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from glassnet.errors import CheckpointError, SettingsError
from glassnet.training.control import FILE, Controls, Watcher, read_controls, unpause, write_controls
from glassnet.training.run import Writer
from tests.training.toy import all_events, new_run

ASKED = Controls(True, 7, False, 0.01, 0.5, 0.1, 16)


def test_written_and_read(tmp_path: Path) -> None:
    assert read_controls(tmp_path) == Controls()
    write_controls(tmp_path, ASKED)
    assert read_controls(tmp_path) == ASKED
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    (tmp_path / FILE).write_text('{"learning_rate": 1}')
    assert read_controls(tmp_path) == Controls(learning_rate=1.0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("is_paused", [1, None, "true"]),
        ("is_stopping", [0, "no"]),
        ("pause_at", [-1, 1.5, True, "3"]),
        ("batch_size", [0, -5, 8.0, True, "8"]),
        ("learning_rate", [0, -0.1, float("nan"), float("inf"), True, "0.1", [0.1]]),
        ("momentum", [-0.1, 1, float("nan"), "0.9"]),
        ("weight_decay", [-1e-9, float("inf"), {}]),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(SettingsError, match=rf"^expected {name} to be .*; got .*\. To fix: choose another value"):
            Controls(**{name: value})
        (tmp_path / FILE).write_text(json.dumps({name: value}))
        with pytest.raises(SettingsError, match=rf"^expected {name} to be "):
            read_controls(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1]", b"3", b'{"speed": 3}', b'{"complaint": "none"}'])
def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(SettingsError, match=r"^expected .*control\.json.*; got .* To fix: "):
        read_controls(tmp_path)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(SettingsError, match=r"^expected an object of JSON in .*control\.json; got .* To fix: "):
        read_controls(tmp_path)
    with pytest.raises(CheckpointError, match=r"^expected to write control\.json to .*; got '.*'\. To fix: "):
        write_controls(tmp_path, ASKED)
    assert Watcher(tmp_path)() == Controls()


@pytest.mark.parametrize(
    ("controls", "paused"),
    [
        (Controls(), [False, False, False]),
        (Controls(is_paused=True), [True, True, True]),
        (Controls(pause_at=5), [False, True, True]),
        (Controls(is_paused=True, pause_at=5), [False, True, True]),
    ],
)
def test_when_it_waits(controls: Controls, paused: list[bool]) -> None:
    assert [controls.is_paused_at(step) for step in (4, 5, 6)] == paused


def test_a_watcher_reads_what_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (reads.append(path.name), read_bytes(path))[1])
    watcher = Watcher(tmp_path)
    assert watcher() == watcher() == Controls()
    for value in (0.1, 0.2, 0.3):  # the same size, and often the same moment by the clock of the file system
        write_controls(tmp_path, Controls(learning_rate=value))
        assert watcher() == watcher() == watcher.seen == Controls(learning_rate=value)
    assert reads == [FILE] * 3
    (tmp_path / FILE).unlink()
    assert watcher() == Controls()


def test_a_watcher_waits_until_a_file_is_whole(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    write_controls(tmp_path, ASKED)
    assert watcher() == ASKED
    text = json.dumps({"learning_rate": 0.5})
    for num in range(len(text)):
        (tmp_path / FILE).write_text(text[:num])
        assert watcher() == ASKED
    (tmp_path / FILE).write_text(text)
    assert watcher() == Controls(learning_rate=0.5)


def test_a_watcher_complains_of_what_cannot_be(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    write_controls(tmp_path, Controls(momentum=0.5))
    watcher()
    (tmp_path / FILE).write_text('{"learning_rate": -1}')
    for _ in range(2):
        assert dataclasses.replace(watcher(), complaint=None) == Controls(momentum=0.5)
        assert watcher.seen.complaint is not None
        assert watcher.seen.complaint.startswith("expected learning_rate to be a number above 0; got -1.")
    write_controls(tmp_path, Controls())
    assert watcher() == Controls()


def test_nobody_reads_half_a_file(tmp_path: Path) -> None:
    """While two processes write as fast as they can."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom glassnet.training.control import Controls, write_controls\n"
        "print(flush=True)\n"
        "for i in range(400):\n    write_controls(Path(sys.argv[1]), Controls(learning_rate=10.0 ** (i % 90 - 45)))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    num_read = 0
    while any(writer.poll() is None for writer in writers):
        read_controls(tmp_path)
        num_read += 1
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert num_read > 100


def test_what_a_training_that_goes_on_forgets(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    unpause(run)
    assert not (tmp_path / FILE).exists()
    write_controls(tmp_path, ASKED)
    with Writer(run):
        unpause(run)
        assert read_controls(tmp_path) == ASKED
    unpause(run)
    assert read_controls(tmp_path) == ASKED.lasting() == Controls(False, None, False, 0.01, 0.5, 0.1, 16)


def test_whether_a_process_holds_it(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    assert not run.is_alive()
    assert not (tmp_path / "lock").exists()
    with Writer(run):
        assert run.is_alive()
    assert not run.is_alive()
    (tmp_path / "lock").unlink(missing_ok=True)
    (tmp_path / "lock").mkdir()
    with pytest.raises(CheckpointError, match=r"^expected to see whether .* is being trained; got '.*'\. To fix: "):
        run.is_alive()


def test_who_only_looks_is_in_nobodys_way(tmp_path: Path) -> None:
    run = new_run(tmp_path, steps=1)
    (tmp_path / "lock").touch()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            run.is_alive()

    looking = [threading.Thread(target=look) for _ in range(2)]
    for thread in looking:
        thread.start()
    try:
        for _ in range(20):
            with Writer(run):
                pass
    finally:
        is_over.set()
        for thread in looking:
            thread.join()
    all_events(run)


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    program = (
        "import sys\nfrom pathlib import Path\nfrom glassnet.training import Run\n"
        "from glassnet.training.run import Writer\nwriter = Writer(Run(Path(sys.argv[1]))).__enter__()\n"
        "print('holding', flush=True)\nsys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline().strip() == b"holding"
        assert run.is_alive()
        process.kill()
        process.wait()
        assert not run.is_alive()
