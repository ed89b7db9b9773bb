"""The requests about a network, asked of a lab that serves: values of the query, bodies, answers and refusals."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from safetensors.numpy import load

from tests.lab import trained
from tests.lab.conftest import Served
from tests.lab.trained import picture

RUN = "ants & bees"


@pytest.fixture(scope="module", autouse=True)
def run(served: Served, tmp_path_factory: pytest.TempPathFactory) -> None:
    shutil.copytree(trained.classifier(tmp_path_factory), served.lab.runs / RUN)
    trained.untrained(served.lab.runs)


@pytest.mark.parametrize(
    ("path", "query", "keys"),
    [
        ("answers", {"num": 2}, {"step", "classes", "pictures", "labels", "probabilities", "accuracy", "num"}),
        ("answers", {"step": 3}, {"step", "classes", "pictures", "labels", "probabilities", "accuracy", "num"}),
        ("confusion", {}, {"step", "classes", "counts", "accuracy", "recall", "num"}),
        ("confusion/0/1", {"step": 0}, {"step", "pictures", "probabilities", "total"}),
        ("layers", {"picture": 1, "step": 2}, {"step", "loss", "shown", "answers", "layers"}),
        ("weights", {"bins": 9}, {"edges", "moments"}),
        ("weight/loss", {"name": "conv1.bias[0]", "value": 0.5}, {"step", "value", "loss"}),
    ],
)
def test_answers(served: Served, path: str, query: dict[str, Any], keys: set[str]) -> None:
    answer = served.ask("GET", f"/api/runs/{RUN}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == keys


def test_a_picture_is_a_body(served: Served) -> None:
    for path in ("predict", "layers"):
        assert served.ask("POST", f"/api/runs/{RUN}/{path}", content=picture()).status_code == 200
        refused = served.ask("POST", f"/api/runs/{RUN}/{path}", content=b"")
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "bad_data")
    refused = served.ask("POST", f"/api/runs/{RUN}/predict", content=b"x" * 20_000_001)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    assert [path.name for path in served.lab.scratch.iterdir()] == ["sites"]


def test_the_network_is_a_file_with_a_plain_name(served: Served) -> None:
    answer = served.ask("GET", f"/api/runs/{RUN}/network", params={"step": 3})
    assert answer.headers["content-disposition"] == 'attachment; filename="ants___bees-3.safetensors"'
    assert "conv1.weight" in load(answer.content)


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("answers", {"num": 0}, 400),
        ("answers", {"num": 65}, 400),
        ("answers", {"step": -1}, 400),
        ("answers", {"step": "nan"}, 400),
        ("answers", {"stepp": 1}, 400),
        ("weight", {}, 400),
        ("weight", {"name": "nothing[0]"}, 404),
        ("weight", {"name": "x" * 201}, 400),
        ("weight/loss", {"name": "conv1.bias[0]", "value": "inf"}, 400),
        ("weight/loss", {"name": "conv1.bias[0]", "value": 1e7}, 400),
        ("layers", {"picture": 100_000}, 422),
        ("confusion/7/0", {}, 404),
        ("confusion/x/0", {}, 404),
        ("people", {}, 422),
        ("drawings", {}, 422),
        ("pictures/5", {}, 404),
        ("surroundings", {"plane": "flat"}, 400),
    ],
)
def test_refusals(served: Served, path: str, query: dict[str, Any], status: int) -> None:
    answer = served.ask("GET", f"/api/runs/{RUN}/{path}", params=query)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"].startswith("expected ")


def test_a_run_without_weights_and_one_that_is_not_there(served: Served) -> None:
    assert served.ask("GET", "/api/runs/untrained/drawings").status_code == 409
    assert served.ask("GET", "/api/runs/untrained/answers").status_code == 422
    assert served.ask("GET", "/api/runs/nobody/answers").status_code == 404
    assert served.ask("GET", "/api/runs/..%2Fscratch/answers").status_code == 404
