"""Classification: a network that learns to say what is in a picture, of CIFAR-10 or of any folder of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.data import cifar10, labeled
from glassnet.data.folder import Loaded
from glassnet.data.pictures import Pictures
from glassnet.data.stream import Stream, sample
from glassnet.errors import CheckpointError, SettingsError, ShapeError
from glassnet.graph import optimize, trace
from glassnet.models.classifiers import classifier
from glassnet.models.described import EXAMPLE, is_description, parse, plan
from glassnet.nn import Module, accuracy, cross_entropy
from glassnet.ops import Random, concatenate, flip, slice_axis
from glassnet.runtimes import Runtime
from glassnet.tasks.augmentation import augmented
from glassnet.training import Checkpoint, Run, Settings
from glassnet.training.randomness import generator
from glassnet.training.step import weights_of

CIFAR10, FOLDER = "cifar10", "folder"
# What is found out while training is found out on pictures of the test set, so it must decide nothing: no patience.
_COMMON = {"patience": None, "flip": "alternating", "shift_px": 2}
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "convnetjs": {
        **_COMMON, "minutes": 4.0, "batch_size": 128, "learning_rate": 3e-3, "schedule": "one_cycle",
        "weight_decay": 0.01, "ema_decay": 0.998, "shift_px": 1,
    },
    "batchnorm": {
        **_COMMON, "minutes": 8.0, "optimizer": "muon", "batch_size": 64, "learning_rate": 0.08, "momentum": 0.6,
        "vector_ratio": 0.2, "schedule": "linear", "warmup": 0.05, "ema_decay": 0.99, "weight_decay": 0.01,
        "max_gradient_norm": 1e6, "shift_px": 1,
    },
    "resnet": {
        **_COMMON, "epochs": 10.0, "optimizer": "sgd", "batch_size": 128, "learning_rate": 0.05,
        "schedule": "one_cycle", "weight_decay": 5e-4, "shift_px": 4, "cutout_px": 8, "label_smoothing": 0.1,
    },
    "fast": {
        **_COMMON, "epochs": 11.0, "optimizer": "muon", "batch_size": 2000, "learning_rate": 0.24, "momentum": 0.6,
        "vector_ratio": 0.22, "schedule": "linear", "warmup": 0.0, "label_smoothing": 0.2, "ema_decay": 0.0,
        "max_gradient_norm": 1e6, "weight_decay": 0.07,
    },
}  # fmt: skip
MODEL = "convnetjs"  # unless another is asked for: the one that a CPU trains in minutes

_NUM_VALIDATION = 1_000
_NUM_SAMPLED = 5_000  # pictures that the network is fitted to before the first step, and what is cut out of a stream
# At a time: always as many of one size, since kernels round differently for other numbers. Larger ones, fewer.
_NUM_PREDICTED, _PREDICTED_BYTES = 250, 250 * 3 * 32 * 32


def recipe(task: str, model: str | None) -> dict[str, Any]:
    """The settings that suit the model on the task; those of `MODEL` if it is None, and for layers of one's own."""
    name = model or MODEL
    if is_description(name):
        parse(name)
    elif name not in RECIPES:
        raise SettingsError(
            f"expected --model {', '.join(RECIPES)} for {task}; got {name}. To fix: choose one of these, or list "
            f"layers, as in '{EXAMPLE}'."
        )
    suited = {**RECIPES.get(name, RECIPES[MODEL]), "model": name}
    # How many pictures a folder holds is not known yet, so how long an epoch takes is not either.
    return suited if task == CIFAR10 else {**suited, "epochs": None, "minutes": 3.0}


