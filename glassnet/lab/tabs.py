"""Trainings in a browser tab, prepared for the page: one that begins, or a run that goes on there."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glassnet.lab.answers import json_answer, read_json
from glassnet.lab.endpoint import Endpoint, Schema
from glassnet.lab.lab import Lab
from glassnet.lab.trainings import WANTED, asked_for
from glassnet.training.checkpoint import steps_in

PLACE = "tabs"  # where they are served, seen from the page
_WANTED: Schema = {**WANTED, "properties": {n: one for n, one in WANTED["properties"].items() if n != "runtime"}}
_NOTHING: Schema = {"type": "object", "additionalProperties": False, "properties": {}}


async def begin(request: Request) -> Response:
    lab: Lab = request.app.state.lab
    task, options, _ = await asked_for(lab, await read_json(request, _WANTED))
    return _address(await lab.sites.name([*options, "--", task]))


async def go_on(request: Request) -> Response:
    lab: Lab = request.app.state.lab
    await read_json(request, _NOTHING)
    run = lab.run(request.path_params["run"])
    newest = max(steps_in(run.checkpoints), default=None)
    return _address(await lab.sites.name(["--", str(run.path)], f"step {newest}"))


def _address(name: str) -> Response:
    return json_answer({"address": f"{PLACE}/{name}/"}, 201)


ENDPOINTS = (
    Endpoint("POST", "/api/tabs", begin, "Prepare a training that a tab runs", body=_WANTED, status=201),
    Endpoint("POST", "/api/runs/{run}/tab", go_on, "Prepare a run to go on in a tab", body=_NOTHING, status=201),
)
