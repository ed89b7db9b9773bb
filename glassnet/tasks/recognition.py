"""Recognition: what a run of faces learned, ready to be asked whose face it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.data.facecrop import Framing
from glassnet.data.manypeople import ManyPeople
from glassnet.data.people import People
from glassnet.data.pictures import Pictures, StreamedPictures
from glassnet.data.stream import readable
from glassnet.errors import CheckpointError, DataError, ShapeError
from glassnet.graph import optimize, trace
from glassnet.models import FaceNet
from glassnet.runtimes import Runtime
from glassnet.tasks import faces
from glassnet.tasks.calibration import (
    DEFAULT_THRESHOLD,
    NUM_COMPOSED,
    Calibration,
    composed_faces,
    load_calibration,
    save_calibration,
    scores,
)
from glassnet.tasks.gallery import Gallery, Trained, known_persons, load_changes, outdated, unit
from glassnet.training import Checkpoint, Run
from glassnet.training.randomness import generator
from glassnet.training.step import weights_of

# Always as many at a time: kernels round differently for other numbers.
_NUM_EMBEDDED = 32
_MOST_COSINES = 2**24
_MOST_PHOTOS = 2_000


@dataclass(frozen=True)
class Answer:
    """Whose face it is; of a stranger's, number and name are None."""

    number: int | None
    name: str | None
    probability: float  # that it is the nearest, if it is one of the known persons
    is_unknown: bool
    nearest: str
    score: float


@dataclass(frozen=True)
class Matches:
    """Of N faces, the likeliest person each."""

    rows: Array  # int64 (N,), of the gallery
    scores: Array  # float32 (N,)
    probabilities: Array  # float32 (N,)


class Recognizer:
    """The network of a checkpoint, that turns faces into directions. It needs no data set."""

    def __init__(self, run: Run, checkpoint: Checkpoint, runtime: Runtime):
        model = _network(run, checkpoint)
        self.framing = Framing.from_json(run.facts["framing"])
        channels, height, width = run.facts["image_shape"]
        self.image_shape: tuple[int, int, int] = (channels, height, width)
        spec = ArraySpec((_NUM_EMBEDDED, *self.image_shape), np.dtype(np.uint8))
        graph = trace(lambda inputs, random: {"embeddings": model.embed(inputs["images"])}, {"images": spec})
        self._executable = runtime.compile(optimize(graph))
        self._size = model.centers().shape[1]

    def embed(self, images: Array) -> Array:
        """uint8 (N, C, H, W) of `image_shape` -> float32 (N, D) of length 1: of each and its mirror image together."""
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape:
            raise ShapeError(
                f"expected faces uint8 (N, {', '.join(map(str, self.image_shape))}), as they were learned from; "
                f"got {images.dtype} {images.shape}. To fix: read them with `read_faces`."
            )
        parts = [self._embed(images[i : i + _NUM_EMBEDDED]) for i in range(0, len(images), _NUM_EMBEDDED)]
        return np.concatenate(parts) if parts else np.zeros((0, self._size), np.float32)

    def _embed(self, images: Array) -> Array:
        """Of at most as many as one call takes."""
        padded = np.zeros((_NUM_EMBEDDED, *self.image_shape), np.uint8)
        padded[: len(images)] = images
        sides = (padded, np.ascontiguousarray(padded[..., ::-1]))
        first, second = (self._executable({"images": side})["embeddings"] for side in sides)
        return unit(first + second)[: len(images)].astype(np.float32)


def identify(embeddings: Array, gallery: Gallery) -> list[Answer]:
    """Whose face each of (N, D) is."""
    found = matches(embeddings, gallery)
    columns = (found.rows.tolist(), found.scores.tolist(), found.probabilities.tolist())
    return [_answer(gallery, *values) for values in zip(*columns, strict=True)]


