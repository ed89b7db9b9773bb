"""What the events of a run come to, kept up to date by reading only what is new in its log.

Logs grow by hundreds of lines a second; lines of steps, nearly all of them, are kept unread until somebody asks.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from glassnet.training import events
from glassnet.training.events import Checkpointed, Evaluated, Event, Finished, Started, Stepped

STEPPED = b'{"event": "stepped"'  # how the line of a step begins
_PIECE_BYTES = 2**20
_LOSSES_AVERAGED = 50


@dataclass
class Digest:
    """Of one log, up to ``position``, which is where a line ends."""

    inode: int = 0
    position: int = 0
    changed_at: float = 0.0
    started: Started | None = None
    evaluated: Evaluated | None = None
    checkpointed: Checkpointed | None = None
    finished: Finished | None = None  # None again once the training goes on
    _stepped: deque[bytes] = field(default_factory=lambda: deque(maxlen=_LOSSES_AVERAGED))

    def read_on(self, path: Path) -> Digest:
        """Up to date: this one, or a new one where another log is in its place."""
        try:
            with open_plain(path) as log:
                about = os.fstat(log.fileno())
                is_same = about.st_ino == self.inode and about.st_size >= self.position
                digest = self if is_same else Digest(about.st_ino)
                digest.changed_at = about.st_mtime
                for lines in whole_lines(log, digest.position):
                    digest._take(lines)
                return digest
        except OSError:
            # A run that has only begun has no log, and one that is being deleted has none any more.
            return Digest()

    @property
    def steps(self) -> list[Stepped]:
        """The last few."""
        read = [events.from_json(line) for line in self._stepped]
        return [event for event in read if isinstance(event, Stepped)]

    @property
    def step(self) -> int:
        others = [one.step for one in (self.started, self.checkpointed, self.finished) if one]
        return max([step.step for step in self.steps] + others, default=0)

    @property
    def elapsed_s(self) -> float:
        others = [one.elapsed_s for one in (self.started, self.checkpointed, self.finished) if one]
        return max([step.elapsed_s for step in self.steps] + others, default=0.0)

    def _take(self, lines: bytes) -> None:
        self.position += len(lines)
        for line in lines.splitlines():
            if line.startswith(STEPPED):
                self._stepped.append(line)
            else:
                self._note(events.from_json(line))

    def _note(self, event: Event | None) -> None:
        if isinstance(event, Started):
            self.started, self.finished = event, None
            self._stepped.clear()
        elif isinstance(event, Evaluated):
            self.evaluated = event
        elif isinstance(event, Checkpointed):
            self.checkpointed = event
        elif isinstance(event, Finished):
            self.finished = event


def whole_lines(log: BinaryIO, position: int) -> Iterator[bytes]:
    """What is there from ``position`` on, in pieces that end where lines do; the last line may not be finished."""
    log.seek(position)
    while piece := log.read(_PIECE_BYTES):
        end = piece.rfind(b"\n") + 1
        if not end:
            return  # the rest of the line comes later, or it is too long to be one of ours
        yield piece[:end]
        log.seek(end - len(piece), os.SEEK_CUR)


def open_plain(path: Path) -> BinaryIO:
    """A link in the place of a log could lead anywhere, so it is none."""
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
