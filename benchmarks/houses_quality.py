"""How good the drawings of houses are: train on part of the real drawings, compare new ones with the rest.

    GLASSNET_DATA=... python benchmarks/houses_quality.py [--minutes 2] [--seeds 1]

Printed for the new drawings, and for as many real training drawings as the ceiling:

coverage    share of unseen real drawings that have a new one nearer than their 5th nearest real neighbour
            (Naeem et al. 2020, https://arxiv.org/abs/2002.09797), in the 50 main components of slightly blurred pixels
nearest     median distance to the nearest training drawing: far below that of unseen real ones would mean copies
ink         mean ink, and share of pixels without any

There is no judge here that says whether a drawing is a house: look at the sheet whose path is printed last.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array
from glassnet.baselines.machine import describe
from glassnet.data.quickdraw import find
from glassnet.runtimes import get_runtime
from glassnet.tasks import open_task, settings_for
from glassnet.tasks.houses import draw_houses, write_drawings
from glassnet.training import create, train
from glassnet.training.events import Finished

NUM_UNSEEN, NUM_DRAWN, NEIGHBOURS, NUM_COMPONENTS = 500, 500, 5, 50


def distances(a: Array, b: Array) -> Array:
    """(N, D), (M, D) -> (N, M), Euclidean."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2.0 * a @ b.T
    return np.sqrt(np.maximum(squares, 0.0))


def coverage(real: Array, new: Array) -> float:
    among = distances(real, real)
    np.fill_diagonal(among, np.inf)
    radius = np.sort(among, axis=1)[:, NEIGHBOURS - 1]
    return float((distances(real, new).min(1) < radius).mean())


def blurred(images: Array) -> Array:
    """(N, 28, 28) uint8 -> (N, 729): each pixel the mean of a 2x2 block, 0 to 1."""
    x = images.astype(np.float64) / 255.0
    return ((x[:, 1:, 1:] + x[:, :-1, 1:] + x[:, 1:, :-1] + x[:, :-1, :-1]) / 4.0).reshape(len(x), -1)


def report(name: str, images: Array, unseen: Array, training: Array) -> None:
    mean = blurred(training).mean(0)
    components = np.linalg.svd(blurred(training) - mean, full_matrices=False)[2][:NUM_COMPONENTS]
    real, new = ((blurred(x) - mean) @ components.T for x in (unseen, images))
    pixels = [x.reshape(len(x), -1) / 255.0 for x in (images, training)]
    nearest = float(np.median(distances(*pixels).min(1)))
    print(
        f"{name:14} coverage {coverage(real, new):.3f}  nearest {nearest:.2f}  ink {images.mean() / 255:.3f}  "
        f"without ink {(images == 0).mean():.3f}  n {len(images)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    print(describe(f"{arguments.minutes} minutes"))
    images = np.load(find()[0]).reshape(-1, 28, 28)
    images = images[np.random.default_rng(0).permutation(len(images))][:3499]
    unseen, training = images[:NUM_UNSEEN], images[NUM_UNSEEN:]
    report("real, unseen", unseen, unseen, training)
    report("real, training", training[:NUM_DRAWN], unseen, training[NUM_DRAWN:])
    directory = Path(tempfile.mkdtemp())
    np.save(directory / "training.npy", training)
    for seed in range(arguments.seeds):
        runtime = get_runtime("auto")
        given = {"data": str(directory / "training.npy"), "minutes": arguments.minutes, "seed": seed}
        settings = settings_for("houses", given)
        run = create(directory / f"run-{seed}", settings)
        finished = next(e for e in train(open_task(settings, runtime), run, runtime) if isinstance(e, Finished))
        drawn = draw_houses(run, run.newest_checkpoint()[0], NUM_DRAWN, seed=1)
        report(f"new, seed {seed}", drawn, unseen, training)
        print(f"  {finished.step} steps in {finished.elapsed_s:.0f} s")
        write_drawings(directory / f"drawings-{seed}.png", lambda drawn=drawn: drawn[:100])
        print(f"  {directory / f'drawings-{seed}.png'}")


if __name__ == "__main__":
    main()
