"""The whole training step beside the same network in PyTorch eager, alternating.

A step is forward, backward, clipping, AdamW and the running average of the weights, on both sides.

    python benchmarks/step.py [--rounds 7] [--threads N] [--network NAME]

Prints for each network the median milliseconds of a step of each, and PyTorch's time over ours with its spread over
the rounds: above 1 we are faster. Both start from the same weights and see the same batches; the losses of the first
steps are compared, so that a wrong step cannot be a fast one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from networks import NETWORKS, Batch, Network

from glassnet.autodiff import Array
from glassnet.baselines.machine import describe
from glassnet.runtimes import Runtime
from glassnet.runtimes.onnx import OnnxRuntime
from glassnet.training import Settings
from glassnet.training.step import build_step, under

Step = Callable[[Batch], float]


class _Task:
    """A network of the benchmark in the clothes of a task."""

    name = source = "benchmark"

    def __init__(self, network: Network, examples: Batch):
        self._network = network
        self.training = self.validation = examples

    def loss(self, model, batch, random):  # type: ignore[no-untyped-def]
        return self._network.our_loss(model, batch, random)


def our_step(network: Network, runtime: Runtime, examples: Batch) -> tuple[Step, dict[str, Array]]:
    """Our step, and the weights that it starts from."""
    model = network.ours()
    weights = {name: tensor.numpy() for name, tensor in model.parameters().items()}
    settings = Settings("benchmark", steps=1, batch_size=network.batch_size)
    step = build_step(_Task(network, examples), model, settings)  # type: ignore[arg-type]
    epoch = np.zeros(network.batch_size, np.float32)
    executable = runtime.compile(step.graph)
    executable.load(step.initial)
    count = [0]

    def run(batch: Batch) -> float:
        count[0] += 1
        scalars = step.scalars(count[0], 0.99, 1e9, learning_rate=1e-3, weight_decay=0.0)
        return float(executable({**scalars, **under("batch", {**batch, "epoch": epoch})})["loss"])

    return run, weights


def their_step(network: Network, weights: dict[str, Array]) -> Step:
    """PyTorch eager: autograd, torch.optim.AdamW, clipped gradients and averaged weights, as people write it."""
    model = network.theirs()
    for parameter, array in zip(model.parameters(), _in_order(model, weights), strict=True):
        parameter.data = torch.from_numpy(array.copy())
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, 1e-3, weight_decay=0.0)
    averages = [parameter.detach().clone() for parameter in parameters]

    def run(batch: Batch) -> float:
        loss = network.their_loss(model, {name: torch.from_numpy(array) for name, array in batch.items()})
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1e9)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 0.01)
        return loss.item()

    return run


def _in_order(model: torch.nn.Module, weights: dict[str, Array]) -> list[Array]:
    """Our weights for their parameters: by name where the names agree, else by order."""
    names = [name for name, _ in model.named_parameters()]
    return [weights[name] for name in names] if set(names) == set(weights) else list(weights.values())


def compare(network: Network, rounds: int, runtime: Runtime) -> None:
    generator = np.random.default_rng(1)
    batches = [network.batch(generator, network.batch_size) for _ in range(8)]
    ours, weights = our_step(network, runtime, batches[0])
    theirs = their_step(network, weights)
    for batch in batches[:4]:
        np.testing.assert_allclose(ours(batch), theirs(batch), rtol=2e-3)
    seconds = time_round(theirs, batches, 3)
    steps = max(4, round(0.7 / seconds))
    times = [(time_round(ours, batches, steps), time_round(theirs, batches, steps)) for _ in range(rounds)]
    ratios = sorted(b / a for a, b in times)
    mine, torchs = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
    print(
        f"{network.name:10} batch {network.batch_size:4}  {runtime.name} {mine:8.2f} ms  "
        f"PyTorch eager {torchs:8.2f} ms  "
        f"PyTorch / ours {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
        f"{network.batch_size / mine * 1e3:,.0f} images/s, {rounds} rounds of {steps} steps",
        flush=True,
    )


def time_round(step: Step, batches: list[Batch], steps: int) -> float:
    """Seconds per step."""
    began = time.perf_counter()
    for i in range(steps):
        step(batches[i % len(batches)])
    return (time.perf_counter() - began) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--network", choices=[network.name for network in NETWORKS])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(describe(f"{arguments.threads} threads"))
    for network in NETWORKS:
        if arguments.network in (None, network.name):
            compare(network, arguments.rounds, OnnxRuntime(arguments.threads))


if __name__ == "__main__":
    main()
