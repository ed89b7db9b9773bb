"""Trainings from the page: what there is, starting one, steering it, going on with it, taking it away.

Each is a process of its own (see `children`), and the run directory is all that is between them and the lab; so one
that was started in a terminal is watched and steered as well.
"""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from glassnet.data.processes import available_cores
from glassnet.errors import SettingsError
from glassnet.lab import uploads
from glassnet.lab.answers import ConflictError, json_answer, read_json
from glassnet.lab.endpoint import WHOLE, Endpoint, Schema
from glassnet.lab.lab import Lab
from glassnet.lab.worker import in_worker
from glassnet.training import Run
from glassnet.training.control import asked_now, write_controls
from glassnet.training.settings import BUDGETS, OPTIMIZERS, RUNTIMES, SCHEDULES

_LARGEST = 2**31 - 1
_LINE: Schema = {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": r"^[^\x00-\x1f]*$"}
_RATE: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6}
_SHARE: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
_DECAY: Schema = {"type": "number", "minimum": 0, "maximum": 1e6}
_BATCH: Schema = {"type": "integer", "minimum": 1, "maximum": 65_536}
_BUDGETS: Mapping[str, Schema] = {
    "minutes": {"type": "number", "exclusiveMinimum": 0, "maximum": 100_000},
    "epochs": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6},
    "steps": {"type": "integer", "minimum": 1, "maximum": _LARGEST},
}
WANTED: Schema = {
    "type": "object",
    "required": ["task"],
    "additionalProperties": False,
    "properties": {
        "task": _LINE, "data": _LINE, "model": _LINE, **_BUDGETS, "batch_size": _BATCH, "learning_rate": _RATE,
        "schedule": {"enum": list(SCHEDULES)}, "optimizer": {"enum": list(OPTIMIZERS)}, "momentum": _SHARE,
        "weight_decay": _DECAY, "seed": WHOLE, "runtime": {"enum": list(RUNTIMES)}, "start": _LINE,
    },
}  # fmt: skip
CONTROLS: Schema = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {
        "is_paused": {"type": "boolean"},
        "num_steps": {"type": "integer", "minimum": 1, "maximum": 1000},
        "is_stopping": {"enum": [True]},
        "learning_rate": {**_RATE, "type": ["number", "null"]},
        "momentum": {**_SHARE, "type": ["number", "null"]},
        "weight_decay": {**_DECAY, "type": ["number", "null"]},
        "batch_size": {**_BATCH, "type": ["integer", "null"]},
    },
}
_MORE: Schema = {"type": "object", "additionalProperties": False, "properties": _BUDGETS}


async def home(request: Request) -> Response:
    lab: Lab = request.app.state.lab
    told = await in_worker(of_this_machine, available_cores())
    return json_answer({**told, "runs": await lab.read(lab.overview.summaries)})


async def index(request: Request) -> Response:
    lab: Lab = request.app.state.lab
    return json_answer({"runs": await lab.read(lab.overview.summaries)})


async def start(request: Request) -> Response:
    lab: Lab = request.app.state.lab
    task, options, settings = await asked_for(lab, await read_json(request, WANTED))
    name = lab.children.new_name(settings["task"])
    lab.children.start(name, [*options, "--", task], settings)
    return json_answer({"run": name}, 201)


async def show(request: Request) -> Response:
    lab, name = request.app.state.lab, request.path_params["run"]
    return json_answer(await lab.read(lab.overview.details, name, lab.find(name)))


async def steer(request: Request) -> Response:
    lab, name = request.app.state.lab, request.path_params["run"]
    wanted = await read_json(request, CONTROLS)
    await lab.read(_steer, lab, lab.run(name), wanted)
    return json_answer(await lab.read(lab.overview.status, name, lab.run(name)))


async def resume(request: Request) -> Response:
    lab, name = request.app.state.lab, request.path_params["run"]
    more = await read_json(request, _MORE)
    if len(more) > 1:
        raise SettingsError(f"expected one of {', '.join(BUDGETS)}; got {len(more)}. To fix: give one.")
    run = lab.run(name)
    _refuse_if_alive(lab, run)
    settings = run.settings
    task = settings.data if settings.task == "folder" and settings.data else settings.task
    lab.children.start(name, [*_options(more), "--resume", "--", task], dataclasses.asdict(settings))
    return json_answer(await lab.read(lab.overview.status, name, run))


