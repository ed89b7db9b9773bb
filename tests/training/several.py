"""Trainings of several processes, started here as `torchrun` would: `python -m tests.training.several CASE OUT`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from glassnet.autodiff import Array, Tensor
from glassnet.nn import BatchNorm2d, Conv2d, Flatten, Linear, Module, ReLU, Sequential, mse_loss
from glassnet.ops import Random
from glassnet.runtimes import get_group, get_runtime
from glassnet.training import create, train
from glassnet.training.stepper import follow
from tests.training.toy import Toy, settings

ROOT = Path(__file__).parents[2]


class Exact(Toy):
    """The toy in float64: what differs is not rounding."""

    def __init__(self) -> None:
        super().__init__()
        self.training = {name: array.astype(np.float64) for name, array in self.training.items()}
        self.validation = {name: array.astype(np.float64) for name, array in self.validation.items()}

    def model(self, generator: np.random.Generator) -> Module:
        how: dict[str, Any] = {"generator": generator, "dtype": "float64"}
        conv = Conv2d(1, 4, 3, padding=1, has_bias=False, **how)
        return Sequential(conv, BatchNorm2d(4, dtype="float64"), ReLU(), Flatten(), Linear(64, 1, **how))

    def measure(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        return {"loss": mse_loss(model(batch["x"]), batch["y"])}


def several(num: int, case: Mapping[str, Any], out: Path) -> list[subprocess.Popen[str]]:
    """That many processes of one training; each writes what it ends with to ``out``/RANK.safetensors."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out.mkdir(exist_ok=True)
    shared = {**os.environ, "WORLD_SIZE": str(num), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-m", "tests.training.several", json.dumps(case), str(out)]
    return [
        subprocess.Popen(
            command, cwd=ROOT, env={**shared, "RANK": str(rank), "OMP_NUM_THREADS": "1"}, text=True,
            stderr=subprocess.PIPE,
        )
        for rank in range(num)
    ]  # fmt: skip


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """How each ended: its code, and what it said."""
    said = [process.communicate(timeout=300)[1] for process in processes]
    return [(process.returncode, words) for process, words in zip(processes, said, strict=True)]


def states(num: int, case: Mapping[str, Any], out: Path) -> list[dict[str, Array]]:
    """What each of the processes ends with."""
    for code, said in ended(several(num, case, out)):
        assert code == 0, said
    return [load_file(out / f"{rank}.safetensors") for rank in range(num)]


def alone(case: Mapping[str, Any], out: Path) -> dict[str, Array]:
    """What a single process ends with."""
    return _led(case, out)


def _led(case: Mapping[str, Any], out: Path) -> dict[str, Array]:
    task = Exact() if case["is_exact"] else Toy()
    run = create(out / "run", settings(**case["settings"]))
    for _ in train(task, run, get_runtime(case["runtime"])):
        pass
    return dict(run.newest_checkpoint()[0].tensors)


def main() -> None:
    case, out = json.loads(sys.argv[1]), Path(sys.argv[2])
    with get_group("cpu") as group:
        if group.leads:
            state = _led(case, out)
        else:
            task = Exact() if case["is_exact"] else Toy()
            state = follow(task, settings(**case["settings"]), get_runtime(case["runtime"]), group)
        save_file(state, out / f"{group.rank}.safetensors")


if __name__ == "__main__":
    main()
