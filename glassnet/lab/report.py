"""A run as one HTML file: the lab's pages of it, with the answers that they ask for written down beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio

from glassnet.errors import CheckpointError, SettingsError
from glassnet.lab.app import make_app
from glassnet.lab.inlining import page
from glassnet.lab.lab import Lab, is_name
from glassnet.lab.recording import Recorder
from glassnet.lab.report_parts import PARTS, path_of
from glassnet.lab.thinning import Thinned
from glassnet.training import Run, events

Tell = Callable[[str], None]
_MOST_BYTES = 8_500_000  # of answers: with the rest, a file that can be sent by mail
_GOING_ON = ("starting", "running", "paused")


@dataclass(frozen=True)
class Written:
    """notices: what is not in the report, and why."""

    size_bytes: int
    notices: Sequence[str]


def write_report(path: Path, output: Path, tell: Tell) -> Written:
    """Write the run at ``path`` to ``output``; ``tell`` gets a line for each part that takes a while."""
    run = Run(path.resolve())
    run.newest_checkpoint()
    if not is_name(run.path.name):
        raise SettingsError(f"expected a folder whose name can be shown; got {run.path}. To fix: rename it.")
    if not output.parent.is_dir():
        raise SettingsError(f"expected a folder {output.parent} to write into; got none. To fix: make it first.")
    recording, notices = anyio.run(record, run, tell)
    text = page(f"{run.path.name} · glassnet", recording).encode("utf-8", "replace")
    try:
        output.write_bytes(text)
    except OSError as error:
        raise SettingsError(
            f"expected to write {output}; got '{error.strerror}'. To fix: choose another --output."
        ) from error
    return Written(len(text), notices)


async def record(run: Run, tell: Tell) -> tuple[dict[str, Any], list[str]]:
    """What the pages of a report are answered with, and what had to be left out."""
    name = run.path.name
    with tempfile.TemporaryDirectory(prefix="glassnet-report-") as scratch:
        recorder = Recorder(make_app(Lab(run.path.parent, Path(scratch))), _MOST_BYTES)
        details = await recorder.ask(path_of(name))
        if details is None:
            raise CheckpointError(f"expected a run that can be shown in {run.path}; got this: {recorder.notices[0]}")
        for part, gather in PARTS.items():
            tell(f"recording {part}")
            await gather(recorder, name, details)
    beyond = [f"left out of the report: what is beyond {_MOST_BYTES / 1e6:g} MB"] if recorder.is_full else []
    recording = {
        "run": name,
        "version": version("glassnet"),
        "status": _at_rest(details["status"]),
        "events": _events(run),
        "texts": recorder.texts,
        "answers": [{"path": one.path, "params": one.params, "answer": one.answer} for one in recorder.asked],
    }
    return recording, [*recorder.notices, *beyond]


def _events(run: Run) -> list[dict[str, Any]]:
    thinned = Thinned()
    for event in run.events():
        thinned.add(events.to_json(event).encode())
    return thinned.events()


def _at_rest(status: Mapping[str, Any]) -> dict[str, Any]:
    """A report does not go on, whatever the training does."""
    state = "stopped" if status["state"] in _GOING_ON else status["state"]
    return {**status, "state": state, "is_alive": False}
