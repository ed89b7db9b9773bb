"""`glassnet predict`, with pictures of every kind, and with what only looks like one."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.classifiers import COLORS, picture, trained_classifier
from tests.cli.conftest import Call, environment


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_classifier(tmp_path_factory)


def test_a_line_for_each_picture(call: Call, classifier: Path) -> None:
    for color in COLORS:
        picture(color, seed=100).save(f"{color}.png")
    result = call("predict", classifier, "red.png", "blue.png", "green.png", "red.png")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert [line.split(" ")[:2] for line in lines] == [
        ["red.png:", "red"], ["blue.png:", "blue"], ["green.png:", "green"], ["red.png:", "red"],
    ]  # fmt: skip
    assert lines[0] == lines[3]
    shares = [float(part.split()[1]) for part in lines[0].split(": ")[1].split(", ")]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100.0, abs=0.2)


def test_as_json(call: Call, classifier: Path) -> None:
    for color in COLORS:
        picture(color, seed=100).save(f"{color}.png")
    result = call("predict", classifier, "red.png", "blue.png", "--json")
    assert (result.code, result.err) == (0, "")
    red, blue = result.json()["results"]
    assert 0.4 < red.pop("probability") <= 1.0
    assert red == {"path": "red.png", "number": 2, "name": "red", "unknown": False, "nearest": "red"}
    assert (blue["path"], blue["number"], blue["name"]) == ("blue.png", 0, "blue")


def test_it_needs_nothing_but_the_run(call: Call, classifier: Path) -> None:
    """Copied elsewhere, with its data gone."""
    shutil.copytree(classifier, "copy")
    settings = Path("copy/settings.json")
    settings.write_text(settings.read_text().replace(str(classifier.parent), "/nowhere"))
    picture("red", seed=100).save("red.png")
    assert call("predict", "copy", "red.png").out.startswith("red.png: red ")


def claim_of_a_png(width: int, height: int) -> bytes:
    """A whole PNG of almost no bytes that says it is that large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def write_bad_ones() -> list[str]:
    picture("red", seed=1).resize((300, 300)).save("whole.jpg")
    Path("truncated.jpg").write_bytes(Path("whole.jpg").read_bytes()[:2000])
    Path("empty.png").touch()
    Path("text.jpg").write_text("This is a letter, not a picture.\n")
    Path("bomb.png").write_bytes(claim_of_a_png(60_000, 60_000))
    Path("short.png").write_bytes(claim_of_a_png(500, 500))
    Path("folder").mkdir()
    os.mkfifo("pipe")
    Path("program.py").write_text("print('hello')")
    Path("loop.png").symlink_to("loop.png")
    return [
        "truncated.jpg", "empty.png", "text.jpg", "bomb.png", "short.png", "folder", "pipe", "program.py", "loop.png",
        "missing.png", "x" * 300, "https://example.com/cat.jpg",
    ]  # fmt: skip


def test_what_cannot_be_read_does_not_spoil_the_rest(call: Call, classifier: Path) -> None:
    bad = write_bad_ones()
    picture("red", seed=100).save("red.png")
    picture("green", seed=100).save("green.png")
    result = call("predict", classifier, "red.png", *bad, "green.png")
    assert result.code == 1
    assert [line.split(" ")[:2] for line in result.out.splitlines()] == [["red.png:", "red"], ["green.png:", "green"]]
    complaints = result.err.splitlines()
    assert len(complaints) == len(bad)
    for name, complaint in zip(bad, complaints, strict=True):
        assert complaint.startswith("glassnet: expected a picture (")
        assert str(Path(name)) in complaint
        assert "To fix: " in complaint


def test_what_cannot_be_read_as_json(call: Call, classifier: Path) -> None:
    bad = write_bad_ones()
    picture("green", seed=100).save("green.png")
    result = call("predict", classifier, *bad, "green.png", "--json")
    assert result.code == 1
    *failures, green = result.json()["results"]
    assert green["name"] == "green"
    assert [failure["path"] for failure in failures] == [str(Path(name)) for name in bad]
    assert [f"glassnet: {failure['error']}" for failure in failures] == result.err.splitlines()
    assert {tuple(failure) for failure in failures} == {("path", "error")}


