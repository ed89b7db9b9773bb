"""The description says what the lab does; from it come requests that nobody thought of, and none breaks anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis.openapi
import torch
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from glassnet.lab.app import ENDPOINTS
from glassnet.lab.description import of
from glassnet.lab.guard import TOKEN_HEADER
from tests.lab.conftest import TOKEN, Served, make_run, serving

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = {("GET", "/api/runs/{run}/events"), ("POST", "/api/race")}
SCHEMA = schemathesis.openapi.from_dict(of(ENDPOINTS))
OPERATIONS = [
    operation
    for operation in (result.ok() for result in SCHEMA.get_all_operations())
    if (operation.method.upper(), operation.path) not in ENDLESS
]
FEW = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A lab in which no training may be started, nor prepared for a tab."""
    with serving(tmp_path_factory.mktemp("lab"), most_trainings=0, most_sites=0) as it:
        yield it


@pytest.fixture(autouse=True)
def subnormal_numbers() -> None:
    """Hypothesis wants them; onnxruntime, in tests before these, told the processor to take them for 0."""
    torch.set_flush_denormal(False)


def name_of(operation: Any) -> str:
    return f"{operation.method.upper()} {operation.path}"


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=map(name_of, OPERATIONS))
def test_no_request_breaks_it(closed: Served, operation: Any, mode: GenerationMode) -> None:
    around = closed.lab.runs.parent

    @FEW
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        shutil.rmtree(closed.lab.runs, ignore_errors=True)
        make_run(closed.lab, "run", num_steps=2)
        if "run" in (case.path_parameters or {}) and mode is GenerationMode.POSITIVE:
            case.path_parameters["run"] = "run"
        case.call_and_validate(base_url=closed.address, headers={TOKEN_HEADER: TOKEN}, checks=CHECKS)
        assert closed.lab.children.names() == []
        assert {path.name for path in closed.lab.runs.iterdir()} <= {"run"}

    ask()
    assert {path.name for path in around.iterdir()} == {"runs", "scratch"}
    assert all(path.name == "sites" or path.name.startswith("upload-") for path in closed.lab.scratch.iterdir())
    assert list(closed.lab.sites.folder.iterdir()) == []


def test_every_request_is_described(closed: Served) -> None:
    description = closed.ask("GET", "/api/openapi.json").json()
    assert description["openapi"] == "3.1.0"
    for endpoint in ENDPOINTS:
        operation = description["paths"][endpoint.path.replace(":int", "")][endpoint.method.lower()]
        assert operation["summary"]
        assert str(endpoint.status) in operation["responses"]


def test_no_two_requests_have_one_address() -> None:
    addresses = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS]
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("query", ["wrong=1", "step=x", "step=-1", "step=1&step=2", "step=1e400", f"step={'9' * 99}"])
def test_what_stands_in_a_query_is_checked(closed: Served, query: str) -> None:
    answer = closed.ask("GET", f"/api/runs/any/answers?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].startswith("expected")
