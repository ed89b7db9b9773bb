"""What there is to know of runs without loading a network: all of them in short, one in full, how one is.

Everything here reads files; requests call it in the lab's one reading thread (see `Lab.read`).
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.lab import encoding
from glassnet.lab.children import Child, Children, last_words, settle
from glassnet.lab.digest import Digest
from glassnet.training import Run, find_runs, history
from glassnet.training.checkpoint import steps_in
from glassnet.training.control import Controls, asked_now
from glassnet.training.pictures import kept_pictures, read_pictures

EVENTS = "events.jsonl"
_ALIVE = ("starting", "running", "paused")
_THUMBNAILS = 4  # drawings of a run, in a list of runs


class Overview:
    """Of the runs in a directory, and of the children that will have one there."""

    def __init__(self, runs: Path, children: Children):
        self._runs, self._children = runs, children
        self._digests: dict[str, Digest] = {}

    def summaries(self) -> list[dict[str, Any]]:
        """The newest first."""
        found, _ = find_runs(self._runs)
        runs = {run.path.name: run for run in found if is_inside(run.path)}
        early = [name for name in self._children.names() if name not in runs]
        told = [self._summary(name, runs[name]) for name in runs] + [self._early_summary(name) for name in early]
        return sorted(told, key=lambda summary: -summary["changed_at"])

    def details(self, name: str, run: Run | None) -> dict[str, Any]:
        """``run`` is None before a child has made its directory."""
        child, digest = self._children.get(name), self._digest(name)
        assert run or child
        settings = dataclasses.asdict(run.settings) if run else child and child.settings
        started = digest.started
        return {
            "run": name,
            "settings": settings,
            "facts": run.facts if run else {},
            "started": {"event": "started", **dataclasses.asdict(started)} if started else None,
            "status": self.status(name, run),
            "moments": [step for step, _ in history.snapshots(run)] if run else [],
            "pictured": list(kept_pictures(run.pictures)) if run else [],
            "checkpoint": max(steps_in(run.checkpoints), default=None) if run else None,
        }

    def status(self, name: str, run: Run | None) -> dict[str, Any]:
        digest, child = self._digest(name), self._children.get(name)
        if child:
            settle(child.path)
        asked = asked_now(run.path) if run else Controls()
        is_held = run is not None and run.is_alive()
        state = _state(digest, child, is_held, asked.is_paused_at(digest.step))
        return {
            "state": state,
            "is_alive": state in _ALIVE,
            "step": digest.step,
            "control": _told(asked, digest.step),
            "error": last_words(self._runs / name) if state == "crashed" else None,
        }

    def _digest(self, name: str) -> Digest:
        self._digests[name] = self._digests.get(name, Digest()).read_on(self._runs / name / EVENTS)
        return self._digests[name]

    def _summary(self, name: str, run: Run) -> dict[str, Any]:
        status, digest = self.status(name, run), self._digests[name]
        losses = [step.loss for step in digest.steps]
        evaluated, finished, started = digest.evaluated, digest.finished, digest.started
        settings = run.settings
        return {
            "run": name,
            "task": settings.task,
            "model": settings.model,
            "title": Path(settings.data).name if settings.data and settings.task in ("folder", "faces") else name,
            "state": status["state"],
            "step": status["step"],
            "elapsed_s": digest.elapsed_s,
            "num_weights": started.num_weights if started else None,
            "loss": sum(losses) / len(losses) if losses else finished and finished.loss,
            "validation_loss": evaluated.validation_loss if evaluated else None,
            "accuracy": evaluated.accuracy if evaluated else None,
            "changed_at": digest.changed_at or run.path.stat().st_mtime,
            "thumbnail": _thumbnail(run.pictures),
            "reason": finished.reason if finished else None,
        }

    def _early_summary(self, name: str) -> dict[str, Any]:
        child = self._children.get(name)
        assert child is not None
        nothing = ("num_weights", "loss", "validation_loss", "accuracy", "thumbnail", "reason")
        return {
            "run": name, "task": child.settings["task"], "model": child.settings["model"], "title": name,
            "state": self.status(name, None)["state"], "step": 0, "elapsed_s": 0.0, "changed_at": child.started_at,
            **dict.fromkeys(nothing),
        }  # fmt: skip


def _state(digest: Digest, child: Child | None, is_held: bool, is_paused: bool) -> str:
    """Of a training that is alive, or how the last one ended."""
    if is_held and digest.started is not None:
        return "paused" if is_paused else "running"
    if is_held or (child is not None and child.is_alive):
        return "starting"
    if digest.finished is not None:
        return "stopped" if digest.finished.reason == "stopped" else "finished"
    return "crashed" if digest.started is not None or child is not None else "idle"


def is_inside(path: Path) -> bool:
    """Whether it is a run for the lab: no hidden directory, and no link that leads elsewhere."""
    return not path.name.startswith(".") and path.resolve().parent == path.parent.resolve()


def _told(asked: Controls, step: int) -> dict[str, Any]:
    numbers = ("learning_rate", "momentum", "weight_decay", "batch_size")
    return {"is_paused": asked.is_paused_at(step), **{name: getattr(asked, name) for name in numbers}}


def _thumbnail(pictures: Path) -> dict[str, Any] | None:
    """The first of the last drawings; None of a task that makes none."""
    files = list(kept_pictures(pictures).values())
    return _thumbnail_in(files[-1]) if files else None


@lru_cache(maxsize=256)
def _thumbnail_in(file: Path) -> dict[str, Any] | None:
    return encoding.pixels(np.asarray(read_pictures(file)[:_THUMBNAILS], np.uint8), is_ink=True)