def test_only_bad_ones(call: Call, classifier: Path) -> None:
    result = call("predict", classifier, "missing.png", "--json")
    assert result.code == 1
    assert len(result.json()["results"]) == 1
    assert "got nothing there" in call("predict", classifier, "missing.png").complaint(1)


def test_pictures_of_every_kind(call: Call, classifier: Path) -> None:
    red = Image.new("RGB", (90, 60), COLORS["red"])
    red.save("rgb.jpg")
    red.convert("CMYK").save("cmyk.jpg")
    red.convert("P").save("palette.png")
    red.save("animation.gif", save_all=True, append_images=[Image.new("RGB", (90, 60), COLORS["blue"])] * 3)
    red.resize((1, 1)).save("dot.png")
    red.resize((1000, 3)).save("strip.png")
    red.save("nameless", format="PNG")
    red.save("wrong.png", format="JPEG")
    clear = Image.new("RGBA", (90, 60), (*COLORS["green"], 0))
    clear.paste(red, (0, 0))
    clear.save("alpha.png")
    names = [
        "rgb.jpg", "cmyk.jpg", "palette.png", "animation.gif", "dot.png", "strip.png", "nameless", "wrong.png",
        "alpha.png",
    ]  # fmt: skip
    result = call("predict", classifier, *names, "--json")
    assert (result.code, result.err) == (0, "")
    assert [(entry["path"], entry["name"]) for entry in result.json()["results"]] == [(name, "red") for name in names]


def test_16_bits_are_gray_like_8(call: Call, classifier: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    Image.fromarray(gray).save("8.png")
    Image.fromarray(gray.astype(np.uint16) * 257).save("16.png")
    eight, sixteen = call("predict", classifier, "8.png", "16.png", "--json").json()["results"]
    assert eight["probability"] == sixteen["probability"]


def test_a_camera_held_sideways(call: Call, classifier: Path) -> None:
    """Bright at the top and dark below, stored lying on its side with a note that says so."""
    upright = Image.fromarray(np.linspace(255, 0, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8))
    upright.save("upright.png")
    notes = Image.Exif()
    notes[0x0112] = 6  # turned by 90 degrees
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    lying.save("lying.png", exif=notes)
    lying.save("unnoted.png")
    results = call("predict", classifier, "upright.png", "lying.png", "unnoted.png", "--json").json()["results"]
    upright_p, lying_p, unnoted_p = (entry["probability"] for entry in results)
    assert lying_p == upright_p != unnoted_p


def test_more_than_fit_at_a_time(call: Call, classifier: Path) -> None:
    for color in COLORS:
        picture(color, seed=100).save(f"{color}.png")
    names = ["red.png", "missing.png", "green.png", "blue.png"] * 126
    result = call("predict", classifier, *names, "--json")
    assert result.code == 1
    assert [entry.get("name", "missing") for entry in result.json()["results"]] == [n.split(".")[0] for n in names]
    assert result.err.count("\n") == 126


def test_names_that_are_not_text(classifier: Path, tmp_path: Path) -> None:
    """In a process of its own, whose stdout refuses what is not text."""
    names = [b"caf\xe9.png", "חתול\u202e.png".encode(), b"two\nlines.png", b"\x1b[31mred.png", b"-dash.png"]
    for name in names:
        picture("red", seed=100).save(tmp_path / os.fsdecode(name), format="PNG")
    for options in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "glassnet", "predict", *options, classifier, "--", *names, b"gone\n\xff.png"],
            cwd=tmp_path, env={**environment(), "PYTHONIOENCODING": "utf-8:strict"}, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1
        assert b"\x1b" not in done.stdout + done.stderr
        assert b"Traceback" not in done.stderr
        done.stderr.decode()
        assert len(done.stdout.decode().splitlines()) == (1 if options else len(names))