class Classification:
    """The task: pictures to learn from, others to be tested on, the network, and the loss."""

    def __init__(self, settings: Settings, pictures: Loaded | None = None):
        self.name = settings.task
        loaded = pictures or _load(settings)
        self.source, self.test = loaded.source, loaded.test
        self.notices: Sequence[str] = loaded.notices
        images, labels = loaded.training.images, loaded.training.labels
        first_flip = generator(settings.seed, "flips").integers(0, 2, len(images), np.uint8)
        self.training: Mapping[str, Array | Stream] = {"images": images, "labels": labels, "first_flip": first_flip}
        self.validation: Mapping[str, Array] = _validation(loaded, is_shuffled=settings.task == FOLDER)
        self.facts: Mapping[str, object] = {"classes": list(loaded.classes), "image_shape": list(images.shape[1:])}
        self.settings, self._num_classes = settings, len(loaded.classes)
        if is_description(settings.model):
            plan(settings.model, self._num_classes, images.shape[1:])
        self._sample = sample(images, _NUM_SAMPLED)
        self._mean = float((self._sample if isinstance(images, Stream) else images).mean())

    def model(self, generator: np.random.Generator) -> Module:
        return classifier(self.settings.model, generator, self._num_classes, self._sample)

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        images = augmented(batch, random, self.settings, self._mean)
        logits = model(images, random) if model.is_random else model(images)
        return cross_entropy(logits, batch["labels"], self.settings.label_smoothing)

    def measure(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        logits = model(batch["images"])
        return {"loss": cross_entropy(logits, batch["labels"]), "accuracy": accuracy(logits, batch["labels"])}

    def pictures(self, weights: Mapping[str, Array]) -> None:
        return None


def _load(settings: Settings) -> Loaded:
    if settings.task == CIFAR10:
        return cifar10.load(settings.data)
    assert settings.data is not None, settings
    return labeled.load(settings.data)


def _validation(loaded: Loaded, is_shuffled: bool) -> dict[str, Array]:
    """The first pictures of the test set; a folder's lie class by class, so they are shuffled before."""
    num = len(loaded.test.images)
    order = np.random.default_rng(0).permutation(num) if is_shuffled else np.arange(num)
    chosen = order[:_NUM_VALIDATION]
    return {"images": loaded.test.images[chosen], "labels": loaded.test.labels[chosen]}


class Predictor:
    """What a run learned, ready to be asked: the averaged weights of a checkpoint. It needs no data set."""

    def __init__(self, run: Run, checkpoint: Checkpoint, runtime: Runtime):
        facts = run.facts
        if "classes" not in facts:
            raise CheckpointError(
                f"expected a run that tells classes of pictures apart; got {run.path}, one of {run.settings.task}. "
                "To fix: choose another run."
            )
        self.classes: tuple[str, ...] = tuple(facts["classes"])
        channels, height, width = facts["image_shape"]
        self.image_shape: tuple[int, int, int] = (channels, height, width)
        self._model, self._is_mirrored = run.settings.model, run.settings.flip != "none"
        self._num = max(1, min(_NUM_PREDICTED, _PREDICTED_BYTES // (channels * height * width)))
        spec = ArraySpec((self._num, *self.image_shape), np.dtype(np.uint8))
        blank = np.zeros(spec.shape, np.uint8)
        model = classifier(self._model, generator(0, "initialization"), len(self.classes), blank)
        model.load({name: Tensor(array) for name, array in weights_of(checkpoint.tensors).items()})
        model.train(False)
        graph = trace(lambda inputs, random: {"logits": model(inputs["images"])}, {"images": spec})
        self._executable = runtime.compile(optimize(graph))

    def probabilities(self, images: Array) -> Array:
        """uint8 (N, C, H, W) of `image_shape` -> float32 (N, K): how sure it is of each of the `classes`."""
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape:
            raise ShapeError(
                f"expected pictures uint8 (N, {', '.join(map(str, self.image_shape))}), as they were learned from; "
                f"got {images.dtype} {images.shape}. To fix: scale them to that size."
            )
        parts = [self._probabilities(images[i : i + self._num]) for i in range(0, len(images), self._num)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)

    def accuracy(self, pictures: Pictures) -> float:
        """The share of the pictures whose likeliest class is theirs."""
        return float(np.mean(self.probabilities(pictures.images).argmax(1) == pictures.labels))

    def _probabilities(self, images: Array) -> Array:
        """Of at most as many pictures as one call takes."""
        padded = np.zeros((self._num, *self.image_shape), np.uint8)
        padded[: len(images)] = images
        logits = np.zeros((self._num, len(self.classes)), np.float32)
        for share, view in views(Tensor(padded), self._model == "fast", self._is_mirrored):
            logits += share * self._executable({"images": np.ascontiguousarray(view.numpy())})["logits"]
        return softmax(logits)[: len(images)]


def softmax(logits: Array) -> Array:
    """(..., K) -> probabilities of the same shape and dtype, which sum to 1 along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def views(images: Tensor, has_shifts: bool, is_mirrored: bool) -> list[tuple[float, Tensor]]:
    """(share, (N, C, H, W)): the pictures, half of the shares to them moved by a pixel, and the mirror images of all.

    Not mirrored where training did not: then left and right may mean something.
    """
    sides = [(1.0, images)]
    if has_shifts:
        up_left, down_right = _moved(images, is_back=False), _moved(images, is_back=True)
        sides = [(0.5, images), (0.25, up_left), (0.25, down_right)]
    if not is_mirrored:
        return sides
    return [(share / 2, view) for share, side in sides for view in (side, flip(side, axes=(3,)))]


def _moved(images: Tensor, is_back: bool) -> Tensor:
    """Up and left by a pixel, or down and right; what comes in is the reflection of the last row but one."""
    for axis in (2, 3):
        size = images.shape[axis]
        if is_back:
            parts = [slice_axis(images, axis, 1, 2), slice_axis(images, axis, 0, size - 1)]
        else:
            parts = [slice_axis(images, axis, 1, size), slice_axis(images, axis, size - 2, size - 1)]
        images = concatenate(parts, axis)
    return images
