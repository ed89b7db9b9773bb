"""The run directory: the one place where a training lives, and the interface to everyone who looks at it.

    settings.json         the Settings
    task.json             the facts of the task: what using the network takes beside its weights
    events.jsonl          one event on each line, as they happened
    control.json          what is asked of the training while it runs (see `control`)
    checkpoints/<step>/   the whole state
    history/<step>.safetensors   the network at that step
    pictures/<step>.npy   what the network made at that step, with a .png beside it

A process that writes holds the lock file ``lock``; the system frees it even if the process is killed.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from glassnet.errors import CheckpointError
from glassnet.training import events
from glassnet.training.checkpoint import Checkpoint, load_newest
from glassnet.training.events import Event
from glassnet.training.settings import BUDGETS, Settings

E = TypeVar("E", bound=Event)

# Events are many and small: written at once but flushed at most this often.
_FLUSH_INTERVAL_S = 0.2
# Longer than who only looks whether a run is held (`Run.is_alive`) holds it.
_LOCK_TIMEOUT_S = 1.0


class Run:
    """A run directory that exists."""

    def __init__(self, path: Path):
        self.path = path
        self.settings = _read_settings(path)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def history(self) -> Path:
        return self.path / "history"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures"

    @property
    def facts(self) -> dict[str, Any]:
        """What the task noted about itself when the run was made."""
        file = self.path / "task.json"
        try:
            facts = json.loads(file.read_bytes())
            if not isinstance(facts, dict):
                raise ValueError(f"{type(facts).__name__} instead of an object")
            return facts
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"expected the facts of a task in {file}; got something else ({error}). To fix: choose another run."
            ) from error

    def adopt(self, given: Mapping[str, Any]) -> None:
        """Go on under the settings of this run; only the budget may be another one. Raises CheckpointError."""
        saved = dataclasses.asdict(self.settings)
        different = [name for name, value in given.items() if name not in BUDGETS and value != saved[name]]
        if different:
            name = different[0]
            raise CheckpointError(
                f"expected to resume {self.path} with its own settings; got {name} {given[name]} instead of "
                f"{saved[name]}. To fix: leave --{name.replace('_', '-')} out, or start a new run."
            )
        budget = {name: given[name] for name in BUDGETS if name in given}
        if budget:
            self.settings = dataclasses.replace(self.settings, **{**dict.fromkeys(BUDGETS), **budget})

    def newest_checkpoint(self) -> tuple[Checkpoint, list[str]]:
        return load_newest(self.checkpoints)

    def is_alive(self) -> bool:
        """Whether a process holds the run, to train it. Raises CheckpointError where that cannot be seen."""
        lock = self.path / "lock"
        if not lock.exists():
            return False
        try:
            with FileLock(lock, timeout=0):
                return False
        except Timeout:
            return True
        except OSError as error:
            raise CheckpointError(
                f"expected to see whether {self.path} is being trained; got '{error.strerror}'. To fix: see the "
                "permissions of its file 'lock'."
            ) from error

    def events(self) -> Iterator[Event]:
        """What has happened so far. Lines that are no events, because they are not finished, are left out."""
        try:
            with (self.path / "events.jsonl").open("rb") as file:
                yield from filter(None, map(events.from_json, file))
        except FileNotFoundError:
            return
        except OSError as error:
            raise CheckpointError(
                f"expected to read events.jsonl in {self.path}; got '{error.strerror}'. To fix: see its permissions."
            ) from error

    def last(self, kind: type[E]) -> E | None:
        """The last event of one kind."""
        found = None
        for event in self.events():
            if isinstance(event, kind):
                found = event
        return found


def create(path: Path, settings: Settings, facts: Mapping[str, object] | None = None) -> Run:
    """Make the directory of a new run, with the ``facts`` of its task; refuses one that holds anything already."""
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise CheckpointError(
                f"expected a new or empty directory for the run; got {path}, which is in use. To fix: choose another "
                "--run, or continue that one with --resume."
            )
        path.mkdir(parents=True, exist_ok=True)
        (path / "pictures").mkdir()
        (path / "task.json").write_text(json.dumps(facts or {}, indent=2) + "\n", encoding="utf-8")
        _write_settings(path, settings)
    except OSError as error:
        raise _unwritable(path, error) from error
    return Run(path)


def new_names(task: str) -> Iterator[str]:
    """Names for a run that begins now, best first: two may begin within the same second."""
    plain = f"{task}-{time.strftime('%Y%m%d-%H%M%S')}"
    yield plain
    yield from (f"{plain}-{i}" for i in itertools.count(2))


def new_directory(runs: Path, task: str) -> Path:
    """An empty directory for a run that begins now, which no other process is given."""
    names = new_names(task)
    while True:
        path = runs / next(names)
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            pass
        except OSError as error:
            raise _unwritable(path, error) from error


class Writer:
    """The right to write to a run, for one process at a time; use it in a ``with`` block."""

    def __init__(self, run: Run):
        self.run = run
        self._lock = FileLock(run.path / "lock", timeout=_LOCK_TIMEOUT_S)
        self._flushed_at = 0.0

    def __enter__(self) -> Writer:
        try:
            self._lock.acquire()
            _write_settings(self.run.path, self.run.settings)
            _drop_unfinished_line(self.run.path / "events.jsonl")
            self._file = (self.run.path / "events.jsonl").open("a", encoding="utf-8")
        except Timeout as error:
            raise CheckpointError(
                f"expected to be the only one who trains {self.run.path}; got another process that holds it. "
                "To fix: wait for it, end it, or choose another --run."
            ) from error
        except OSError as error:
            raise _unwritable(self.run.path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise _unwritable(self.run.path, error) from error
        finally:
            self._lock.release()

    def write(self, event: Event) -> None:
        """Append the event; steps are flushed a few times a second, everything else at once."""
        try:
            self._file.write(events.to_json(event) + "\n")
            now = time.monotonic()
            if not isinstance(event, events.Stepped) or now - self._flushed_at > _FLUSH_INTERVAL_S:
                self._file.flush()
                self._flushed_at = now
        except OSError as error:
            raise _unwritable(self.run.path, error) from error


def find_runs(parent: Path) -> tuple[list[Run], list[str]]:
    """All runs directly below ``parent``, oldest first, and a line for each whose settings cannot be read.

    Directories that are not runs are passed over.
    """
    runs: list[Run] = []
    complaints: list[str] = []
    files = parent.glob("*/settings.json")
    for file in sorted(files, key=lambda file: (file.stat().st_mtime, file)):
        try:
            runs.append(Run(file.parent))
        except CheckpointError as error:
            complaints.append(str(error))
    return runs, complaints


def _drop_unfinished_line(path: Path) -> None:
    """Cut off what a killed process left of its last line, so that the next event begins on a line of its own."""
    if path.exists():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)


def _unwritable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"expected to write to the run directory {path}; got '{error.strerror}'. To fix: free space or permissions "
        "there, or choose another --run."
    )


def _write_settings(path: Path, settings: Settings) -> None:
    """Replaced as a whole, so that a run never has half of its settings."""
    temporary = path / ".settings.json"
    temporary.write_text(settings.to_json(), encoding="utf-8")
    temporary.replace(path / "settings.json")


def _read_settings(path: Path) -> Settings:
    file = path / "settings.json"
    try:
        return Settings.from_json(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"expected a run directory with settings.json; got {path}. To fix: `glassnet runs` lists what there is."
        ) from error
