"""What the worker's modules are compared with: the same questions, answered by glassnet's own Python."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as save_safetensors

from glassnet.autodiff import Array
from glassnet.export.chunks import chunks_of
from glassnet.export.first_weights import Recorder
from glassnet.ops.random import draw
from glassnet.optim import warmed_up_decay
from glassnet.training.batches import Batches
from glassnet.training.budget import Budget
from glassnet.training.loop import next_picture_step, schedule_of
from glassnet.training.randomness import generator
from glassnet.training.settings import SCHEDULES, Settings
from glassnet.training.step import TrainingStep, build_step, weights_of
from tests.training.toy import Toy, settings

SEEDS = (0, 7, 2**53 - 1, 2**63 - 1)


class Cases:
    """A folder of binary files and of one JSON file that tells what they are."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.told: dict[str, Any] = {}

    def keep(self, name: str, content: bytes) -> dict[str, Any]:
        """Put a file there; how a manifest would tell of it."""
        (self.folder / name).write_bytes(content)
        return {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    def tensor(self, name: str, array: Array) -> dict[str, Any]:
        """Put an array there."""
        described = {"dtype": array.dtype.name, "shape": list(array.shape)}
        return {**described, **self.keep(f"{name}.bin", np.ascontiguousarray(array).tobytes())}

    def tensors(self, name: str, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """Put arrays there."""
        return {key: self.tensor(f"{name}-{i}", array) for i, (key, array) in enumerate(arrays.items())}


def write_cases(folder: Path) -> None:
    """Write everything below ``folder``."""
    cases = Cases(folder)
    for name, tell in _TOLD.items():
        cases.told[name] = tell(cases)
    (folder / "cases.json").write_text(json.dumps(cases.told), encoding="utf-8")


def _randomness(cases: Cases) -> list[dict[str, Any]]:
    asked = [
        *((seed, purpose, counter, "normal", 3000) for seed in SEEDS
          for purpose, counter in (("step", 0), ("validation", 12345), ("pictures", 2**40))),
        (0, "step", 1, "uniform", 300_000), (5, "step", 2, "normal", 2_000_000),
        *((seed, "order", epoch, "permutation", n) for seed, epoch, n in product((0, 9), (0, 1), (1, 2, 10, 3499))),
        (1, "order", 6, "permutation", 50_000),
    ]  # fmt: skip
    return [
        {
            "seed": str(seed), "purpose": purpose, "counter": counter, "kind": kind, "n": n,
            "numbers": cases.tensor(f"random-{i}", _drawn(generator(seed, purpose, counter), kind, n)),
        }
        for i, (seed, purpose, counter, kind, n) in enumerate(asked)
    ]  # fmt: skip


def _in_turn(cases: Cases) -> dict[str, Any]:
    """One stream that is asked for this and that."""
    source = generator(3, "flips", 4)
    asked = [
        ("uniform", 3), ("normal", 5), ("permutation", 11), ("uniform", 1), ("stratified", 37), ("normal", 2500),
        ("uniform", 7),
    ]  # fmt: skip
    return {
        "seed": "3", "purpose": "flips", "counter": 4,
        "draws": [
            {"kind": kind, "n": n, "numbers": cases.tensor(f"turn-{i}", _drawn(source, kind, n))}
            for i, (kind, n) in enumerate(asked)
        ],
    }  # fmt: skip


def _first_weights(cases: Cases) -> list[dict[str, Any]]:
    """Numbers drawn evenly between others, each from its place in the stream."""
    recorder = Recorder(7)
    for i, size in enumerate((3, 8, 1, 5000)):
        recorder.uniform(-(0.3**i), 0.7 / (i + 1), (size, 2))
        recorder.standard_normal(size)
    return [
        {
            "seed": "7", "place": draw.place, "low": draw.low, "high": draw.high, "n": draw.numbers.size,
            "numbers": cases.tensor(f"first-{i}", draw.numbers.ravel()),
        }
        for i, draw in enumerate(recorder.draws)
    ]  # fmt: skip


def _drawn(source: np.random.Generator, kind: str, n: int) -> Array:
    if kind == "permutation":
        return source.permutation(n).astype(np.int64)
    return draw(source, kind, (n,), np.dtype(np.float32))


def _batches(cases: Cases) -> list[dict[str, Any]]:
    return [_batch_case(*case) for case in ((10, 3, 0), (50, 50, 1), (3499, 16, 2), (1000, 999, 3), (50_000, 64, 4))]


def _batch_case(num: int, size: int, seed: int) -> dict[str, Any]:
    batches = Batches({"x": np.zeros(num, np.uint8)}, size, seed)
    far = 3 * num // size
    places = [_places(batches, step) for step in (0, 1, 2, far, far + 1, 0)]
    resized = max(1, size // 2)
    batches.resize(resized, far, batches.num_seen(far))
    places += [_places(batches, step) for step in (far, far + 1, far + 2)]
    order = generator(seed, "order", 0).permutation(num)
    return {
        "num": num, "batch_size": size, "seed": seed, "resize": [resized, far], "num_before": 6, "places": places,
        "first_order": order.tolist(),
    }  # fmt: skip


def _places(batches: Batches, step: int) -> dict[str, Any]:
    places = batches.places(step)
    return {"step": step, "num_seen": batches.num_seen(step), **{name: a.tolist() for name, a in places.items()}}


def _schedule(cases: Cases) -> dict[str, Any]:
    rates = []
    for schedule, warmup in product(SCHEDULES, (0.0, 0.05, 0.3)):
        chosen = settings(schedule=schedule, warmup=warmup, learning_rate=0.0123)
        factor = schedule_of(chosen)
        progress = [i / 997 for i in range(998)]
        values = [chosen.learning_rate * factor(share) for share in progress]
        rates.append({"settings": dataclasses.asdict(chosen), "progress": progress, "values": values})
    budgets: list[dict[str, Any]] = [{"minutes": 1.5}, {"epochs": 2.5}, {"epochs": 0.001}, {"epochs": 8}, {"steps": 77}]
    return {
        "rates": rates,
        "decays": [[d, step, warmed_up_decay(d, step)] for d in (0.0, 0.9, 0.999) for step in (0, 1, 5, 100, 10_000)],
        "budgets": [_budget(settings(**given, batch_size=size), 57) for given in budgets for size in (6, 38)],
        "picture_steps": [[step, next_picture_step(step)] for step in (*range(200), 2**20 - 1, 2**20, 3 * 2**19)],
    }


def _budget(chosen: Settings, num: int) -> dict[str, Any]:
    budget = Budget.of(chosen, num)
    asked = [(0, 0.0), (3, 1.0), (20, 45.0), (77, 90.0), (1000, 1000.0)]
    told = [[steps, elapsed_s, budget.progress(steps, elapsed_s)] for steps, elapsed_s in asked]
    return {"settings": dataclasses.asdict(chosen), "num": num, "progress": told}


def _state(cases: Cases) -> list[dict[str, Any]]:
    return [_state_case(cases, optimizer) for optimizer in ("adamw", "sgd", "muon")]


def _state_case(cases: Cases, optimizer: str) -> dict[str, Any]:
    task = Toy()
    step = build_step(task, task.model(generator(0, "initialization")), settings(optimizer=optimizer))
    numbers = np.random.default_rng(1)
    carried = {
        name: numbers.standard_normal(array.shape).astype(array.dtype) for name, array in step.initial.items()
    }  # fmt: skip
    named = step.named(carried)
    return {
        "manifest": _state_manifest(step),
        "carried": cases.tensors(f"{optimizer}-carried", carried),
        "named": cases.tensors(f"{optimizer}-named", named),
        "weights": cases.tensors(f"{optimizer}-weights", weights_of(named)),
    }


def _state_manifest(step: TrainingStep) -> dict[str, Any]:
    specs = step.graph.input_specs()
    return {
        "packs": {
            pack: [{"name": name, "shape": list(spec.shape)} for name, spec in members.items()]
            for pack, members in step.packing.packs.items()
        },
        "carried": list(step.graph.carried),
        "graphs": {
            "step/8": {"inputs": {n: {"dtype": s.dtype.name, "shape": list(s.shape)} for n, s in specs.items()}}
        },
    }


def _chunks(cases: Cases) -> dict[str, Any]:
    numbers, num = np.random.default_rng(2), 1700
    arrays = {
        "images": numbers.integers(0, 256, (num, 3, 9, 7), np.uint8),
        "gray": numbers.integers(0, 256, (num, 8, 8), np.uint8),
        "one": numbers.integers(0, 256, (num, 1, 5, 6), np.uint8),
        "noise": numbers.standard_normal((num, 4)).astype(np.float32),
        "labels": numbers.integers(0, 10, num),
        "first_flip": numbers.integers(0, 2, num).astype(bool),
    }
    described = {
        name: {
            "dtype": array.dtype.name, "shape": list(array.shape[1:]),
            "chunks": [
                {**cases.keep(f"{name}-{i}.gz", chunk.content), "count": chunk.count, "filter": chunk.filter}
                for i, chunk in enumerate(chunks_of(array))
            ],
        }
        for name, array in arrays.items()
    }  # fmt: skip
    return {"examples": {"count": num, "arrays": described}, "arrays": cases.tensors("whole", arrays)}


def _safetensors(cases: Cases) -> dict[str, Any]:
    tensors: dict[str, Array] = {
        "parameters/0.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        "labels": np.arange(-3, 4), "bytes": np.arange(5, dtype=np.uint8), "flags": np.array([True, False, True]),
        "scalar": np.array(2.5, np.float32), "empty": np.zeros((0, 3), np.float32), "שם": np.ones(1, np.float32),
    }  # fmt: skip
    metadata = {"glassnet": '{"step": 3}', "words": "שלום"}
    file = cases.keep("python.safetensors", save_safetensors(tensors, metadata))
    return {"file": file, "metadata": metadata, "tensors": cases.tensors("safe", tensors)}


_TOLD = {
    "randomness": _randomness, "in_turn": _in_turn, "batches": _batches, "schedule": _schedule, "state": _state,
    "first_weights": _first_weights,
    "chunks": _chunks, "safetensors": _safetensors,
}  # fmt: skip