def matches(embeddings: Array, gallery: Gallery) -> Matches:
    """The likeliest person of the gallery for each of the faces (N, D), strangers or not."""
    if not gallery.names:
        raise DataError("expected known persons to compare with; got none. To fix: enroll some with `glassnet enroll`.")
    step = max(1, _MOST_COSINES // len(gallery.names))
    parts = [_matches(embeddings[i : i + step], gallery) for i in range(0, max(1, len(embeddings)), step)]
    return Matches(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def looks_like(embeddings: Array, gallery: Gallery, number: int) -> str | None:
    """Who else the person of that number is taken for by the embeddings (N, D) of photos, if by anybody."""
    others = np.flatnonzero(np.array(gallery.numbers) != number)
    if len(others) == 0:
        return None
    rest = replace(gallery, names=tuple(gallery.names[i] for i in others), prototypes=gallery.prototypes[others])
    found = matches(unit(embeddings.mean(axis=0, keepdims=True)), rest)
    return rest.names[found.rows[0]] if found.scores[0] >= gallery.threshold else None


def open_gallery(run: Run, checkpoint: Checkpoint, fpir: float | None = None) -> tuple[Gallery, list[str]]:
    """Whom the run knows, and what a user should know of that, a line each.

    The threshold is for an FPIR of ``fpir``, or of what the training was told.
    """
    trained = trained_persons(run, checkpoint)
    changes = load_changes(run.path, trained)
    names, numbers, prototypes = known_persons(trained, changes)
    notices = outdated(trained, changes)
    calibration = calibration_of(run, checkpoint)
    if calibration is None:
        threshold = DEFAULT_THRESHOLD
        notices.append(
            f"the threshold for strangers was not set for the network at step {checkpoint.step}, so it is "
            f"{threshold}: `glassnet evaluate {run.path}` sets it"
        )
    else:
        threshold = calibration.threshold(max(1, len(names)), fpir)
    return Gallery(names, prototypes, tuple(numbers.tolist()), threshold, run.settings.logit_scale), notices


def trained_persons(run: Run, checkpoint: Checkpoint) -> Trained:
    """Whom the network of the checkpoint was trained on."""
    centers = _network(run, checkpoint).centers().numpy()
    facts = run.facts
    return Trained(tuple(facts["people"]), np.array(facts["photos"], np.int64), centers, checkpoint.step)


def calibration_of(run: Run, checkpoint: Checkpoint) -> Calibration | None:
    """What the threshold is chosen by, if it was made with these weights."""
    calibration = load_calibration(run.path)
    return calibration if calibration is not None and calibration.step == checkpoint.step else None


def calibrated(
    run: Run, checkpoint: Checkpoint, people: People | ManyPeople, runtime: Runtime, fpir: float
) -> Calibration:
    """Choose the threshold for strangers by photos of the persons of the training, and keep it in the run."""
    recognizer, trained = Recognizer(run, checkpoint, runtime), trained_persons(run, checkpoint)
    learned = _renumbered(people.training, people.names, trained.names)
    found = stranger_scores(recognizer, learned, trained.centers, run.settings.logit_scale)
    calibration = Calibration(checkpoint.step, fpir, len(trained.names), tuple(np.sort(found).tolist()))
    save_calibration(run.path, calibration)
    return calibration


def stranger_scores(recognizer: Recognizer, faces: Pictures, prototypes: Array, scale: float) -> Array:
    """What faces of nobody score, which are composed of these."""
    composed = composed_faces(faces, NUM_COMPOSED, generator(0, "initialization"))
    return scores(recognizer.embed(composed) @ prototypes.T, scale)


def _network(run: Run, checkpoint: Checkpoint) -> FaceNet:
    if "people" not in run.facts:
        raise CheckpointError(
            f"expected a run that tells persons apart; got {run.path}, one of {run.settings.task}. "
            "To fix: choose a run of faces."
        )
    model = faces.network(generator(0, "initialization"), run.facts)
    model.load({name: Tensor(array) for name, array in weights_of(checkpoint.tensors).items()})
    model.train(False)
    return model


def _matches(embeddings: Array, gallery: Gallery) -> tuple[Array, Array, Array]:
    cosines = embeddings @ gallery.prototypes.T
    rows = cosines.argmax(axis=1)
    best = cosines.max(axis=1, keepdims=True)
    probabilities = 1.0 / np.exp(gallery.scale * (cosines - best)).sum(axis=1)
    return rows, scores(cosines, gallery.scale), probabilities


def _answer(gallery: Gallery, row: int, score: float, probability: float) -> Answer:
    name, is_unknown = gallery.names[row], score < gallery.threshold
    number = None if is_unknown else gallery.numbers[row]
    return Answer(number, None if is_unknown else name, probability, is_unknown, name, score)


def _renumbered(pictures: Pictures | StreamedPictures, own: tuple[str, ...], names: tuple[str, ...]) -> Pictures:
    """At most so many as a threshold takes, of the persons that have a name among the second."""
    place = {name: number for number, name in enumerate(names)}
    labels = np.array([place.get(name, -1) for name in own], np.int64)[pictures.labels]
    known = np.flatnonzero(labels >= 0)
    chosen = known[:: max(1, -(-len(known) // _MOST_PHOTOS))]
    images, chosen = readable(pictures.images, chosen)
    return Pictures(images, labels[chosen])
