"""A folder of plain files that trains in a browser tab: a page, what it computes, first weights, and the examples."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.autodiff import Array, ArraySpec
from glassnet.export.chunks import chunks_of
from glassnet.export.first_weights import write_first_weights
from glassnet.export.folder import MANIFEST, NETWORK, Folder, check_target, new_folder
from glassnet.export.graphs import lowered, others
from glassnet.export.inspection import inspect_in_tab
from glassnet.export.pages import first_pages, write_pages
from glassnet.export.subject import Subject
from glassnet.graph import Graph
from glassnet.optim import Packing
from glassnet.runtimes.onnx_builder import output_name
from glassnet.tasks import houses
from glassnet.tasks.classification import CIFAR10, Classification
from glassnet.training import Task, events
from glassnet.training.batches import Batches
from glassnet.training.events import Started

FORMAT = 1
_PLACE = re.compile(r",? from (?:[/~]|[A-Za-z]:[\\/]).*?(?=, \d|$)", re.DOTALL)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Written:
    """first_bytes: what a browser loads before the first step."""

    num_bytes: int
    num_files: int
    first_bytes: int
    num_weights: int


def write_site(subject: Subject, target: Path, tell: Tell) -> Written:
    """Write the site; ``tell`` gets a line for each part that takes a while. Raises SettingsError."""
    check_target(target)
    with new_folder(target) as folder:
        tell("copying the page")
        write_pages(folder)
        tell("writing the training step and what measures and answers")
        manifest = {
            "format": FORMAT,
            "version": version("glassnet"),
            **_described(subject),
            **_computing(folder, subject),
        }
        tell("writing the examples")
        manifest |= _learned_from(folder, subject)
        folder.write(MANIFEST, json.dumps(manifest, allow_nan=False, ensure_ascii=False, indent=1).encode())
        return _summary(folder, manifest)


def _summary(folder: Folder, manifest: Mapping[str, Any]) -> Written:
    """Before the first step comes the page, the library, the step, first weights and a chunk of each array."""
    arrays = manifest["examples"]["arrays"].values()
    files = [manifest["initial"], manifest["graphs"][f"step/{manifest['settings']['batch_size']}"]]
    files += [array["chunks"][0] for array in arrays]
    names = {*first_pages(folder), MANIFEST, *(f"{NETWORK}/{file['file']}" for file in files)}
    first_bytes = sum(folder.sizes[name] for name in names)
    return Written(sum(folder.sizes.values()), len(folder.sizes), first_bytes, manifest["started"]["num_weights"])


def _described(subject: Subject) -> dict[str, Any]:
    """What is shown of the training before anything is computed."""
    start, settings = subject.start, subject.settings
    num = len(next(iter(subject.task.training.values())))
    started = Started(
        subject.task.name, without_paths(subject.task.source), num, subject.model.num_weights(), "browser", start.step,
        start.elapsed_s, 0.0,
    )  # fmt: skip
    return {
        "run": subject.name,
        "settings": {**dataclasses.asdict(settings), "data": _last(settings.data), "start": _last(settings.start)},
        "facts": dict(subject.task.facts),
        "started": json.loads(events.to_json(started)),
    }


def _last(path: str | None) -> str | None:
    """A site may be published: nobody needs to know where things were on this machine."""
    return path and Path(path).name


def without_paths(source: str) -> str:
    """Where examples are from, in words, without the place on this machine."""
    return _PLACE.sub("", source)


def _computing(folder: Folder, subject: Subject) -> dict[str, Any]:
    """The graphs, what they start from, and how their packed state reads by name."""
    step = subject.steps[subject.settings.batch_size]
    graphs = {f"step/{size}": one.graph for size, one in subject.steps.items()}
    graphs |= others(subject.task, subject.model, subject.settings)
    inspection = inspect_in_tab(subject.task, subject.model, subject.settings)
    graphs |= inspection.graphs
    described = {
        "initial": write_first_weights(folder, subject.start, subject.draws),
        "hyperparameters": step.hyperparameters,
        "packs": _packs(step.packing),
        "carried": list(step.graph.carried),
        "graphs": {name: _graph(folder, name, graph) for name, graph in graphs.items()},
        **inspection.manifest,
    }
    return {**described, "walk": _walk(folder, subject.settings.seed)} if "walk" in graphs else described


def _packs(packing: Packing) -> dict[str, list[dict[str, Any]]]:
    return {
        pack: [{"name": name, "shape": list(spec.shape)} for name, spec in members.items()]
        for pack, members in packing.packs.items()
    }


def _graph(folder: Folder, name: str, graph: Graph) -> dict[str, Any]:
    written = folder.keep(f"graphs/{name.replace('/', '-')}.onnx", lowered(graph).SerializeToString())
    outputs = {output_name(graph, name): spec for name, spec in graph.output_specs().items()}
    return {**written, "inputs": _specs(graph.input_specs()), "outputs": _specs(outputs), "random": dict(graph.random)}


def _specs(specs: Mapping[str, ArraySpec]) -> dict[str, dict[str, Any]]:
    return {name: {"dtype": spec.dtype.name, "shape": list(spec.shape)} for name, spec in specs.items()}


def _walk(folder: Folder, seed: int) -> dict[str, Any]:
    """How noise becomes a drawing, and the noise of the drawings that are followed."""
    noise = houses.noise(seed, houses.NUM_SEEDS)
    return {
        "times": houses.walk_times(houses.NUM_STEPS),
        "noise_scale": houses.NOISE_SCALE,
        "haze": houses.HAZE,
        "seeds": houses.NUM_SEEDS,
        "noise": folder.keep("noise.bin", noise.astype("<f4").tobytes()),
    }


def _learned_from(folder: Folder, subject: Subject) -> dict[str, Any]:
    """The examples in the order of the first epoch, so that it can begin before all are there."""
    task = subject.task
    arrays = {name: array for name, array in task.training.items() if isinstance(array, np.ndarray)}
    num = len(next(iter(arrays.values())))
    order = Batches(arrays, num, subject.settings.seed).places(0)["indices"]
    examples = {name: array[order] for name, array in arrays.items()}
    held_out = _arrays(folder, "held_out", _held_out(task))
    num_validation = len(next(iter(task.validation.values())))
    return {
        "examples": _arrays(folder, "examples", examples),
        "held_out": {**held_out, "num_validation": num_validation},
    }


def _held_out(task: Task) -> Mapping[str, Array]:
    """Of CIFAR-10 the whole test set, which begins with those that the training is measured on."""
    if isinstance(task, Classification) and task.name == CIFAR10:
        return {"images": task.test.images, "labels": task.test.labels}
    return task.validation


def _arrays(folder: Folder, kind: str, arrays: Mapping[str, Array]) -> dict[str, Any]:
    described = {}
    for name, array in arrays.items():
        chunks = [
            {
                **folder.keep(f"data/{kind}-{name}-{number:03d}.bin", chunk.content),
                "count": chunk.count,
                "filter": chunk.filter,
            }
            for number, chunk in enumerate(chunks_of(array))
        ]
        described[name] = {"dtype": array.dtype.name, "shape": list(array.shape[1:]), "chunks": chunks}
    return {"count": len(next(iter(arrays.values()))), "arrays": described}
