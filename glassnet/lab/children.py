"""Trainings that the lab started, each a process of its own: a reload of the page or its crash leaves them alone."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from glassnet.lab.answers import ConflictError
from glassnet.training.control import asked_now, write_controls
from glassnet.training.run import new_names

LOG = "log.txt"
_MOST_SAID_BYTES = 4096
_STOP_WITHIN_S = 30.0


@dataclass
class Child:
    """settings: what it was asked to do, before it has a run directory that says so."""

    path: Path
    settings: Mapping[str, Any]
    process: subprocess.Popen[bytes]
    started_at: float

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None


class Children:
    """By the names of their runs."""

    def __init__(self, runs: Path, most: int):
        self._runs, self._most = runs, most
        self._by_name: dict[str, Child] = {}

    def get(self, name: str) -> Child | None:
        return self._by_name.get(name)

    def names(self) -> list[str]:
        return list(self._by_name)

    def alive(self) -> list[Child]:
        return [child for child in self._by_name.values() if child.is_alive]

    def forget(self, name: str) -> None:
        self._by_name.pop(name, None)
        _early_log(self._runs / name).unlink(missing_ok=True)

    def new_name(self, task: str) -> str:
        """Of a run that is not there yet."""
        return next(n for n in new_names(task) if n not in self._by_name and not (self._runs / n).exists())

    def start(self, name: str, arguments: Sequence[str], settings: Mapping[str, Any]) -> Child:
        """Raises ConflictError if as many are alive as may be."""
        if len(self.alive()) >= self._most:
            raise ConflictError(
                f"expected at most {self._most} trainings of the lab at once; got one more. To fix: stop one of them."
            )
        path = self._runs / name
        self._runs.mkdir(parents=True, exist_ok=True)
        # A new run directory has to be empty, so the log of its process waits beside it.
        log = path / LOG if path.exists() else _early_log(path)
        command = [sys.executable, "-m", "glassnet", "train", f"--run={path}", *arguments]
        with log.open("ab") as words:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,  # Ctrl-C is for the lab, which stops its trainings itself
            )
        self._by_name[name] = Child(path, settings, process, time.time())
        return self._by_name[name]


def settle(path: Path) -> None:
    """Once a run has its directory, the log of its process is at home there; what is written goes on into it."""
    early = _early_log(path)
    if path.is_dir() and early.exists():
        early.replace(path / LOG)


async def stop(children: Children, say: Callable[[str], None]) -> None:
    """Let those that are alive save and end; one that has not begun has nothing to save."""
    alive = children.alive()
    if not alive:
        return
    say(f"stopping {', '.join(child.path.name for child in alive)}, saved first")
    for child in alive:
        if child.path.is_dir():
            write_controls(child.path, dataclasses.replace(asked_now(child.path), is_stopping=True))
        else:
            child.process.terminate()  # SIGINT may be ignored: it is, where the lab was started in the background
    with anyio.move_on_after(_STOP_WITHIN_S):
        while children.alive():
            await anyio.sleep(0.1)
    for child in children.alive():
        say(f"{child.path.name} goes on by itself: it has not stopped within {_STOP_WITHIN_S:.0f} s")


def last_words(path: Path) -> str | None:
    """The end of what the process of a run had to say, a line or a few; None if it said nothing."""
    for log in (path / LOG, _early_log(path)):
        if log.is_file() and not log.is_symlink():
            return _end_of(log)
    return None


def _end_of(log: Path) -> str | None:
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _MOST_SAID_BYTES))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    # Of a traceback the last line says what it was; a complaint of glassnet is one line as well.
    return lines[-1].strip()[:500].removeprefix("glassnet: ") if lines else None


def _early_log(path: Path) -> Path:
    return path.with_name(f".{path.name}.log")
