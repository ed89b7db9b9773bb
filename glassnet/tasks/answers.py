"""What the network of a run says of pictures with the weights of any moment: compiled once, the weights are inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.baselines.flops import count_flops
from glassnet.errors import DataError
from glassnet.graph import optimize, trace
from glassnet.models import FaceNet
from glassnet.models.classifiers import classifier
from glassnet.nn import Module
from glassnet.ops import Random
from glassnet.runtimes import Runtime
from glassnet.tasks import faces
from glassnet.tasks.classification import softmax, views
from glassnet.tasks.gallery import unit
from glassnet.tasks.subject import names_of
from glassnet.training import Run
from glassnet.training.randomness import generator
from glassnet.training.step import below, under

# At a time: always as many of one size, since kernels round differently for other numbers. Larger ones, fewer.
_NUM_AT_ONCE, _BYTES_AT_ONCE = 25, 25 * 3 * 32 * 32


@final
class Answerer:
    """Of a run that tells classes or persons apart. It needs no data set. Raises DataError for another run."""

    def __init__(self, run: Run, runtime: Runtime):
        self.names = tuple(names_of(run))
        if not self.names:
            raise DataError(
                f"expected a run that tells classes or persons apart; got one of {run.settings.task}. "
                "To fix: choose another run."
            )
        channels, height, width = run.facts["image_shape"]
        self.image_shape: tuple[int, int, int] = (channels, height, width)
        self._settings, self._scale = run.settings, run.settings.logit_scale
        self._is_of_faces = "people" in run.facts
        self._num = max(1, min(_NUM_AT_ONCE, _BYTES_AT_ONCE // (channels * height * width)))
        model = self._model(run)
        model.train(False)
        specs = under("weights", {name: tensor.spec for name, tensor in model.tensors().items()})
        specs["images"] = ArraySpec((self._num, *self.image_shape), np.dtype(np.uint8))
        graph = optimize(trace(_said_by(model), specs))
        self._executable = runtime.compile(graph)
        self.flops = count_flops(graph) // self._num
        """How much arithmetic it is to see one picture once."""

    def probabilities(self, weights: Mapping[str, Array], images: Array, is_averaged: bool = True) -> Array:
        """uint8 (N, C, H, W) of `image_shape` -> float32 (N, K): how sure it is of each of the `names`.

        ``is_averaged``: over the views that the network is asked for in use, as `Predictor` and `Recognizer` do; else
        the pictures are seen as they are, once.
        """
        named = under("weights", weights)
        parts = [
            self._probabilities(named, images[i : i + self._num], is_averaged) for i in range(0, len(images), self._num)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.names)), np.float32)

    def _model(self, run: Run) -> Module:
        first = generator(0, "initialization")
        if self._is_of_faces:
            return faces.network(first, run.facts)
        return classifier(run.settings.model, first, len(self.names), np.zeros((1, *self.image_shape), np.uint8))

    def _probabilities(self, weights: Mapping[str, Array], images: Array, is_averaged: bool) -> Array:
        padded = np.zeros((self._num, *self.image_shape), np.uint8)
        padded[: len(images)] = images
        shown = [(1.0, padded)]
        if is_averaged:
            is_mirrored = self._is_of_faces or self._settings.flip != "none"
            shown = views(padded, not self._is_of_faces and self._settings.model == "fast", is_mirrored)
        total: Array | float = 0.0
        said: Mapping[str, Array] = {}
        for share, view in shown:
            said = self._executable({**weights, "images": np.ascontiguousarray(view)})
            total = total + np.float32(share) * said["said"]
        logits = np.asarray(total)
        if self._is_of_faces:
            logits = np.float32(self._scale) * (unit(logits) @ said["centers"].T)
        return softmax(logits)[: len(images)]


def _said_by(model: Module) -> Callable[[Mapping[str, Tensor], Random], dict[str, Tensor]]:
    """``said``: logits, or of faces embeddings, with the ``centers`` of the persons beside them."""

    def say(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        with model.holding(below(inputs, "weights")):
            if isinstance(model, FaceNet):
                return {"said": model.embed(inputs["images"]), "centers": model.centers()}
            return {"said": model(inputs["images"])}

    return say
