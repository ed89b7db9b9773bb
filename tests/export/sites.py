"""Small sites of every task, and how they are read again: with nothing but the files that they consist of."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from glassnet.autodiff import Array
from glassnet.data.drawn import draw_houses
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.export import pages
from glassnet.export.chunks import decode
from glassnet.export.site import write_site
from glassnet.export.subject import Subject, open_subject
from glassnet.ops.random import draw
from glassnet.runtimes.onnx import session_of
from glassnet.training.randomness import generator
from glassnet.training.step import below
from tests.tasks.persons import write_persons

NUM_THREADS = 1
GIVEN: dict[str, dict[str, Any]] = {
    "cifar10": {"model": "convnetjs", "batch_size": 8, "epochs": 12.0},
    "batchnorm": {"model": "batchnorm", "batch_size": 8, "epochs": 12.0},
    "houses": {"batch_size": 4, "steps": 50},
    "faces": {"batch_size": 4, "steps": 50, "crop": False},
}


@dataclass(frozen=True)
class Site:
    """An export and what it was made of."""

    folder: Path
    subject: Subject

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "network/manifest.json").read_text(encoding="utf-8")))

    def read(self, file: dict[str, Any]) -> bytes:
        """One of the network's, checked as a page does it."""
        content = (self.folder / "network" / file["file"]).read_bytes()
        assert len(content) == file["bytes"]
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        return content

    def array(self, kind: str, name: str) -> Array:
        """All examples, in the order in which they are stored."""
        described = self.manifest[kind]["arrays"][name]
        shape = tuple(described["shape"])
        parts = []
        for chunk in described["chunks"]:
            parts.append(decode(self.read(chunk), described["dtype"], shape, chunk["filter"]))
            assert len(parts[-1]) == chunk["count"]
        whole = np.concatenate(parts)
        assert len(whole) == self.manifest[kind]["count"]
        return whole

    def initial(self) -> dict[str, Array]:
        """The state that it begins with, with what its file leaves out."""
        initial = self.manifest["initial"]
        tensors = load(gzip.decompress(self.read(initial)))
        for name, one in initial["drawn"].items():
            source = generator(self.manifest["settings"]["seed"], "initialization")
            source.random(one["place"])
            tensors[name] = source.uniform(one["low"], one["high"], one["shape"]).astype(np.float32)
        contents = {"parameters": np.copy, "zeros": np.zeros_like}
        for kind, content in initial["left_out"].items():
            parameters = below(tensors, "parameters").items()
            tensors |= {f"{kind}/{name}": contents[content](array) for name, array in parameters}
        return tensors

    def graph(self, name: str) -> Ready:
        return Ready(self.manifest["graphs"][name], self.read(self.manifest["graphs"][name]))


class Ready:
    """A graph of a site that can be run; it knows of its inputs what the manifest says."""

    def __init__(self, described: dict[str, Any], content: bytes):
        self.described = described
        self._session = session_of(content, NUM_THREADS)

    def __call__(self, feeds: dict[str, Array]) -> dict[str, Array]:
        for name, spec in self.described["inputs"].items():
            assert (feeds[name].dtype.name, list(feeds[name].shape)) == (spec["dtype"], spec["shape"]), name
        names = list(self.described["outputs"])
        return dict(zip(names, self._session.run(names, feeds), strict=True))

    def drawn(self, source: np.random.Generator) -> dict[str, Array]:
        """The random inputs."""
        shapes = {name: tuple(self.described["inputs"][name]["shape"]) for name in self.described["random"]}
        return {n: draw(source, k, shapes[n], np.dtype(np.float32)) for n, k in self.described["random"].items()}


def blobs(num: int, seed: int) -> Pictures:
    """Two classes: bright above, and bright below, in noise."""
    drawn = np.random.default_rng(seed)
    labels = np.arange(num) % 2
    images = drawn.integers(0, 120, (num, 3, 16, 16))
    images[labels == 0, :, :8] += 100
    images[labels == 1, :, 8:] += 100
    return Pictures(images.astype(np.uint8), labels.astype(np.int64))


def photos() -> LabeledPictures:
    """In the place of CIFAR-10."""
    return LabeledPictures(blobs(40, 0), blobs(1_010, 1), ("above", "below"), "blobs, from /secret/place", ())


def small_page(folder: Path) -> Path:
    """In the place of the lab's files, of which there are many."""
    for name in ("site.html", "site.js", *pages.ENGINE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("// nothing\n")
    return folder


def make_site(name: str, where: Path, patch: pytest.MonkeyPatch, **given: Any) -> Site:
    """A site of one of `GIVEN`, which takes a moment."""
    patch.setattr(pages, "STATIC", small_page(where / "static"))
    task = "cifar10" if name == "batchnorm" else name
    return export_small(task, where, patch, {**GIVEN[name], **given})


def export_small(task: str, where: Path, patch: pytest.MonkeyPatch, given: dict[str, Any]) -> Site:
    """A site that learns from a few examples, with the page that there is."""
    patch.setattr("glassnet.data.cifar10.load", lambda data: photos())
    if task == "houses":
        np.save(where / "houses.npy", draw_houses(60, seed=1))
        given = {**given, "data": str(where / "houses.npy")}
    if task == "faces":
        given = {**given, "data": str(write_persons(where / "people", {"Ann": 10, "Bob": 7}))}
    subject = open_subject(task, given)
    write_site(subject, where / "site", lambda words: None)
    return Site(where / "site", subject)
