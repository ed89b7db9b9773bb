"""Faces: a network that learns whose face it is, from a folder of photos with a sub-folder for each person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.data import manypeople, people
from glassnet.data.manypeople import ManyPeople
from glassnet.data.people import People
from glassnet.data.stream import Stream, sample
from glassnet.models import FaceNet
from glassnet.nn import Module, accuracy, draw_classes, margin_cross_entropy, sampled_margin_cross_entropy
from glassnet.ops import Random
from glassnet.tasks.augmentation import augmented
from glassnet.training import Settings

NAME = "faces"
DEFAULTS: Mapping[str, Any] = {
    "model": "facenet", "optimizer": "muon", "batch_size": 64, "learning_rate": 0.1, "momentum": 0.9,
    "vector_ratio": 0.5, "schedule": "linear", "warmup": 0.05, "weight_decay": 0.0, "ema_decay": 0.0,
    "max_gradient_norm": 1e6, "patience": None, "margin": 0.35, "logit_scale": 16.0, "flip": "random", "shift_px": 4,
    "rotation_degrees": 8.0, "zoom": 0.1, "brightness": 0.15, "contrast": 0.3, "blur_px": 1.0, "cutout_px": 20,
}  # fmt: skip
_MANY_PEOPLE, _DRAWN_SHARE = 20_000, 0.1  # An et al. 2021, as of the loss, lost nothing by comparing with a tenth
_NUM_SAMPLED = 5_000  # of a stream, to know how bright faces are
# With more steps for each photo the photos held out are recognized less well again.
STEPS_PER_PHOTO, LEAST_STEPS, MOST_STEPS = 0.65, 620, 20_000


class Faces:
    """The task: photos of known persons, the network, and a loss that wants them told apart by a margin."""

    def __init__(self, settings: Settings, known: People | ManyPeople | None = None):
        self.people = known or manypeople.load(folder_of(settings), settings.crop)
        self.name, self.settings = NAME, settings
        self.source = self.people.source
        self._num_drawn, notices = drawn_of(settings.sampled_classes, len(self.people.names))
        self.notices: Sequence[str] = (*self.people.notices, *notices)
        pictures = self.people.training
        chosen = balanced(pictures.labels)
        self.training: Mapping[str, Array | Stream] = {
            "images": pictures.images[chosen],
            "labels": pictures.labels[chosen],
        }
        held_out = self.people.held_out
        self.validation: Mapping[str, Array] = {"images": held_out.images, "labels": held_out.labels}
        self.facts: Mapping[str, object] = facts_of(self.people)
        some = sample(pictures.images, _NUM_SAMPLED) if isinstance(pictures.images, Stream) else pictures.images
        self._mean = float(some.mean())

    def model(self, generator: np.random.Generator) -> Module:
        return network(generator, self.facts)

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        images, labels, how = augmented(batch, random, self.settings, self._mean), batch["labels"], self.settings
        # The small network that races the nudge knows no directions.
        if not (self._num_drawn and isinstance(model, FaceNet)):
            return margin_cross_entropy(model(images, random), labels, how.logit_scale, how.margin)
        embeddings, weight = model.embed(images, random), model.cosine.weight
        drawn = draw_classes(random, self._num_drawn, weight.shape[0])
        return sampled_margin_cross_entropy(embeddings, weight, labels, drawn, how.logit_scale, how.margin)

    def measure(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        cosines = model(batch["images"])
        loss = margin_cross_entropy(cosines, batch["labels"], self.settings.logit_scale, margin=0.0)
        return {"loss": loss, "accuracy": accuracy(cosines, batch["labels"])}

    def pictures(self, weights: Mapping[str, Array]) -> None:
        return None


def facts_of(known: People | ManyPeople) -> dict[str, Any]:
    """What a run keeps of the people it was trained on: names, numbers of photos, and how a photo becomes a face."""
    return {
        "people": list(known.names),
        "photos": np.bincount(known.training.labels, minlength=len(known.names)).tolist(),
        "image_shape": list(known.training.images.shape[1:]),
        "framing": known.framing.to_json(),
    }


def network(generator: np.random.Generator, facts: Mapping[str, Any]) -> FaceNet:
    """The network of a run with these facts, with random weights."""
    _, height, width = facts["image_shape"]
    return FaceNet(generator, len(facts["people"]), image_size=(height, width))


def drawn_of(chosen: int | None, num_people: int) -> tuple[int, list[str]]:
    """How many people a step compares a photo with beside its own, 0 for all, and what to say of it."""
    if chosen is None:
        num = round(num_people * _DRAWN_SHARE) if num_people > _MANY_PEOPLE else 0
        how = f"--sampled-classes 0 compares with all {num_people:,}"
        return num, [f"each step compares with {num:,} people drawn at random; {how}"] if num else []
    if chosen < num_people:
        return chosen, []
    return 0, [f"each step compares with all {num_people:,} people; --sampled-classes {chosen} is no fewer"]


def steps_for(num_photos: int) -> int:
    """How many steps to train for on so many photos, for who did not choose a budget."""
    return round(min(max(num_photos * STEPS_PER_PHOTO, LEAST_STEPS), MOST_STEPS))


def balanced(labels: Array) -> Array:
    """Which examples make an epoch: all, and those of persons with few photos several times.

    A person with 1/n of the photos of the largest is repeated about sqrt(n) times, so that nobody is drowned out.
    """
    counts = np.bincount(labels)
    repeats = np.rint(np.sqrt(counts.max() / np.maximum(counts, 1))).astype(np.int64)
    by_person = np.argsort(labels, kind="stable")
    return np.repeat(by_person, repeats[labels[by_person]])


def folder_of(settings: Settings) -> Path:
    """Where the photos of a training with these settings are."""
    return Path(settings.data) if settings.data is not None else people.find_default()
