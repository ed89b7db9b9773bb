"""`glassnet data shard` and a training on what it wrote: whole or not there, and as a training on the folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from filelock import FileLock

from glassnet.data import folder, shards
from glassnet.data.shardindex import INDEX
from glassnet.training import Run
from glassnet.training.events import Noticed, Stepped
from tests.cli.conftest import Call, environment, quick_command
from tests.cli.test_train_pictures import photograph
from tests.data.shardserver import Server, serving

SLOWLY = """import time
from glassnet.data.shardwriter import ShardWriter
add = ShardWriter.add
def slowly(writer, sample):
    add(writer, sample)
    time.sleep(0.05)
ShardWriter.add = slowly
"""


def losses(run: Path) -> list[float]:
    return [event.loss for event in Run(run).events() if isinstance(event, Stepped)]


def test_writing_says_what_it_wrote(call: Call) -> None:
    photograph(Path("photos"), 5)
    Path("photos", "red", "note.png").write_text("none")
    result = call("data", "shard", "photos", "out")
    assert result.code == 0
    assert result.out.startswith("10 pictures of 2 classes in 1 shard, 0.1 MB, in out\n")
    assert "glassnet train out " in result.out
    assert "red/note.png: left out, a file of another kind" in result.err
    values = call("data", "shard", "photos", "again", "--shard-mb", 1, "--json").json()
    assert (values["path"], values["shards"], values["pictures"]) == ("again", 1, 10)
    assert values["classes"] == ["blue", "red"]
    assert values["bytes"] == Path("out", "pictures-00000.tar").stat().st_size
    assert len(values["notices"]) == 1


@pytest.mark.parametrize("is_large", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_training_on_shards_is_training_on_the_folder(
    is_large: bool, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step, whether in memory or read while training, and when it goes on."""
    photograph(Path("photos"), 12)
    assert call("data", "shard", "photos", "out").code == 0
    if is_large:
        for module in (folder, shards):
            monkeypatch.setattr(module.load, "__defaults__", (None, 50_000))
    for place, run in (("photos", "one"), ("out", "other")):
        assert call("train", place, "--steps", 4, "--run", run).code == 0
        assert call("train", place, "--resume", "--run", run, "--steps", 6).code == 0
    assert losses(Path("one")) == losses(Path("other"))
    assert len(losses(Path("one"))) == 6
    weights = [Run(Path(run)).newest_checkpoint()[0].tensors for run in ("one", "other")]
    assert all(array.tobytes() == weights[1][name].tobytes() for name, array in weights[0].items())
    assert Run(Path("other")).facts == Run(Path("one")).facts
    assert call("evaluate", "other").code == 0


def test_training_behind_http(call: Call) -> None:
    photograph(Path("photos"), 5)
    assert call("data", "shard", "photos", "out").code == 0
    with serving(Path("out")) as server:
        assert call("train", f"{server.url}/", "--steps", 2, "--run", "run").code == 0
        assert Run(Path("run")).settings.data == server.url
        assert call("train", server.url, "--steps", 3, "--resume", "--run", "run").code == 0
        Path("out", INDEX).unlink()
        assert "got none (nothing there). To fix: check" in call("train", server.url).complaint(1)
    assert "expected an index.json of shards at http://127.0.0.1" in call("train", server.url).complaint(1)
    assert isinstance(server, Server)


def test_damage_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found late in a large set, where the next one of the batch takes the place of one that cannot be read."""
    photograph(Path("photos"), 12)
    assert call("data", "shard", "photos", "out").code == 0
    monkeypatch.setattr(shards.load, "__defaults__", (None, 50_000))
    path = Path("out", "pictures-00000.tar")
    content = bytearray(path.read_bytes())
    content[600:610] = bytes(10)
    path.write_bytes(content)
    assert call("train", "out", "--steps", 8, "--run", "run").code == 0
    (notice,) = [event.message for event in Run(Path("run")).events() if isinstance(event, Noticed)]
    assert notice.endswith(
        ": replaced by the next one of its batch, other bytes than were written at 512 of pictures-00000.tar"
    )


def test_nothing_is_written_over(call: Call) -> None:
    photograph(Path("photos"), 3)
    Path("full").mkdir()
    Path("full", "letter").write_text("dear")
    Path("file").write_text("dear")
    Path("link").symlink_to("empty")
    Path("empty").mkdir()
    for name in ("full", "file", "link"):
        line = call("data", "shard", "photos", name).complaint(2)
        assert line.endswith(f"{name}, one where something is. To fix: choose another name, or remove what is there.")
    assert Path("full", "letter").read_text() == Path("file").read_text() == "dear"
    for name in ("photos", "photos/red/out"):
        assert "expected a folder outside of photos" in call("data", "shard", "photos", name).complaint(2)
    assert call("data", "shard", "photos", "empty").code == 0
    assert call("data", "shard", "photos", "new/deep").code == 0
    assert "one where something is" in call("data", "shard", "photos", "empty").complaint(2)
    assert sorted(path.name for path in Path().iterdir()) == ["empty", "file", "full", "link", "new", "photos"]


def test_one_process_writes(call: Call) -> None:
    photograph(Path("photos"), 3)
    with FileLock(Path(".out.lock")):
        assert "one that another process writes to" in call("data", "shard", "photos", "out").complaint(2)
    assert call("data", "shard", "photos", "out").code == 0


def test_what_is_no_folder_of_classes(call: Call) -> None:
    for line in (
        call("data", "shard", "nowhere", "out").complaint(1),
        call("data", "shard", ".", "../out").complaint(1),
    ):
        assert "expected a folder with a sub-folder of pictures for each of two or more classes" in line
    photograph(Path("photos"), 2)
    for path in Path("photos").glob("*/*"):
        path.write_text("none")
    assert "expected pictures in photos; got none (" in call("data", "shard", "photos", "out").complaint(1)
    assert sorted(path.name for path in Path().iterdir()) == ["photos"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_writer_leaves_nothing(number: signal.Signals, call: Call) -> None:
    """Of one that had no time to clear up there is what is hidden, until the next one comes."""
    photograph(Path("photos"), 60, size_px=80)
    command = [*quick_command(SLOWLY), "data", "shard", "photos", "out", "--shard-mb", "1"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as writer:
        end = time.monotonic() + 30
        while not Path(".out.unfinished", "pictures-00000.npy").exists():
            assert time.monotonic() < end
            assert writer.poll() is None
            time.sleep(0.01)
        os.kill(writer.pid, number)
        writer.communicate()
    hidden = [".out.lock", ".out.unfinished"] if number == signal.SIGKILL else []
    assert sorted(path.name for path in Path().iterdir()) == [*hidden, "photos"]
    assert call("data", "shard", "photos", "out").code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["out", "photos"]
    assert json.loads(Path("out", INDEX).read_text())["count"] == 120
