"""The classifier of pictures, or of plain rows of numbers, as scikit-learn wants it."""
# ruff: noqa: N803  (scikit-learn and its users call it X)

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.errors import SettingsError
from glassnet.models import CLASSIFIERS, classifier
from glassnet.models.mlp import mlp
from glassnet.nn import Module, cross_entropy
from glassnet.ops import Random
from glassnet.sklearn.fitting import ROWS_RECIPE, Arrays, Network, learn, settings_of, softmax
from glassnet.sklearn.rows import ImageShape, encoder, padded, rows_to_answer, training_rows
from glassnet.tasks.classification import MODEL, RECIPES

MLP = "mlp"
_HIDDEN_SIZES = (64, 64)
_RECIPES: Mapping[str, Mapping[str, Any]] = {MLP: ROWS_RECIPE, **RECIPES}


@final
class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """A neural network of glassnet that learns to tell classes apart.

    X is pictures (N, H, W), (N, C, H, W) or (N, H, W, C), with C 1 or 3; or rows of pixels, with ``image_shape``; or
    any rows of numbers (N, D). Bytes are taken as they are; of other pixels, the training set's least is black and its
    greatest white. Rows of numbers are standardized. Pictures are neither moved nor mirrored: for trainings with that,
    and for long ones, there is ``glassnet train``.

    model           ``convnetjs`` (the choice of ``auto`` for pictures), ``batchnorm``, ``fast``, ``resnet``; or
                    ``mlp``, two hidden layers (the choice for rows of numbers)
    image_shape     of the picture in a row: (H, W), (C, H, W) or (H, W, C)
    epochs          how many times every example is seen
    learning_rate   the highest; None for what suits the model, as is ``batch_size``
    runtime         ``auto``, ``onnx``, ``torch`` or ``numpy``
    random_state    a number gives the same network again

    After `fit`: ``classes_``, ``n_features_in_``, ``image_shape_``, ``weights_`` (arrays by dotted name), and
    ``loss_curve_``, the loss of each step.
    """

    def __init__(
        self,
        model: str = "auto",
        *,
        image_shape: ImageShape | None = None,
        epochs: float = 30.0,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        runtime: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ):
        self.model = model
        self.image_shape = image_shape
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.runtime = runtime
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from examples and their labels, numbers or strings, starting from random weights."""
        rows, labels, self.image_shape_ = training_rows(self, X, y, self.image_shape)
        model = self._model_name(self.image_shape_)
        settings = settings_of(self, _RECIPES[model], len(rows))
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        self._encoder = encoder(rows, None if model == MLP else self.image_shape_, padded)
        inputs = self._encoder(rows)
        build = partial(_network, model, len(self.classes_))
        loss = partial(_loss, settings.label_smoothing)
        task = Arrays({"inputs": inputs, "labels": numbers.astype(np.int64)}, build, loss)
        self.weights_, self.loss_curve_ = learn(task, settings)
        self._network = Network(build, _answers, self.weights_, ArraySpec(inputs.shape[1:], inputs.dtype), self.runtime)
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """(N, K): how sure it is of each of the ``classes_``."""
        check_is_fitted(self)
        return softmax(self._network(self._encoder(rows_to_answer(self, X, self.image_shape_))))

    def predict(self, X: ArrayLike) -> Array:
        """(N,): the likeliest of the ``classes_``."""
        numbers = self.predict_proba(X).argmax(1)
        return self.classes_[numbers]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _model_name(self, image_shape: ImageShape | None) -> str:
        if self.model == "auto":
            return MODEL if image_shape else MLP
        if self.model != MLP and self.model not in CLASSIFIERS:
            raise SettingsError(
                f"expected the model auto, {MLP}, {', '.join(CLASSIFIERS)}; got {self.model}. To fix: choose one."
            )
        if self.model != MLP and not image_shape:
            raise SettingsError(
                f"expected pictures for the model {self.model}; got rows of numbers. To fix: give image_shape."
            )
        return self.model


def _network(model: str, num_classes: int, generator: np.random.Generator, inputs: Array) -> Module:
    if model == MLP:
        return mlp(generator, (inputs.shape[1], *_HIDDEN_SIZES, num_classes))
    return classifier(model, generator, num_classes, inputs)


def _loss(label_smoothing: float, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
    return cross_entropy(model(batch["inputs"]), batch["labels"], label_smoothing)


def _answers(model: Module, inputs: Tensor) -> Tensor:
    return model(inputs)