def test_a_reader_that_goes_away(classifier: Path, tmp_path: Path) -> None:
    picture("red", seed=100).save(tmp_path / "red.png")
    script = f"'{sys.executable}' -m glassnet predict '{classifier}' red.png | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode in (0, 1)


@pytest.mark.parametrize("verb", [["predict", "RUN", "red.png"], ["evaluate", "RUN"]])
def test_what_is_no_classifier(call: Call, classifier: Path, trained: Path, verb: list[str]) -> None:
    def complaint(run: Path) -> str:
        return call(*[str(run) if word == "RUN" else word for word in verb]).complaint(1)

    assert "one of houses. To fix: choose another run" in complaint(trained)
    assert "expected a run directory with settings.json; got nowhere" in complaint(Path("nowhere"))
    Path("empty").mkdir()
    assert "expected a run directory with settings.json; got empty" in complaint(Path("empty"))
    shutil.copytree(classifier, "bare")
    shutil.rmtree("bare/checkpoints")
    assert "expected a checkpoint in bare/checkpoints; got none. To fix: train this run first" in complaint(
        Path("bare")
    )
    shutil.copytree(classifier, "garbled")
    Path("garbled/task.json").write_text("[1]")
    assert "expected the facts of a task in garbled/task.json; got something else" in complaint(Path("garbled"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict"], "Missing argument 'RUN'"),
        (["predict", "run"], "Missing argument 'IMAGE...'"),
        (["predict", "run", "x.png", "--runtime", "jax"], "'jax' is not one of"),
        (["evaluate"], "Missing argument 'RUN'"),
        (["evaluate", "run", "--device", "tpu"], "'tpu' is not one of"),
    ],
)
def test_wrong_usage(call: Call, arguments: list[str], message: str) -> None:
    assert message in call(*arguments).complaint(2)


def test_a_damaged_checkpoint_is_told(call: Call, classifier: Path) -> None:
    shutil.copytree(classifier, "run")
    (Path("run") / "checkpoints" / "00000030" / "state.safetensors").write_bytes(b"")
    picture("red", seed=100).save("red.png")
    result = call("predict", "run", "red.png")
    assert result.code == 0
    assert result.err.startswith("expected a whole checkpoint at run/checkpoints/00000030; got ")
    assert result.err.endswith("Using step 0.\n")


@pytest.mark.slow
def test_other_runtimes(call: Call, classifier: Path) -> None:
    """They agree with that of the training about pictures that are hard to tell."""
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(f"{i}.png")

    def results(*options: str) -> list[dict[str, object]]:
        return call("predict", classifier, *(f"{i}.png" for i in range(3)), "--json", *options).json()["results"]

    expected = results()
    assert any(entry["probability"] < 1.0 - 1e-6 for entry in expected)
    for options in (["--runtime", "numpy"], ["--runtime", "torch"], ["--precision", "float32", "--device", "cpu"]):
        for entry, other in zip(expected, results(*options), strict=True):
            assert other["name"] == entry["name"]
            assert other["probability"] == pytest.approx(entry["probability"], abs=1e-4)


def test_the_runtime_of_the_training(call: Call, classifier: Path) -> None:
    """It is what the settings say, unless one is given; then theirs do not bind it."""
    shutil.copytree(classifier, "run")
    settings = Path("run/settings.json")
    settings.write_text(
        settings.read_text()
        .replace('"runtime": "auto"', '"runtime": "onnx"')
        .replace('"precision": "auto"', '"precision": "bfloat16"')
    )
    picture("red", seed=100).save("red.png")
    assert "expected --runtime torch for --precision bfloat16" in call("predict", "run", "red.png").complaint(2)
    assert call("predict", "run", "red.png", "--runtime", "onnx").code == 0
    assert call("predict", "run", "red.png", "--precision", "float32").code == 0
