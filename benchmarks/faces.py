"""Whose face it is, measured as the product does it: folders in, answers out, splits by seeds.

    GLASSNET_DATA=... python benchmarks/faces.py att --per-person 5 --splits 10
    GLASSNET_DATA=... python benchmarks/faces.py lfw --splits 3 [--block] [--strangers 16] [--runtime torch]

Each split is a folder of links, `train` and `test`, as a user would make it. With --strangers that many persons, drawn
by the seed, are left out of `train` and all their photos are in `test`; the product chooses its threshold without them.
Printed for each split: identified (largest cosine, whatever the threshold), macro (mean over persons), the threshold
that was chosen, the strangers' photos answered with a name there (FPIR), and the known persons' photos answered with
their own name (TPIR = 1 - FNIR), also at the threshold which gives an FPIR of exactly 1 % on these strangers.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.autodiff import Array
from glassnet.baselines.machine import describe
from glassnet.data import locate, people, splits
from glassnet.data.people import STRANGER
from glassnet.insight.identification import (
    curve,
    fnir_at,
    macro_average,
    rank_one_accuracy,
    rates_at,
    recall_by_person,
)  # fmt: skip
from glassnet.runtimes import get_runtime
from glassnet.tasks import fit_to_data, on_this_machine, open_task, settings_for
from glassnet.tasks.recognition import Recognizer, calibrated, matches, open_gallery
from glassnet.training import create, train
from glassnet.training.events import Finished

FOLDERS = {"att": "faces/att_faces", "lfw": "faces/lfwa_min20"}


def files_of(name: str) -> list[Path]:
    found = [path / FOLDERS[name] for path in locate.places() if (path / FOLDERS[name]).is_dir()]
    if not found:
        raise SystemExit(f"expected {FOLDERS[name]} in $GLASSNET_DATA; got none. To fix: set it.")
    return sorted(path for path in found[0].glob("*/*") if path.suffix in (".jpg", ".pgm"))


def lay_out(files: Sequence[Path], folder: Path, seed: int, arguments: argparse.Namespace) -> None:
    """`train` and `test` of the split in the folder, as links to the files."""
    photos = [(file.parent.name, file.name) for file in files]
    if arguments.per_person:
        is_test = splits.per_person(photos, arguments.per_person, seed)
    else:
        is_test = splits.by_block(photos, seed) if arguments.block else one_in_five(photos, seed)
    persons = sorted({person for person, _ in photos})
    strangers = set(np.random.default_rng(seed).permutation(persons)[: arguments.strangers])
    for file, (person, name), is_out in zip(files, photos, is_test, strict=True):
        target = folder / ("test" if is_out or person in strangers else "train") / person / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file)


def one_in_five(photos: Sequence[splits.Photo], seed: int) -> Array:
    """A fifth of each person's photos, at random."""
    draw = np.random.default_rng(seed)
    is_test = np.zeros(len(photos), bool)
    for person in sorted({person for person, _ in photos}):
        own = [i for i, photo in enumerate(photos) if photo[0] == person]
        is_test[draw.permutation(own)[: round(len(own) / 5)]] = True
    return is_test


def measure(folder: Path, given: dict[str, Any]) -> dict[str, float]:
    """Train on the folder, and answer its test photos."""
    settings = on_this_machine(settings_for("faces", {"data": str(folder), **given}), given)
    runtime = get_runtime(settings.runtime, settings.device, settings.precision)
    task = open_task(settings, runtime)
    run = create(folder / "run", fit_to_data(settings, task, given), task.facts)
    seconds = next(event.elapsed_s for event in train(task, run, runtime) if isinstance(event, Finished))
    checkpoint, _ = run.newest_checkpoint()
    known = people.load(folder)
    calibrated(run, checkpoint, known, runtime, settings.fpir)
    gallery, _ = open_gallery(run, checkpoint)
    probes = people.load_test(folder, known.names, known.framing)
    found = matches(Recognizer(run, checkpoint, runtime).embed(probes.pictures.images), gallery)
    labels, is_known = probes.pictures.labels, probes.pictures.labels != STRANGER
    is_right = (found.rows == labels)[is_known]
    recalls = recall_by_person(is_right, labels[is_known], len(known.names))
    print_persons(known, recalls)
    values = {
        "seconds": seconds, "steps": checkpoint.step,
        "photos": len(known.training.labels), "probes": int(is_known.sum()),
        "identified": rank_one_accuracy(is_right),
        "macro": macro_average(recalls),
        "threshold": gallery.threshold,
    }  # fmt: skip
    if not is_known.all():
        rates = curve(found.scores[is_known], is_right, found.scores[~is_known])
        fpir, fnir = rates_at(rates, gallery.threshold)
        values |= {"fpir": fpir, "tpir": 1.0 - fnir, "tpir at 1 %": 1.0 - fnir_at(rates, 0.01)}
    return values


def print_persons(known: people.People, recalls: Sequence[float | None]) -> None:
    """For whom it works less well: the mean recall of persons by their number of photos, and who is lowest."""
    nums = np.bincount(known.training.labels, minlength=len(known.names))
    of_tested = [
        (recall, int(num), name)
        for recall, num, name in zip(recalls, nums, known.names, strict=True)
        if recall is not None
    ]
    for low, high in ((1, 15), (16, 30), (31, 10_000)):
        group = [recall for recall, num, _ in of_tested if low <= num <= high]
        if group:
            print(f"  {low} to {high} photos to learn from: {len(group)} persons, mean recall {np.mean(group):.3f}")
    print(
        "  lowest: " + ", ".join(f"{name} {recall:.2f} ({num} photos)" for recall, num, name in sorted(of_tested)[:8])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=FOLDERS)
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="seed of the first split")
    parser.add_argument("--per-person", type=int, help="photos to learn from; the others are the test")
    parser.add_argument("--block", action="store_true", help="one in five, neighbors by number together")
    parser.add_argument("--strangers", type=int, default=0)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--runtime")
    parser.add_argument("--precision")
    arguments = parser.parse_args()
    given = {name: getattr(arguments, name) for name in ("minutes", "steps", "runtime", "precision")}
    given = {name: value for name, value in given.items() if value is not None}
    print(describe())
    files, rows = files_of(arguments.data), []
    for seed in range(arguments.first, arguments.first + arguments.splits):
        with tempfile.TemporaryDirectory() as folder:
            lay_out(files, Path(folder), seed, arguments)
            rows.append(measure(Path(folder), {**given, "seed": seed}))
        print(f"split {seed}: " + ", ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()), flush=True)
    print(f"mean of {len(rows)}: " + ", ".join(f"{n} {np.mean([row[n] for row in rows]):.4g}" for n in rows[0]))


if __name__ == "__main__":
    main()
