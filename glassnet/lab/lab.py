"""What the requests of one session share: where the runs are, and a directory of its own for what comes and goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from glassnet.errors import CheckpointError
from glassnet.lab.answers import NotFoundError
from glassnet.training import Run

# What a run may be called in a request: one name, not a path, nor one of the hidden files beside the runs.
_NAME = re.compile(r"(?!\.)[^/\\\0]{1,200}")


@dataclass(frozen=True)
class Lab:
    """``scratch`` is private to this session and goes with it."""

    runs: Path
    scratch: Path
    most_trainings: int = 4  # at once
    most_streams: int = 64  # of events, open at once

    def path(self, name: str) -> Path:
        """Of a run that exists directly below ``runs``; raises NotFoundError."""
        path = self.runs / name if is_name(name) else None
        if path is None or not (path / "settings.json").is_file() or path.resolve().parent != self.runs.resolve():
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


def is_name(name: str) -> bool:
    """Whether it may be the name of a run."""
    return _NAME.fullmatch(name) is not None
