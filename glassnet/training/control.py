"""What is asked of a training while it runs: ``control.json`` in its run directory, which any process may write.

The training reads it at every step. Whoever writes it, by `write_controls` or by hand, replaces it as a whole.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.errors import CheckpointError, SettingsError
from glassnet.training.run import Run

FILE = "control.json"


@dataclass(frozen=True, slots=True)
class Controls:
    """Pause, single steps, stop; and numbers that replace those of the settings, which None leaves as they are.

    complaint: what was asked instead and cannot be, for the training to tell; it is not in the file.
    """

    is_paused: bool = False
    pause_at: int | None = None  # run up to this step and pause there, whatever is_paused says: for single steps
    is_stopping: bool = False
    learning_rate: float | None = None  # at every step, in place of the schedule
    momentum: float | None = None  # of adamw its beta1
    weight_decay: float | None = None
    batch_size: int | None = None
    complaint: str | None = None

    def __post_init__(self) -> None:
        for name in ("is_paused", "is_stopping"):
            value = getattr(self, name)
            _require(isinstance(value, bool), name, "true or false", value)
        for name, least in {"pause_at": 0, "batch_size": 1}.items():
            value = getattr(self, name)
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            _require(value is None or (is_whole and value >= least), name, f"a whole number from {least} on", value)
        self._require_number("learning_rate", "a number above 0", lambda value: value > 0)
        self._require_number("momentum", "a number from 0 to below 1", lambda value: 0 <= value < 1)
        self._require_number("weight_decay", "a number of at least 0", lambda value: value >= 0)

    def is_paused_at(self, step: int) -> bool:
        """Whether a training that has taken ``step`` steps waits."""
        return self.is_paused if self.pause_at is None else step >= self.pause_at

    def lasting(self) -> Controls:
        """Without pause and stop, which are for one training process, not for the one that goes on with the run."""
        return dataclasses.replace(self, is_paused=False, pause_at=None, is_stopping=False)

    def _require_number(self, name: str, expected: str, holds: Any) -> None:
        value = getattr(self, name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _require(value is None or (is_number and math.isfinite(value) and holds(value)), name, expected, value)


_NAMES = tuple(field.name for field in dataclasses.fields(Controls) if field.name != "complaint")


def nothing_asked() -> Controls:
    """Of a training that nobody steers."""
    return _NOTHING


def read_controls(run_path: Path) -> Controls:
    """What is asked of the training now, nothing where there is no file. Raises SettingsError if it is damaged."""
    file = run_path / FILE
    try:
        return _parsed(file.read_bytes(), file)
    except FileNotFoundError:
        return Controls()
    except (OSError, ValueError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(
            f"expected an object of JSON in {file}; got something else ({error}). To fix: delete that file."
        ) from error


def write_controls(run_path: Path, controls: Controls) -> None:
    """Replace what is asked of the training. Raises CheckpointError where that cannot be written."""
    values = {name: getattr(controls, name) for name in _NAMES}
    # Several may write at the same time, each its own file; then the last one counts.
    temporary = run_path / f".control-{os.getpid()}-{threading.get_ident()}.json"
    try:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        temporary.replace(run_path / FILE)
    except OSError as error:
        raise CheckpointError(
            f"expected to write {FILE} to {run_path}; got '{error.strerror}'. To fix: free space or permissions there."
        ) from error


def asked_now(run_path: Path) -> Controls:
    """The same for who goes on with it: a file that is damaged is passed over, as the training does."""
    return dataclasses.replace(Watcher(run_path)(), complaint=None)


def unpause(run: Run) -> None:
    """Before a training goes on: forget pause and stop, which were for an earlier one, unless that is still alive.

    A file that is damaged stays as it is. Raises CheckpointError.
    """
    controls = asked_now(run.path)
    if controls != controls.lasting() and not run.is_alive():
        write_controls(run.path, controls.lasting())


class Watcher:
    """The controls of a run as they are now; the file is read again only if it is another one or has changed."""

    def __init__(self, run_path: Path):
        self.seen = Controls()
        self._file = run_path / FILE
        self._stamp: tuple[int, ...] = ()

    def __call__(self) -> Controls:
        """Of a file that is damaged, or only half written so far, what was asked before it."""
        stamp = _stamp_of(self._file)
        if stamp == self._stamp:
            return self.seen
        try:
            self.seen, self._stamp = _parsed(self._file.read_bytes(), self._file), stamp
        except FileNotFoundError:
            self.seen, self._stamp = Controls(), ()
        except SettingsError as error:
            self.seen, self._stamp = dataclasses.replace(self.seen, complaint=str(error)), stamp
        except (OSError, ValueError):
            pass  # it is looked at again the next time, until it is whole
        return self.seen


def _parsed(content: bytes, file: Path) -> Controls:
    """Raises SettingsError if it is JSON that cannot be meant, another ValueError if it is none."""
    values = json.loads(content)
    if not isinstance(values, dict):
        raise SettingsError(f"expected an object in {file}; got {type(values).__name__}. To fix: delete that file.")
    unknown = values.keys() - set(_NAMES)
    if unknown:
        raise SettingsError(
            f"expected in {file} some of {', '.join(_NAMES)}; got {min(unknown)}. To fix: take that out."
        )
    return Controls(**values)


def _stamp_of(file: Path) -> tuple[int, ...]:
    try:
        about = file.stat()
    except OSError:
        return ()
    return about.st_ino, about.st_mtime_ns, about.st_size


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise SettingsError(f"expected {name} to be {expected}; got {got}. To fix: choose another value.")


_NOTHING = Controls()
