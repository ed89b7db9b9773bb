"""A training that obeys ``control.json`` while it runs: pauses, single steps, and a stop from outside."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing

from glassnet.runtimes import Runtime
from glassnet.training.control import Watcher
from glassnet.training.events import Event, Finished
from glassnet.training.loop import train
from glassnet.training.run import Run
from glassnet.training.task import Task

_POLL_INTERVAL_S = 0.05


def steered(task: Task, run: Run, runtime: Runtime, resume: bool = False) -> Generator[Event | None]:
    """The events of `train` as they come; in a pause None instead, many times a second, so that the caller has its say.

    What is asked is in the run directory (see `control`); who goes on with a run calls `control.unpause` before.
    Closing it closes the training, also in a pause.
    """
    watcher = Watcher(run.path)
    with closing(train(task, run, runtime, resume, watcher)) as training:
        for event in training:
            yield event
            if isinstance(event, Finished):
                return
            if event is None:
                time.sleep(_POLL_INTERVAL_S)
            if watcher().is_stopping:
                training.close()
                yield run.last(Finished)
                return
