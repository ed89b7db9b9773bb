"""Faces of 100,000 persons on one machine: what does the step cost, and does it learn?

    python benchmarks/identities.py [--identities 100000] [--sampled 512] [--batch-size 64] [--steps 1000]
                                    [--seen 2000] [--rounds 3] [--tested 1000] [--vector-ratio 2]

The persons and their photos, 40 by 32 pixels, are generated (`generated_faces.py`) in a process beside the training
when a batch wants them. First come steps that compare each photo with --sampled persons drawn at random and steps that
compare it with all, by turns, each turn in a process of its own: seconds for a step (the median of all but the first
two), the seconds that a core was busy with it, which hang less on what else the machine does, and the largest resident
set. Then a training with persons drawn. The network has a direction for each of --identities persons; photos are of the
first --seen of them, since a direction has to be met several times to be learned, and minutes have not that many steps.
For all of them, an hour: --rounds 0 --seen 100000 --batch-size 128 --steps 3910 --vector-ratio 32. Before and after it:
of --tested persons two new photos each, how often the one is nearer to the other than to all others'; once of persons
that photos were learned from, once of strangers.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import numpy as np
from generated_faces import SHAPE, Portraits, portrait, portraits

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.baselines.machine import describe
from glassnet.data.facecrop import Framing
from glassnet.data.manypeople import ManyPeople
from glassnet.data.pictures import Pictures, StreamedPictures
from glassnet.data.stream import Stream
from glassnet.graph import optimize, trace
from glassnet.runtimes import get_runtime
from glassnet.tasks import settings_for
from glassnet.tasks.faces import Faces, network
from glassnet.training import Settings
from glassnet.training.loop import schedule_of
from glassnet.training.randomness import generator
from glassnet.training.step import weights_of
from glassnet.training.stepper import Stepper

PHOTOS_OF_EACH = 1000  # more than are seen; those of the test come after them
# The photos differ already, and the recipe's variations are made for others.
PLAIN: dict[str, Any] = {
    "flip": "none", "shift_px": 0, "rotation_degrees": 0.0, "zoom": 0.0, "brightness": 0.0, "contrast": 0.0,
    "blur_px": 0.0, "cutout_px": 0,
}  # fmt: skip
EMBEDDED = 250  # at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=100_000)
    parser.add_argument("--sampled", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seen", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turn-steps", type=int, default=8)
    parser.add_argument("--tested", type=int, default=1000)
    parser.add_argument("--vector-ratio", type=float, default=2.0)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        return print(json.dumps(turn(options, options.work)))
    print(describe(f"{options.identities:,} identities, batches of {options.batch_size}"), flush=True)
    if options.rounds:
        compare(options)
    if options.steps:
        learn(options)
    return None


def settings_of(options: argparse.Namespace, num_sampled: int) -> Settings:
    given = {
        **PLAIN, "sampled_classes": num_sampled, "batch_size": options.batch_size, "steps": max(1, options.steps),
        "runtime": "torch", "vector_ratio": options.vector_ratio,
    }  # fmt: skip
    return settings_for("faces", given)


def task_of(settings: Settings, num_identities: int, num_seen: int) -> Faces:
    """The task of `glassnet train faces`, with people that nobody has photographed."""
    num = max(settings.batch_size * (settings.steps or 1) // num_seen, 1)
    persons = np.repeat(np.arange(num_seen), min(num, PHOTOS_OF_EACH))
    numbers = np.tile(np.arange(min(num, PHOTOS_OF_EACH)), num_seen)
    stream = Stream(Portraits(persons, numbers), portraits, SHAPE, num_processes=1)
    nobody = Pictures(np.zeros((0, *SHAPE), np.uint8), np.zeros(0, np.int64))
    names = tuple(map(str, range(num_identities)))
    known = ManyPeople(StreamedPictures(stream, persons), nobody, names, Framing("whole"), "generated", ())
    return Faces(settings, known)


def turn(options: argparse.Namespace, num_sampled: int) -> dict[str, float]:
    """A few steps, measured; in a process of their own, whose memory is then theirs."""
    settings = settings_of(options, num_sampled)
    with closing(Stepper(task_of(settings, options.identities, options.seen), settings, get_runtime("torch"))) as steps:
        steps.load(steps.graph.named(steps.graph.initial))
        took_s, busy_s = [], []
        for step in range(options.turn_steps):
            began, busy_before_s = time.perf_counter(), time.process_time()
            steps.take(step, {})
            took_s.append(time.perf_counter() - began)
            busy_s.append(time.process_time() - busy_before_s)
    return {
        "step_s": statistics.median(took_s[2:]), "busy_s": statistics.median(busy_s[2:]), "peak_mib": peak_mib(),
    }  # fmt: skip


def compare(options: argparse.Namespace) -> None:
    ways = {f"{options.sampled} drawn": options.sampled, f"all {options.identities:,}": 0}
    told: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, num_sampled in ways.items():
            command = [sys.executable, *sys.argv, "--work", str(num_sampled)]
            told[way].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    for way, turns in told.items():
        peak = max(one["peak_mib"] for one in turns)
        times = [
            f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"
            for values in ([one[name] for one in turns] for name in ("step_s", "busy_s"))
        ]
        print(f"{way}: a step takes {times[0]}, {times[1]} of them on a core, "
              f"at most {peak:,.0f} MiB resident; n {len(turns)}", flush=True)  # fmt: skip


def learn(options: argparse.Namespace) -> None:
    settings = settings_of(options, options.sampled)
    task = task_of(settings, options.identities, options.seen)
    with closing(Stepper(task, settings, get_runtime("torch"))) as steps:
        state = steps.graph.named(steps.graph.initial)
        num_weights = sum(array.size for name, array in state.items() if name.startswith("parameters/"))
        print(f"{num_weights:,} weights; photos of {options.seen:,} persons, {len(task.training['labels']):,} in all")
        print(f"before: {recognition(settings, task, state, options)}", flush=True)
        steps.load(state)
        schedule, losses, began = schedule_of(settings), [], time.perf_counter()
        for step in range(options.steps):
            rate = settings.learning_rate * schedule(step / options.steps)
            told = steps.take(step, {"learning_rate": rate, "weight_decay": settings.weight_decay})
            losses.append(float(told["loss"]))
            if (step + 1) % max(1, options.steps // 10) == 0:
                mean = statistics.mean(losses[-50:])
                print(f"  {step + 1:,} steps, {time.perf_counter() - began:.0f} s: loss {mean:.3f}", flush=True)
        first, last = statistics.mean(losses[:20]), statistics.mean(losses[-50:])
        print(f"loss {first:.2f} (first 20 steps) to {last:.2f} (last 50)")
        print(f"after: {recognition(settings, task, steps.state(), options)}")
    print(f"at most {peak_mib():,.0f} MiB resident")


def recognition(settings: Settings, task: Faces, state: Mapping[str, Array], options: argparse.Namespace) -> str:
    """How often the nearest of all first photos is of the same person as the second."""
    model = network(generator(settings.seed, "initialization"), task.facts)
    model.load({name: Tensor(array) for name, array in weights_of(state).items()})
    model.train(False)
    spec = {"images": ArraySpec((EMBEDDED, *SHAPE), np.dtype(np.uint8))}
    embed = get_runtime("torch").compile(optimize(trace(lambda t, _: {"x": model.embed(t["images"])}, spec)))

    def rank_one(first_person: int) -> float:
        persons = np.arange(first_person, first_person + options.tested)
        gallery, probes = (_embedded(embed, persons, PHOTOS_OF_EACH + number) for number in range(2))
        return float(((probes @ gallery.T).argmax(1) == np.arange(len(persons))).mean())

    return (
        f"rank 1 among {options.tested:,}: {rank_one(0):.1%} of persons learned from, "
        f"{rank_one(options.identities):.1%} of strangers, {1 / options.tested:.1%} by chance"
    )


def _embedded(embed: Any, persons: Array, number: int) -> Array:
    parts = []
    for i in range(0, len(persons), EMBEDDED):
        some = np.resize(persons[i : i + EMBEDDED], EMBEDDED)  # the last ones several times, if they are few
        parts.append(embed({"images": np.array([portrait(person, number) for person in some.tolist()])})["x"])
    return np.concatenate(parts)[: len(persons)]


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
