"""The identifier of persons as scikit-learn wants it: it learns directions of faces, and more persons join later."""
# ruff: noqa: N803  (scikit-learn and its users call it X)

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Self, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.data.facecrop import Framing
from glassnet.data.people import People
from glassnet.data.pictures import Pictures
from glassnet.errors import DataError, SettingsError
from glassnet.insight.identification import threshold_at
from glassnet.models import FaceNet
from glassnet.models.mlp import MLPEmbedder
from glassnet.nn import Module, margin_cross_entropy
from glassnet.ops import Random
from glassnet.sklearn.fitting import ROWS_RECIPE, Arrays, Build, Network, learn, settings_of, softmax
from glassnet.sklearn.rows import ImageShape, as_faces, encoder, rows_to_answer, training_rows
from glassnet.tasks import faces
from glassnet.tasks.gallery import unit
from glassnet.training import Settings, Task

Label: TypeAlias = int | str
_HIDDEN_SIZES = (64, 32)
_ROWS_RECIPE: Mapping[str, Any] = {**ROWS_RECIPE, "margin": 0.2, "logit_scale": 16.0}


@final
class FaceIdentifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """A neural network of glassnet that learns whose face it is.

    X is faces (N, H, W), (N, C, H, W) or (N, H, W, C), cut out alike and in gray or in color; or rows of pixels, with
    ``image_shape``; or rows of numbers (N, D) that describe faces, such as principal components. Of pictures the
    largest middle part is scaled to 80 by 64 pixels. Every face becomes a vector of length 1, and a person is the
    direction that the person's faces have in common.

    image_shape     of the picture in a row: (H, W), (C, H, W) or (H, W, C)
    unknown_label   the answer to a face that is like none of the known ones; examples with this label are strangers:
                    they are not learned, they set the threshold. None: every face is given a name
    fpir            the share of strangers who may be given a name
    epochs          how many times every face is seen; those of persons with few are seen more often
    learning_rate   the highest; None for what suits the network, as is ``batch_size``
    runtime         ``auto``, ``onnx``, ``torch`` or ``numpy``
    random_state    a number gives the same network again

    After `fit`: ``classes_``, ``prototypes_`` (a vector for each), ``threshold_`` (of the cosine),
    ``n_features_in_``, ``image_shape_``, ``weights_`` (arrays by dotted name), and ``loss_curve_``, the loss of each
    step.
    """

    prototypes_: NDArray[np.float32]

    def __init__(
        self,
        *,
        image_shape: ImageShape | None = None,
        unknown_label: Label | None = None,
        fpir: float = 0.01,
        epochs: float = 30.0,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        runtime: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ):
        self.image_shape = image_shape
        self.unknown_label = unknown_label
        self.fpir = fpir
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.runtime = runtime
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from faces and whose they are, numbers or strings, starting from random weights."""
        rows, labels, self.image_shape_ = training_rows(self, X, y, self.image_shape)
        is_known = self._is_known(labels)
        self.classes_, numbers = np.unique(labels[is_known], return_inverse=True)
        self._encoder = encoder(rows[is_known], self.image_shape_, as_faces)
        self._learn(self._encoder(rows[is_known]), numbers.astype(np.int64))
        self.threshold_ = -np.inf
        if self.unknown_label is not None:
            self.threshold_ = threshold_at(self._cosines(self._encoder(rows[~is_known])).max(1), self.fpir)
        return self

    def enroll(self, name: Label, X: ArrayLike) -> Self:
        """Add a person: its direction is that of the faces X together. Nothing is trained."""
        check_is_fitted(self)
        if self.classes_.dtype.kind not in ("O", np.asarray(name).dtype.kind) or name in self.classes_:
            raise SettingsError(
                f"expected a name that is new, and a {type(self.classes_.tolist()[0]).__name__} as the others are; "
                f"got {name!r}. To fix: choose another."
            )
        prototype = unit(self.embed(X).mean(0, keepdims=True))
        self.classes_ = np.append(self.classes_, name)
        self.prototypes_ = np.concatenate([self.prototypes_, prototype])
        return self

    def embed(self, X: ArrayLike) -> NDArray[np.float32]:
        """(N, D): a vector of length 1 for each face; their products are cosines."""
        return self._embeddings(self._inputs(X))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """(N, K): how likely each of the ``classes_`` is, if it is one of them."""
        cosines = self._cosines(self._inputs(X))
        return softmax(self._scale * cosines)

    def predict(self, X: ArrayLike) -> Array:
        """(N,): the likeliest of the ``classes_``, or ``unknown_label`` where the cosine is below ``threshold_``."""
        cosines = self._cosines(self._inputs(X))
        names: Array = self.classes_[cosines.argmax(1)]
        if self.unknown_label is None:
            return names
        return np.where(cosines.max(1) < self.threshold_, self.unknown_label, names)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _is_known(self, labels: Array) -> NDArray[np.bool_]:
        """(N,): whose faces are learned."""
        if self.unknown_label is None:
            return np.ones(len(labels), bool)
        is_known = labels != self.unknown_label
        if is_known.all() or not is_known.any():
            raise DataError(
                f"expected faces of known persons, and some of strangers labeled {self.unknown_label!r}; got only one "
                "of them. To fix: add the others, or leave unknown_label out to have every face given a name."
            )
        return is_known

    def _learn(self, inputs: Array, labels: NDArray[np.int64]) -> None:
        settings = settings_of(self, faces.DEFAULTS if self.image_shape_ else _ROWS_RECIPE, len(labels))
        task, build = _task_of(inputs, labels, settings)
        self.weights_, self.loss_curve_ = learn(task, settings)
        example = ArraySpec(inputs.shape[1:], inputs.dtype)
        self._network = Network(build, _embedding, self.weights_, example, self.runtime)
        self._scale = settings.logit_scale
        embeddings = self._embeddings(inputs)
        means = [embeddings[labels == k].mean(0) for k in range(len(self.classes_))]
        self.prototypes_ = unit(np.stack(means))

    def _inputs(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        return self._encoder(rows_to_answer(self, X, self.image_shape_))

    def _cosines(self, inputs: Array) -> NDArray[np.float32]:
        """(N, K): of each face with the prototype of each of the ``classes_``."""
        return self._embeddings(inputs) @ self.prototypes_.T

    def _embeddings(self, inputs: Array) -> NDArray[np.float32]:
        """Of a picture and its mirror image together; of rows as they are."""
        if not self.image_shape_:
            return self._network(inputs)
        return unit(self._network(inputs) + self._network(np.ascontiguousarray(inputs[..., ::-1])))


def _task_of(inputs: Array, labels: NDArray[np.int64], settings: Settings) -> tuple[Task, Build]:
    """Task and network: for faces (N, 1, 80, 64) that of `glassnet train faces`, for rows (N, D) a plain one."""
    num_classes = int(labels.max()) + 1
    if inputs.ndim == 2:
        build = partial(_rows_network, num_classes)
        return Arrays({"inputs": inputs, "labels": labels}, build, partial(_loss, settings)), build
    names = tuple(map(str, range(num_classes)))
    nobody = Pictures(inputs[:0], labels[:0])
    known = People(Pictures(inputs, labels), nobody, (), (), names, Framing("whole"), "arrays in memory", ())
    task = faces.Faces(settings, known)
    return task, partial(_faces_network, task.facts)


def _faces_network(facts: Mapping[str, object], generator: np.random.Generator, inputs: Array) -> Module:
    return faces.network(generator, facts)


def _rows_network(num_classes: int, generator: np.random.Generator, inputs: Array) -> Module:
    return MLPEmbedder(generator, (inputs.shape[1], *_HIDDEN_SIZES), num_classes)


def _loss(settings: Settings, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
    return margin_cross_entropy(model(batch["inputs"]), batch["labels"], settings.logit_scale, settings.margin)


def _embedding(model: Module, inputs: Tensor) -> Tensor:
    assert isinstance(model, FaceNet | MLPEmbedder)
    return model.embed(inputs)
