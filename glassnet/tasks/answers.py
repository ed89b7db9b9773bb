"""What a network says of pictures, and that of a run at any moment: compiled once, the weights are inputs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import final

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.baselines.flops import count_flops
from glassnet.errors import DataError
from glassnet.graph import Graph, optimize, trace
from glassnet.models import FaceNet
from glassnet.models.classifiers import classifier
from glassnet.nn import Module
from glassnet.nn.cosine import unit
from glassnet.ops import Random, cast, softmax, transpose
from glassnet.runtimes import Executable, Runtime
from glassnet.tasks import faces
from glassnet.tasks.classification import views
from glassnet.tasks.subject import names_of
from glassnet.training import Run, Settings
from glassnet.training.randomness import generator
from glassnet.training.step import below, under

# At a time: always as many of one size, since kernels round differently for other numbers. Larger ones, fewer.
_NUM_AT_ONCE, _BYTES_AT_ONCE = 25, 25 * 3 * 32 * 32


def num_at_once(image_shape: tuple[int, ...]) -> int:
    """How many pictures of that shape (C, H, W) are asked about in one call."""
    return max(1, min(_NUM_AT_ONCE, _BYTES_AT_ONCE // int(np.prod(image_shape))))


def network_of(run: Run) -> Module:
    """The network of a run that tells classes or persons apart, with random weights. Raises DataError for others."""
    names, facts, first = names_of(run), run.facts, generator(0, "initialization")
    if not names:
        raise DataError(
            f"expected a run that tells classes or persons apart; got one of {run.settings.task}. "
            "To fix: choose another run."
        )
    if "people" in facts:
        return faces.network(first, facts)
    return classifier(run.settings.model, first, len(names), np.zeros((1, *facts["image_shape"]), np.uint8))


def answer_graph(model: Module, settings: Settings, images: ArraySpec, is_averaged: bool) -> Graph:
    """``weights/<name>`` and ``images``, uint8 (B, C, H, W) -> ``probabilities`` (B, K): how sure it is of each.

    ``is_averaged``: over the views that the network is asked for in use, as `Predictor` and `Recognizer` do; else the
    pictures are seen as they are, once.
    """

    def answer(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        with model.holding(below(inputs, "weights")):
            model.train(False)
            shown = _shown(model, settings, cast(inputs["images"], "float32"), is_averaged)
            probabilities = softmax(_logits(model, settings, shown), axis=1)
            model.train(True)
        return {"probabilities": probabilities}

    weights = under("weights", {name: tensor.spec for name, tensor in model.tensors().items()})
    return optimize(trace(answer, {**weights, "images": images}))


def _shown(model: Module, settings: Settings, images: Tensor, is_averaged: bool) -> list[tuple[float, Tensor]]:
    """The views of the pictures, and their shares in the answer."""
    if not is_averaged:
        return [(1.0, images)]
    is_of_faces = isinstance(model, FaceNet)
    return views(images, not is_of_faces and settings.model == "fast", is_of_faces or settings.flip != "none")


def _logits(model: Module, settings: Settings, shown: list[tuple[float, Tensor]]) -> Tensor:
    """(B, K): of faces, cosines of what all views look like together, times the scale of the training."""
    see = model.embed if isinstance(model, FaceNet) else model
    (share, view), *others = shown
    total = see(view) * share
    for share, view in others:
        total = total + see(view) * share
    if isinstance(model, FaceNet):
        return (unit(total) @ transpose(model.centers(), axes=(1, 0))) * settings.logit_scale
    return total


@final
class Answerer:
    """Of a run that tells classes or persons apart. It needs no data set. Raises DataError for another run."""

    def __init__(self, run: Run, runtime: Runtime):
        model = network_of(run)
        self.names = tuple(names_of(run))
        channels, height, width = run.facts["image_shape"]
        self.image_shape: tuple[int, int, int] = (channels, height, width)
        self._num = num_at_once(self.image_shape)
        spec = ArraySpec((self._num, *self.image_shape), np.dtype(np.uint8))
        once = answer_graph(model, run.settings, spec, is_averaged=False)
        self.flops = count_flops(once) // self._num
        """How much arithmetic it is to see one picture once."""

        @lru_cache
        def compiled(is_averaged: bool) -> Executable:
            return runtime.compile(answer_graph(model, run.settings, spec, True) if is_averaged else once)

        self._compiled = compiled

    def probabilities(self, weights: Mapping[str, Array], images: Array, is_averaged: bool = True) -> Array:
        """uint8 (N, C, H, W) of `image_shape` -> float32 (N, K): how sure it is of each of the `names`.

        ``is_averaged``: see `answer_graph`.
        """
        named = under("weights", weights)
        parts = [
            self._probabilities(named, images[i : i + self._num], is_averaged) for i in range(0, len(images), self._num)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.names)), np.float32)

    def _probabilities(self, weights: Mapping[str, Array], images: Array, is_averaged: bool) -> Array:
        padded = np.zeros((self._num, *self.image_shape), np.uint8)
        padded[: len(images)] = images
        return self._compiled(is_averaged)({**weights, "images": padded})["probabilities"][: len(images)]