async def delete(request: Request) -> Response:
    lab, name = request.app.state.lab, request.path_params["run"]
    run = lab.find(name)
    if run is not None:
        _refuse_if_alive(lab, run)
        await lab.read(_remove, run.path)
    elif (child := lab.children.get(name)) and child.is_alive:
        raise _alive(name)
    lab.children.forget(name)
    return Response(status_code=204)


async def asked_for(lab: Lab, wanted: Mapping[str, Any]) -> tuple[str, list[str], dict[str, Any]]:
    """The task, the options of the command line, and the settings that they make; raises SettingsError."""
    given = {name: value for name, value in wanted.items() if name not in ("task", "start")}
    settings = await in_worker(settings_of, wanted["task"], given)
    start = [f"--start={_start(lab, wanted['start'])}"] if "start" in wanted else []
    return wanted["task"], [*_options(given), *start], settings


def settings_of(task: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """In the worker: raises SettingsError where a training would at once, and for data elsewhere.

    A page makes nobody fetch anything: whoever wants that starts the training in a terminal.
    """
    from glassnet.data.storage import is_url
    from glassnet.tasks import settings_for

    if is_url(task):
        raise SettingsError(
            f"expected a task or a folder on this machine; got '{task[:200]}'. To fix: `glassnet train` in a terminal."
        )
    try:
        return dataclasses.asdict(settings_for(task, given))
    except (OSError, RuntimeError, ValueError) as error:  # a path that cannot be one, the home of nobody
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"expected a path in data; got one that cannot be used ({error}).") from error


def of_this_machine(num_cores: int) -> dict[str, Any]:
    """In the worker, which itself may use one core only."""
    from glassnet.lab import home

    return home.of_this_machine(num_cores)


def _options(given: Mapping[str, Any]) -> list[str]:
    """With an equals sign, so that no value is taken for another option."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]


def _start(lab: Lab, start: str) -> str:
    """Where the first weights are, as `--start` takes it."""
    if uploads.is_upload(start):
        return str(uploads.file_of(lab, start))
    name, at, step = start.rpartition("@")
    if at and step.isascii() and step.isdecimal():
        return f"{lab.path(name)}@{step}"
    return str(lab.path(start))


def _steer(lab: Lab, run: Run, wanted: Mapping[str, Any]) -> None:
    """Single steps are a pause at a later step; going on, or a pause, ends them."""
    changed = {name: value for name, value in wanted.items() if name != "num_steps"}
    if "num_steps" in wanted:
        step = lab.overview.status(run.path.name, run)["step"]
        changed |= {"is_paused": False, "pause_at": step + wanted["num_steps"]}
    elif "is_paused" in wanted:
        changed["pause_at"] = None
    write_controls(run.path, dataclasses.replace(asked_now(run.path), **changed))


def _refuse_if_alive(lab: Lab, run: Run) -> None:
    child = lab.children.get(run.path.name)
    if run.is_alive() or (child is not None and child.is_alive):
        raise _alive(run.path.name)


def _alive(name: str) -> ConflictError:
    return ConflictError(f"expected a run that nobody trains; got {name}, which is trained. To fix: stop it first.")


def _remove(path: Path) -> None:
    """At once for whoever looks; a link goes, and what it leads to stays."""
    if path.is_symlink():
        return path.unlink()
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.deleted")
    path.rename(hidden)
    return shutil.rmtree(hidden)


_DETAILS = "/api/runs/{run}"
ENDPOINTS = (
    Endpoint("GET", "/api/home", home, "What can be trained here, this machine, and all runs"),
    Endpoint("GET", "/api/runs", index, "All runs, the newest first"),
    Endpoint("POST", "/api/runs", start, "Start a training", body=WANTED, status=201),
    Endpoint("GET", _DETAILS, show, "One run: settings, facts, status, and the moments of which something was kept"),
    Endpoint("DELETE", _DETAILS, delete, "Take a run away that nobody trains", status=204),
    Endpoint("POST", f"{_DETAILS}/control", steer, "Pause, go on, single steps, stop, change rates", body=CONTROLS),
    Endpoint("POST", f"{_DETAILS}/resume", resume, "Go on with a training that ended", body=_MORE),
    *uploads.ENDPOINTS,
)
