"""`glassnet report`: one file that fetches nothing, holds what was asked of the lab, and is the same each time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glassnet.data.drawn import draw_houses
from glassnet.lab.answers import json_answer
from glassnet.lab.app import ENDPOINTS
from glassnet.lab.encoding import tensor
from glassnet.lab.inlining import modules_of, page
from glassnet.lab.recording import Recorder
from glassnet.lab.report import write_report
from glassnet.lab.report_parts import middle, path_of, spread, strongest
from tests.cli.classifiers import trained_classifier
from tests.cli.conftest import options, quick_command, run_outside

RECORDING: dict[str, Any] = {"run": "a </script> <!--", "answers": [], "texts": ["</script>"], "events": []}
# To tell the stories, to measure each of their losses and to look inside take most of the time.
FEWER_ANSWERS = (
    "from glassnet.lab import report_parts\n"
    "report_parts._NUM_STORIES, report_parts._NUM_LOSSES, report_parts._NUM_INSIDE = 2, 11, 3\n"
)
_COMMENTS = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
_ADDRESS = re.compile(r"""(?:\bfrom|^import|\bimport\s*\(|\bfetch\()\s*["'`]([^"'`]+)""", re.MULTILINE)
_STYLE_ADDRESS = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])([^"')]+)""")


class Reader(HTMLParser):
    """What stands in a page: its tags with their attributes, and the text of each script and style."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style") and data.strip():
            self.texts.append((self.tags[-1][1] | {"tag": self.tags[-1][0]}, data))

    def block(self, name: str) -> Any:
        (text,) = [text for attributes, text in self.texts if attributes.get("id") == name]
        return json.loads(text)

    def modules(self) -> dict[str, str]:
        (text,) = [text for attributes, text in self.texts if attributes.get("type") == "importmap"]
        imports: Mapping[str, str] = json.loads(text)["imports"]
        return {name: base64.b64decode(url.partition(",")[2]).decode() for name, url in imports.items()}


@pytest.fixture(scope="module")
def empty() -> Reader:
    return Reader(page("a & b", RECORDING))


def test_every_module_is_there_under_a_bare_name(empty: Reader) -> None:
    modules = empty.modules()
    assert {"glassnet/report.js", "glassnet/store.js", "glassnet/views/run.js"} <= modules.keys()
    for name, text in modules.items():
        needed = set(_ADDRESS.findall(_COMMENTS.sub("", text)))
        assert needed <= modules.keys(), f"{name}: {needed - modules.keys()}"


def test_nothing_is_fetched(empty: Reader) -> None:
    for tag, attributes in empty.tags:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
    styles = "".join(text for attributes, text in empty.texts if attributes["tag"] == "style")
    assert [address for address in _STYLE_ADDRESS.findall(styles) if not address.startswith(("data:", "#"))] == []


def test_the_policy_lets_in_what_is_there_and_nothing_else(empty: Reader) -> None:
    (policy,) = [attributes["content"] for _, attributes in empty.tags if "http-equiv" in attributes]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src data: ")
    assert not re.search(r"https?:|unsafe|\*|connect-src", policy)
    executed = [
        text
        for attributes, text in empty.texts
        if attributes["tag"] == "style" or attributes.get("type") in ("module", "importmap")
    ]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in executed]
    assert sorted(re.findall(r"'sha256-([^']+)'", policy)) == sorted(hashes)


def test_what_is_recorded_cannot_end_its_block(empty: Reader) -> None:
    assert empty.block("recording") == RECORDING
    assert empty.block("strings-he").keys() == empty.block("strings-en").keys()


def test_modules_are_found_however_they_are_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.lab.inlining.STATIC", tmp_path)
    (tmp_path / "views").mkdir()
    (tmp_path / "report.js").write_text(
        'import {\n  a,\n  b,\n} from "./views/a.js";\nimport "./c.js";\nexport { d } from "./c.js";\n'
        '/** @type {import("./never.js").T} */\n// import "./never.js";\nexport const e = "./never.js";\n'
    )
    (tmp_path / "views" / "a.js").write_text('import c, { d } from "../c.js";\nimport * as all from "./b.js";\n')
    (tmp_path / "views" / "b.js").write_text("")
    (tmp_path / "c.js").write_text('export * from "./views/b.js";\n')
    found = modules_of("report.js")
    assert list(found) == ["c.js", "report.js", "views/a.js", "views/b.js"]
    assert found["report.js"].startswith('import {\n  a,\n  b,\n} from "glassnet/views/a.js";\nimport "glassnet/c.js";')
    assert found["views/a.js"].startswith(
        'import c, { d } from "glassnet/c.js";\nimport * as all from "glassnet/views/'
    )


def app() -> Starlette:
    """Answers with its query, and with a long text that is always the same."""

    async def echo(request: Request) -> Response:
        if request.path_params["name"] == "missing":
            return json_answer({"error": {"code": "not_found", "message": "expected something"}}, 404)
        return json_answer({"name": request.path_params["name"], **request.query_params, "pixels": ["=" * 500]})

    return Starlette(routes=[Route("/api/{name}", echo)])


def recorded(most_bytes: int, *requests: Mapping[str, Any]) -> Recorder:
    recorder = Recorder(app(), most_bytes)

    async def ask() -> None:
        for request in requests:
            await recorder.ask(**request)

    anyio.run(ask)
    return recorder


def test_answers_are_kept_with_their_long_texts_once() -> None:
    recorder = recorded(10_000, {"path": "/one", "step": 3, "none": None}, {"path": "/a%20b", "value": 0.5})
    assert [(one.path, one.params) for one in recorder.asked] == [("/one", {"step": "3"}), ("/a%20b", {"value": "0.5"})]
    assert recorder.texts == ["=" * 500]
    assert recorder.asked[0].answer == {"name": "one", "step": "3", "pixels": ["\x000"]}
    assert recorder.asked[1].answer == {"name": "a b", "value": "0.5", "pixels": ["\x000"]}


def test_what_there_is_no_room_for_is_left_out() -> None:
    recorder = recorded(600, {"path": "/one"}, {"path": "/two"}, {"path": "/three"})
    assert [one.path for one in recorder.asked] == ["/one", "/two"]
    assert recorder.is_full


def test_what_is_not_answered_is_told() -> None:
    recorder = recorded(1000, {"path": "/missing"})
    assert recorder.notices == ["left out of the report, /missing: expected something"]
    assert recorder.asked == []


def test_the_strongest_weight_is_named() -> None:
    values = np.zeros((2, 3, 2), np.float32)
    values[1, 2, 0] = -3.0
    values[0, 1, 1] = 2.0
    held = [{"name": "weight", "values": tensor("weight", values), "gradient": tensor("weight", values)}]
    plain = [{"name": "mean", "values": tensor("mean", values), "gradient": None}]
    layers = [{"name": name, "held": held} for name in ("conv1", "weight")]
    found = list(strongest([{"name": "standardize", "held": plain}, *layers]))
    assert found == ["conv1.weight[1,2,0]", "weight[1,2,0]"]
    assert middle(layers) == "conv1.weight[1,1,1]"


def test_first_and_last_are_among_the_spread() -> None:
    assert spread(range(5), 10) == [0, 1, 2, 3, 4]
    assert spread(range(101), 3) == [0, 50, 100]


def test_paths_are_written_as_the_pages_write_them() -> None:
    assert path_of("a b", "confusion", 3, 4) == "/runs/a%20b/confusion/3/4"
    assert path_of("it's (1)!*~ä/") == "/runs/it's%20(1)!*~%C3%A4%2F"


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("report")
    np.save(where / "houses.npy", draw_houses(40, seed=1))
    how = options(where / "houses.npy", "--batch-size", 2, "--steps", 4, "--run", "houses")
    result = run_outside("train", "houses", *how, where=where, command=quick_command())
    assert result.returncode == 0, result.stderr
    return where / "houses"


def test_a_report_is_written_the_same_again(houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, num in (("STORIES", 2), ("INSIDE", 2), ("LOSSES", 3), ("DRAWINGS", 2)):
        monkeypatch.setattr(f"glassnet.lab.report_parts._NUM_{name}", num)
    said: list[str] = []
    written = write_report(houses, tmp_path / "one.html", said.append)
    write_report(houses, tmp_path / "other.html", said.append)
    text = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert written.size_bytes == (tmp_path / "one.html").stat().st_size < 5_000_000
    assert written.notices == []
    assert said[0].startswith("recording ")
    recording = Reader(text).block("recording")
    assert recording == Reader((tmp_path / "other.html").read_text(encoding="utf-8")).block("recording")
    assert recording["run"] == "houses"
    assert recording["status"]["is_alive"] is False
    known = [re.compile(re.sub(r"\{[^}]+\}", "[^/]+", one.path.removeprefix("/api"))) for one in ENDPOINTS]
    paths = {one["path"] for one in recording["answers"]}
    assert {"/runs/houses", "/runs/houses/pictures/4", "/runs/houses/layers", "/runs/houses/weights"} <= paths
    assert all(any(path.fullmatch(one) for path in known) for one in paths)


def test_a_report_of_a_classifier_has_what_it_confuses(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    run = trained_classifier(tmp_path_factory)
    command = quick_command(FEWER_ANSWERS)
    result = run_outside("report", run, "-o", tmp_path / "r.html", "--json", where=tmp_path, command=command)
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert said == {"report": str(tmp_path / "r.html"), "bytes": (tmp_path / "r.html").stat().st_size}
    recording = Reader((tmp_path / "r.html").read_text(encoding="utf-8")).block("recording")
    paths = [one["path"] for one in recording["answers"]]
    for kind in ("answers", "confusion", "layers", "weights", "surroundings", "weight", "weight/loss"):
        assert f"/runs/run/{kind}" in paths


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "expected"),
        (("{run}", "-o", "report.pdf"), "expected --output FILE.html; got report.pdf"),
        (("{run}", "-o", "nowhere/report.html"), "expected a folder nowhere to write into"),
    ],
)
def test_a_mistake_is_one_line(houses: Path, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run_outside("report", *(word.format(run=houses) for word in arguments), where=tmp_path)
    assert result.returncode in (1, 2)
    assert words in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
