"""A training (or a race) of several processes, as `torchrun` starts them: one leads, and talks; the others follow.

`torchrun --nproc-per-node 4 -m glassnet train cifar10`. A `--run` torchrun would take for one of its own options; so
there `--run-dir` is its name.
"""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.errors import SettingsError

if TYPE_CHECKING:
    from glassnet.runtimes import Runtime
    from glassnet.runtimes.parallel import Group
    from glassnet.training import Settings, Task


_OF_A_MACHINE = ("data", "start")  # paths, which may be others on each


@contextmanager
def several(given: dict[str, Any], shares_batches: bool = True) -> Iterator[Group | None]:
    """All processes that do this together, once they have found each other; None if there is no other."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "RANK" not in os.environ:
        yield None
        return
    # Of each question that has to wait PyTorch would tell otherwise, and of a lost process in a page of C++.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from glassnet.runtimes import get_group

    with get_group(given.get("device", "cpu"), shares_batches) as group:
        asked = {f"--{name.replace('_', '-')}": value for name, value in given.items() if name not in _OF_A_MACHINE}
        group.agree({"version of glassnet": version("glassnet"), **asked})
        yield group


def was_interrupted(path: Path | None) -> bool:
    """Whether `torchrun` starts this training again, after one of its processes ended, and there is something of it."""
    is_again = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")) > 0 and path is None:
        raise SettingsError(
            "expected --run, since torchrun may start this training again; got none. To fix: name a directory."
        )
    return is_again and path is not None and (path / "checkpoints").is_dir()


def shared(settings: Settings | None, group: Group | None) -> Settings:
    """The leader's settings, on all, with a runtime that several processes can share."""
    from glassnet.training import Settings

    if group is None:
        assert settings is not None
        return settings
    settings = Settings.from_json(group.hear(None if settings is None else settings.to_json()), "the first process")
    if settings.runtime == "onnx":
        raise SettingsError(
            "expected --runtime torch or numpy for several processes; got onnx. To fix: leave it out, or start one."
        )
    return dataclasses.replace(settings, runtime="torch") if settings.runtime == "auto" else settings


def agree(settings: Settings, task: Task, group: Group) -> None:
    """Raise SettingsError unless all processes are about to do the same on the same data."""
    facts = {f"--{name.replace('_', '-')}": value for name, value in dataclasses.asdict(settings).items()}
    group.agree({**facts, "number of examples": len(next(iter(task.training.values()))), "data": dict(task.facts)})


def follow_leader(task: Task, settings: Settings, runtime: Runtime, group: Group) -> None:
    """Until the one that leads says that it is over."""
    from glassnet.training.stepper import follow

    obey_only_the_leader()
    follow(task, settings, runtime, group)


def obey_only_the_leader() -> None:
    """From now on Ctrl-C, and what torchrun sends, is for that one alone; it says when it is over."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def leading(group: Group | None) -> Iterator[None]:
    """A block that others help with; however it ends, they are told."""
    try:
        yield
    finally:
        if group is not None:
            group.dismiss()
