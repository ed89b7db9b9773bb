"""What the requests of one session share: where the runs are, and a directory of its own for what comes and goes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread

from glassnet.errors import CheckpointError
from glassnet.lab.answers import NotFoundError
from glassnet.lab.children import Children
from glassnet.lab.overview import Overview, is_inside
from glassnet.lab.sites import Sites
from glassnet.training import Run

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

# What a run may be called in a request: one name, not a path, nor one of the hidden files beside the runs.
_NAME = re.compile(r"(?!\.)[^/\\\0]{1,200}")


class Lab:
    """Of one session, with the limits it sets."""

    def __init__(self, runs: Path, scratch: Path, most_trainings: int = 4, most_streams: int = 64, most_sites: int = 8):
        self.runs = runs
        self.scratch = scratch  # private to this session, and goes with it
        self.most_streams = most_streams  # of events, open at once
        self.sites = Sites(scratch / "sites", most_sites)
        self.children = Children(runs, most_trainings)
        self.overview = Overview(runs, self.children)
        self.tails: dict[str, Any] = {}  # of `stream`, by the names of the runs that are watched
        self._reading = anyio.CapacityLimiter(1)

    async def read(self, function: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> T:
        """What a function makes of files, in a thread; one at a time, so that what it keeps needs no locks."""
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._reading)

    def path(self, name: str) -> Path:
        """Of a run that exists directly below ``runs``; raises NotFoundError."""
        path = self.runs / name if is_name(name) else None
        if path is None or not (path / "settings.json").is_file() or not is_inside(path):
            raise NotFoundError(
                f"expected the name of a run; got '{name[:200]}', of which there is none. To fix: choose one of them."
            )
        return path

    def run(self, name: str) -> Run:
        """Raises NotFoundError, and CheckpointError if its settings cannot be read."""
        path = self.path(name)
        try:
            return Run(path)
        except CheckpointError as error:
            raise CheckpointError(
                f"expected a run of this version of glassnet; got {name}, whose settings.json cannot be used. "
                "To fix: choose another run."
            ) from error

    def find(self, name: str) -> Run | None:
        """The same, or None while a training that was started here has not made its directory."""
        try:
            return self.run(name)
        except NotFoundError:
            if self.children.get(name) is None:
                raise
            return None


def is_name(name: str) -> bool:
    """Whether it may be the name of a run."""
    return _NAME.fullmatch(name) is not None
