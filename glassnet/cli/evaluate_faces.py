"""`glassnet evaluate` of a run of faces: who is named rightly, and how many strangers are taken for somebody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.autodiff import Array
from glassnet.cli.using import Opened, encodable, notify, open_gallery, open_recognizer, readable, save_picture
from glassnet.data.people import STRANGER
from glassnet.insight.embedding_map import embedding_map
from glassnet.insight.facesheets import face_mistakes_sheet, identification_chart
from glassnet.insight.identification import Curve
from glassnet.tasks.gallery import Gallery
from glassnet.tasks.probes import Identification, identified, mistakes, other_probes, own_people, own_probes
from glassnet.tasks.recognition import Recognizer, calibrated, calibration_of

_MOST_POINTS, _MOST_LINES = 200, 40


def evaluate_faces(opened: Opened, data: str | None, fpir: float | None) -> dict[str, Any]:
    """The result as values of JSON; its pictures are drawn into the run directory."""
    recognizer = open_recognizer(opened)
    if data is None:
        own = own_people(opened.run)
        if calibration_of(opened.run, opened.checkpoint) is None:
            calibrated(opened.run, opened.checkpoint, own, opened.runtime, opened.run.settings.fpir)
        gallery = open_gallery(opened, fpir)
        probes = own_probes(own, opened.run, gallery)
    else:
        gallery = open_gallery(opened, fpir)
        probes = other_probes(Path(data), opened.run, gallery)
    notify(probes.notices)
    answers = identified(recognizer, probes.pictures, gallery, calibration_of(opened.run, opened.checkpoint))
    checkpoint = opened.checkpoint
    return {
        "accuracy": answers.accuracy,
        "macro": answers.macro,
        "recall": answers.recall,
        "identified": 1.0 - answers.fnir,
        "fpir": answers.fpir,
        "fnir": answers.fnir,
        "strangers": "photos" if answers.num_strangers else "simulated",
        "threshold": gallery.threshold,
        "curve": _thinned(answers.curve),
        "num_photos": len(probes.pictures.labels),
        "num_strangers": answers.num_strangers,
        "weights": opened.num_weights,
        "seconds": checkpoint.elapsed_s,
        "step": checkpoint.step,
        "pictures": _draw(opened, answers, recognizer, gallery),
        "data": encodable(probes.source),
    }


def in_words(values: Mapping[str, Any]) -> str:
    """What `evaluate_faces` found, as lines."""
    num_known, num_strangers = values["num_photos"] - values["num_strangers"], values["num_strangers"]
    simulated = " (simulated; give --data with strangers to count true ones)"
    strangers = f"{num_strangers:,} photos of strangers" if num_strangers else f"photos of strangers{simulated}"
    recall = sorted(values["recall"].items(), key=lambda entry: entry[1])
    width = max(6, *(len(readable(name)) for name, _ in recall[:_MOST_LINES]))
    lines = [
        f"accuracy {100 * values['accuracy']:.2f} % on {num_known:,} photos of {len(recall):,} known persons "
        f"(mean over persons {100 * values['macro']:.2f} %)",
        f"at the threshold {values['threshold']:.3f}:",
        f"  {100 * values['identified']:.2f} % of them are answered with their own name",
        f"  {100 * values['fpir']:.2f} % of {strangers} are answered with a name",
        f"{readable(values['data'])}",
        f"{values['weights']:,} weights, trained for {values['step']:,} steps in {values['seconds']:.0f} s",
        "",
        f"{'person':{width}}  recall",
        *(f"{readable(name):{width}}  {100 * share:.1f} %" for name, share in recall[:_MOST_LINES]),
        *([f"and {len(recall) - _MOST_LINES:,} more"] if len(recall) > _MOST_LINES else []),
        "",
    ]
    return "\n".join([*lines, *(f"{name}: {readable(path)}" for name, path in values["pictures"].items())])


def _thinned(rates: Curve) -> dict[str, list[float]]:
    kept = np.unique(np.linspace(0, len(rates.thresholds) - 1, _MOST_POINTS).round().astype(int))
    columns = {"thresholds": rates.thresholds, "fpir": rates.fpir, "fnir": rates.fnir}
    return {name: column[kept].tolist() for name, column in columns.items()}


def _draw(opened: Opened, answers: Identification, recognizer: Recognizer, gallery: Gallery) -> dict[str, str]:
    names = dict(zip(gallery.numbers, gallery.names, strict=True))
    numbers: Array = np.array([*gallery.numbers, STRANGER])[answers.faces.labels]  # STRANGER is the last
    sheets = {
        "mistakes": face_mistakes_sheet(mistakes(answers, recognizer, gallery, opened.run), names),
        "rates": identification_chart(answers.curve, gallery.threshold),
        "map": embedding_map(answers.embeddings, numbers, names, answers.faces.images),
    }
    return {name: save_picture(sheet, opened.run.path / f"{name}.png") for name, sheet in sheets.items()}
