"""Trainings that a page can run by itself: a process of its own exports each, for as long as the lab runs.

What is asked for again has the address that it had, under which the browser keeps how far the training came.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

from glassnet.errors import DataError, SettingsError
from glassnet.lab.answers import BusyError, ConflictError

_MOST_WAITING = 2
_WRONG_USAGE = 2  # the exit code of the command line


class Sites:
    """In ``folder``, by names that nobody can guess: what is served there takes no token."""

    def __init__(self, folder: Path, most: int):
        folder.mkdir(exist_ok=True)
        self.folder, self._most = folder, most
        self._names: dict[tuple[str, ...], str] = {}
        self._turn = anyio.CapacityLimiter(1)

    async def name(self, arguments: Sequence[str], moment: str = "") -> str:
        """Of the one that `glassnet export --web` makes of the arguments at this moment, made unless it is there.

        Raises BusyError, ConflictError, and what the command says as SettingsError or DataError.
        """
        if self._turn.statistics().tasks_waiting >= _MOST_WAITING:
            raise BusyError("expected few trainings to be prepared at once; got one more. To fix: wait for the others.")
        async with self._turn:
            key = (*arguments, moment)
            if key not in self._names:
                if len(self._names) >= self._most:
                    raise ConflictError(
                        f"expected at most {self._most} different trainings in tabs of a lab; got one more. To fix: "
                        "start the lab again, or write a site with `glassnet export --web`."
                    )
                name = secrets.token_urlsafe(16)
                await _export(arguments, self.folder / name)
                self._names[key] = name
            return self._names[key]


async def _export(arguments: Sequence[str], target: Path) -> None:
    process = await anyio.run_process(
        [sys.executable, "-m", "glassnet", "export", "--web", *arguments, str(target)],
        stdin=subprocess.DEVNULL,
        check=False,
        start_new_session=True,  # Ctrl-C is for the lab, with which it ends
    )
    if process.returncode == 0:
        return
    said = process.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
    kind = SettingsError if process.returncode == _WRONG_USAGE else DataError
    raise kind(said[-1].removeprefix("glassnet: "))
