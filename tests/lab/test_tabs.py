"""Trainings that the lab prepares for a tab: exported once, served to the page, refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from glassnet.data.drawn import draw_houses
from tests.lab.conftest import Served, make_run, serving
from tests.lab.trained import denoiser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "houses.npy"
    np.save(path, draw_houses(20, seed=1))
    return str(path)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A lab for a single site."""
    with serving(tmp_path_factory.mktemp("lab"), most_sites=1) as it:
        yield it


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("lab")) as it:
        yield it


def manifest_at(served: Served, answer: httpx.Response) -> dict[str, Any]:
    """Of the site, as a page without the token reads it."""
    assert answer.status_code == 201, answer.text
    site = f"{served.address}/{answer.json()['address']}"
    page = httpx.get(site)
    assert (page.status_code, "site.js" in page.text) == (200, True)
    assert page.headers["cross-origin-embedder-policy"] == "require-corp"
    return dict(json.loads(httpx.get(f"{site}network/manifest.json").content))


def test_a_training_that_begins_in_a_tab(few: Served, drawings: str) -> None:
    wanted = {"task": "houses", "data": drawings, "batch_size": 4, "learning_rate": 0.002, "seed": 5, "steps": 7}
    answer = few.ask("POST", "/api/tabs", json=wanted)
    settings = manifest_at(few, answer)["settings"]
    assert {name: settings[name] for name in wanted} == {**wanted, "data": "houses.npy"}
    # The same again is there already, in the place where the browser keeps what it has learned.
    assert few.ask("POST", "/api/tabs", json=wanted).json() == answer.json()
    refused = few.ask("POST", "/api/tabs", json={**wanted, "seed": 6})
    assert refused.status_code == 409
    assert refused.json()["error"]["message"].startswith("expected at most 1 different trainings in tabs")


def test_a_run_that_goes_on_in_a_tab(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = denoiser(tmp_path_factory)
    with serving(tmp_path_factory.mktemp("lab")) as served:
        served.lab.runs.mkdir()
        shutil.copytree(path, served.lab.runs / "mine")
        manifest = manifest_at(served, served.ask("POST", "/api/runs/mine/tab", json={}))
        assert manifest["initial"]["step"] == 3
        make_run(served.lab, "untrained")
        refused = served.ask("POST", "/api/runs/untrained/tab", json={})
        assert refused.status_code == 422
        assert refused.json()["error"]["message"].startswith("expected a checkpoint")


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ({"task": "houses", "runtime": "torch"}, 400, "runtime"),
        ({"task": "nowhere"}, 400, "expected a task"),
        ({"task": "http://127.0.0.1:9/shards"}, 400, "expected a task or a folder on this machine"),
        ({"task": "houses", "data": "/nowhere.npy", "steps": 1}, 422, "nowhere.npy"),
    ],
)
def test_what_cannot_be_had(others: Served, wanted: dict[str, Any], status: int, words: str) -> None:
    refused = others.ask("POST", "/api/tabs", json=wanted)
    assert refused.status_code == status, refused.text
    assert words in refused.json()["error"]["message"]
    assert "glassnet:" not in refused.text


def test_only_sites_are_served(others: Served, tmp_path: Path) -> None:
    (others.lab.scratch / "upload-secret").write_text("secret")
    for path in ("tabs/", "tabs/../upload-secret", "tabs/%2e%2e/upload-secret", "tabs/nowhere/"):
        assert httpx.get(f"{others.address}/{path}").status_code == 404
