"""Whose face it is, among 100,000 persons: how long the gallery takes to open, a face to embed, and the search.

    python benchmarks/search.py [--persons 100000] [--rounds 50]

A run of random weights and a gallery of random directions, since nothing here depends on what they are; one of them is
that of the face that is asked for, and has to be the answer. The last line is the whole command in a process of its
own: Python, imports, the gallery, and a photo of 640 x 480 pixels.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.autodiff import Array
from glassnet.baselines.machine import describe
from glassnet.data.facecrop import FACE_SHAPE, Framing
from glassnet.runtimes import get_runtime
from glassnet.tasks import faces, settings_for
from glassnet.tasks.gallery import Changes, save_changes, unit
from glassnet.tasks.recognition import Recognizer, identify, open_gallery
from glassnet.training import Checkpoint, Run, checkpoint, create
from glassnet.training.randomness import generator

NUM_TRAINED, PLACE, COMMANDS = 20, 4321, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    print(describe(f"{arguments.persons:,} persons enrolled, n {arguments.rounds}"))
    with tempfile.TemporaryDirectory() as temporary:
        run, state = make_run(Path(temporary) / "run")
        photo = Path(temporary) / "photo.jpg"
        Image.fromarray(np.random.default_rng(2).integers(0, 256, (480, 640, 3), np.uint8)).save(photo)
        measure(run, state, photo, arguments.persons, arguments.rounds)


def make_run(path: Path) -> tuple[Run, Checkpoint]:
    """A run of faces after one step that was never taken."""
    facts = {
        "people": [f"trained {k}" for k in range(NUM_TRAINED)],
        "photos": [10] * NUM_TRAINED,
        "image_shape": [1, *FACE_SHAPE],
        "framing": Framing("whole").to_json(),
    }
    run = create(path, settings_for(faces.NAME, {"steps": 1, "runtime": "onnx"}), facts)
    model = faces.network(generator(0, "initialization"), facts)
    tensors = {f"averages/{name}": tensor.numpy() for name, tensor in model.parameters().items()}
    tensors |= {f"buffers/{name}": tensor.numpy() for name, tensor in model.buffers().items()}
    checkpoint.save(run.checkpoints, Checkpoint(1, 0.0, tensors))
    return run, run.newest_checkpoint()[0]


def measure(run: Run, state: Checkpoint, photo: Path, num: int, rounds: int) -> None:
    """One line for each part, and for their sum."""
    recognizer = Recognizer(run, state, get_runtime("onnx"))
    face = np.random.default_rng(1).integers(0, 256, (1, 1, *FACE_SHAPE), np.uint8)
    save_changes(run.path, changes(num, recognizer.embed(face)))
    gallery, _ = open_gallery(run, state)
    assert len(gallery.names) == NUM_TRAINED + num
    answer = identify(recognizer.embed(face), gallery)[0]
    assert answer.nearest == f"person {PLACE}", answer
    embeddings = recognizer.embed(face)
    many = np.repeat(embeddings, 100, axis=0)
    _report("open the gallery", min(rounds, 10), lambda: open_gallery(run, state))
    _report("make the network ready", min(rounds, 10), lambda: Recognizer(run, state, get_runtime("onnx")))
    _report("embed a face", rounds, lambda: recognizer.embed(face))
    _report("search for it", rounds, lambda: identify(embeddings, gallery))
    _report("embed and search", rounds, lambda: identify(recognizer.embed(face), gallery))
    _report("search for 100 faces", min(rounds, 10), lambda: identify(many, gallery))
    command = [sys.executable, "-m", "glassnet", "predict", str(run.path), str(photo)]
    _report("glassnet predict, in all", COMMANDS, lambda: subprocess.run(command, check=True, capture_output=True))


def changes(num: int, wanted: Array) -> Changes:
    """So many persons enrolled with one photo each; one of them looks as wanted, (1, D)."""
    means = unit(np.random.default_rng(0).standard_normal((num, wanted.shape[1]), np.float32))
    means[PLACE % num] = wanted[0]
    names = tuple(f"person {number}" for number in range(num))
    numbers, once = np.arange(num) + NUM_TRAINED, np.ones(num, np.int64)
    return Changes(names, numbers, once, once, means, np.zeros(0, np.int64), num + NUM_TRAINED)


def _report(what: str, rounds: int, action: Callable[[], object]) -> None:
    times_ms = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        times_ms.append((time.perf_counter() - began) * 1e3)
    spread = f"{min(times_ms):,.1f} to {max(times_ms):,.1f}"
    print(f"{what:26} {statistics.median(times_ms):8,.1f} ms ({spread}, n {rounds})", flush=True)


if __name__ == "__main__":
    main()
