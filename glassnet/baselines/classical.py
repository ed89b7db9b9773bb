"""Classical ways to tell pictures apart, out of scikit-learn and scikit-image: what a network has to beat.

Each takes labeled pictures, uint8 (N, C, H, W), and a seed, and gives a `Learned`. After Turk & Pentland 1991
(https://doi.org/10.1162/jocn.1991.3.1.71), Dalal & Triggs 2005 (https://doi.org/10.1109/CVPR.2005.177), and Coates,
Ng & Lee 2011 (https://proceedings.mlr.press/v15/coates11a.html).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from glassnet.autodiff import Array
from glassnet.data.pictures import Pictures
from glassnet.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

_NUM_FOLDS, _MOST_VALIDATED = 3, 5_000
_NUMS_COMPONENTS = (25, 50, 100, 150)
_WIDTHS = (0.05, 0.2, 0.8)  # gamma of a Gaussian kernel, times the number of components
# C of linear machines, for examples whose squares add up to 1 in the mean.
_PENALTIES = (0.1, 0.5, 2.5)
_CELL_PX, _NUM_DIRECTIONS = 8, 9
_PATCH_PX, _NUM_PATCHES = 6, 40_000
# Of patches from 0 to 255 and of whitened ones, as in Coates, Ng & Lee.
_CONTRAST_FLOOR, _VARIANCE_FLOOR = 10.0, 0.1
_ENCODED_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Learned:
    """A classical algorithm after its training."""

    answer: Callable[[Array], Array]
    """uint8 (N, C, H, W) -> labels int64 (N,)."""
    num_kept: int
    """How many numbers it needs to answer."""
    kept: str
    """What these are, in words."""
    chosen: Mapping[str, float]
    """What cross-validation on the training pictures decided; empty where there is nothing to decide."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A machine, the settings that cross-validation chose, and the share that they had right in it."""

    machine: ClassifierMixin
    chosen: Mapping[str, float]
    share: float


Algorithm: TypeAlias = Callable[[Pictures, int], Learned]


def require_packages() -> None:
    """Raises RuntimeUnavailableError if the classical algorithms cannot be had."""
    for module in ("sklearn", "skimage"):
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise RuntimeUnavailableError(
                f"expected scikit-learn and scikit-image for the classical algorithms; got no package '{error.name}'. "
                "To fix: pip install 'glassnet[baselines]'"
            ) from error


def nearest_neighbor(training: Pictures, seed: int = 0) -> Learned:
    """The label of the training picture with the most similar pixels: the largest correlation."""
    from sklearn.neighbors import KNeighborsClassifier

    neighbor = KNeighborsClassifier(1, algorithm="brute").fit(_directions(training.images), training.labels)
    return Learned(
        lambda images: neighbor.predict(_directions(images)), training.images.size, "pixels of all training photos", {}
    )


def eigenfaces(training: Pictures, seed: int = 0) -> Learned:
    """The main components of all pixels, each of variance 1, and a support vector machine with a Gaussian kernel."""
    from sklearn.decomposition import PCA
    from sklearn.svm import SVC

    flat = _flat(training.images)
    # With nearly as many components as photos, noise would be stretched as far as what tells persons apart.
    nums = sorted({max(1, min(num, len(flat) // 2, flat.shape[1])) for num in _NUMS_COMPONENTS})
    pca = PCA(nums[-1], whiten=True, svd_solver="randomized", random_state=seed).fit(flat)
    projected = pca.transform(flat)
    fitted = {
        num: _fitted(
            SVC(), {"C": [1.0, 10.0], "gamma": [share / num for share in _WIDTHS]},
            projected[:, :num], training.labels, seed,
        ) for num in nums
    }  # fmt: skip
    num = max(nums, key=lambda num: fitted[num].share)
    machine = fitted[num].machine
    arrays = [pca.components_[:num], pca.mean_, pca.explained_variance_[:num]]
    arrays += [machine.support_vectors_, machine.dual_coef_, machine.intercept_]
    return Learned(
        lambda images: machine.predict(pca.transform(_flat(images))[:, :num]),
        sum(array.size for array in arrays),
        f"{num} components, {len(machine.support_vectors_):,} support vectors and their coefficients",
        {"components": num, **fitted[num].chosen},
    )


def hog_svm(training: Pictures, seed: int = 0, cell_px: int = _CELL_PX) -> Learned:
    """Histograms of the directions of edges, and a linear support vector machine on them."""
    fitted = _linear(_hog(training.images, cell_px), training.labels, seed)
    machine = fitted.machine
    num_kept = machine.coef_.size + machine.intercept_.size
    kept = f"{_shape(machine.coef_)} weights of the linear machine"
    return Learned(lambda images: machine.predict(_hog(images, cell_px)), num_kept, kept, fitted.chosen)


def kmeans_features(training: Pictures, seed: int = 0, num_centroids: int = 400) -> Learned:
    """How near the patches of a picture are to typical patches, summed over its quarters, and a linear machine."""
    from sklearn.cluster import KMeans

    patches = _some_patches(training.images, np.random.default_rng(seed))
    mean, whitening = _whitening(patches)
    means = KMeans(num_centroids, n_init=1, max_iter=50, random_state=seed).fit((patches - mean) @ whitening)
    centroids = means.cluster_centers_

    def features(images: Array) -> Array:
        return _encoded(images, mean, whitening, centroids)

    raw = features(training.images)
    center, spread = raw.mean(0), raw.std(0) + 1e-3
    fitted = _linear((raw - center) / spread, training.labels, seed)
    machine = fitted.machine
    num_kept = sum(a.size for a in (mean, whitening, centroids, center, spread, machine.coef_, machine.intercept_))
    kept = f"{num_centroids:,} typical patches and {_shape(machine.coef_)} weights"
    return Learned(lambda images: machine.predict((features(images) - center) / spread), num_kept, kept, fitted.chosen)


def _shape(matrix: Array) -> str:
    return f"{len(matrix):,} x {matrix.shape[1]:,}"


def _linear(features: Array, labels: Array, seed: int) -> _Fitted:
    from sklearn.svm import LinearSVC

    square = float(np.square(features).sum(1).mean())
    choices = {"C": [penalty / square for penalty in _PENALTIES]}
    # The dual problem is solved several times as quickly, also where there are more examples than features.
    return _fitted(LinearSVC(dual=True, max_iter=10_000, random_state=seed), choices, features, labels, seed)


def _fitted(
    machine: ClassifierMixin, choices: Mapping[str, Sequence[float]], features: Array, labels: Array, seed: int
) -> _Fitted:
    """The machine fitted to all, with those settings that were best in cross-validation on some.

    Each label has its pictures spread over the folds; one with a single picture is always learned from. Where no label
    has two, the middle ones of the choices are taken.
    """
    from sklearn.model_selection import GridSearchCV, PredefinedSplit

    numbers = np.random.default_rng(seed)
    some = numbers.permutation(len(labels))[:_MOST_VALIDATED]
    folds = _folds(labels[some], numbers)
    if (folds < 0).all():
        chosen, share = {name: values[len(values) // 2] for name, values in choices.items()}, 0.0
    else:
        search = GridSearchCV(machine, dict(choices), cv=PredefinedSplit(folds), refit=False)
        search.fit(features[some], labels[some])
        chosen, share = search.best_params_, search.best_score_
    return _Fitted(machine.set_params(**chosen).fit(features, labels), chosen, share)


def _folds(labels: Array, numbers: np.random.Generator) -> Array:
    """(N,): in which fold each is held out; -1 is none."""
    folds = np.full(len(labels), -1)
    for label in np.unique(labels):
        places = numbers.permutation(np.flatnonzero(labels == label))
        if len(places) > 1:
            folds[places] = np.arange(len(places)) % _NUM_FOLDS
    return folds


def _flat(images: Array) -> Array:
    """(N, C, H, W) -> float32 (N, C * H * W), white being 1."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


def _directions(images: Array) -> Array:
    """The same less its mean and of length 1, so that brightness and contrast do not count."""
    flat = _flat(images)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return flat


def _hog(images: Array, cell_px: int) -> Array:
    """(N, C, H, W) -> float32 (N, D); of several channels, each pixel takes the one with the strongest edge."""
    from skimage.feature import hog

    how = {"orientations": _NUM_DIRECTIONS, "pixels_per_cell": (cell_px, cell_px), "cells_per_block": (2, 2)}
    return np.stack([hog(image, channel_axis=0, **how) for image in images]).astype(np.float32)


def _some_patches(images: Array, numbers: np.random.Generator) -> Array:
    """Normalized patches (P, D) from random places of the pictures."""
    windows = sliding_window_view(images, (_PATCH_PX, _PATCH_PX), (2, 3))
    picture, row, column = (numbers.integers(0, windows.shape[axis], _NUM_PATCHES) for axis in (0, 2, 3))
    return _normalized(windows[picture, :, row, column].reshape(_NUM_PATCHES, -1))


def _normalized(patches: Array) -> Array:
    """(..., D) as float32, each less its mean and with about the same contrast."""
    centered = patches.astype(np.float32)
    centered -= centered.mean(-1, keepdims=True)
    centered /= np.sqrt(np.square(centered).mean(-1, keepdims=True) + _CONTRAST_FLOOR)
    return centered


def _whitening(patches: Array) -> tuple[Array, Array]:
    """The mean (D,) and the matrix (D, D) that takes the correlations out of patches, turning them no further."""
    mean = patches.mean(0)
    variances, directions = np.linalg.eigh(np.cov(patches - mean, rowvar=False))
    matrix = directions / np.sqrt(np.maximum(variances, 0.0) + _VARIANCE_FLOOR) @ directions.T
    return mean, matrix.astype(np.float32)


def _encoded(images: Array, mean: Array, whitening: Array, centroids: Array) -> Array:
    """(N, C, H, W) -> float32 (N, 4 * K): by how much each centroid is nearer than the average one, per quarter."""
    parts = [
        _quarters(_nearness(images[i : i + _ENCODED_AT_ONCE], mean, whitening, centroids))
        for i in range(0, len(images), _ENCODED_AT_ONCE)
    ]
    return np.concatenate(parts)


def _nearness(images: Array, mean: Array, whitening: Array, centroids: Array) -> Array:
    """(N, C, H, W) -> (N, rows, columns, K), of every patch."""
    windows = sliding_window_view(images, (_PATCH_PX, _PATCH_PX), (2, 3)).transpose(0, 2, 3, 1, 4, 5)
    patches = (_normalized(windows.reshape(*windows.shape[:3], -1)) - mean) @ whitening
    squares = np.square(patches).sum(-1, keepdims=True) - 2.0 * (patches @ centroids.T) + np.square(centroids).sum(-1)
    distances = np.sqrt(np.maximum(squares, 0.0))
    return np.maximum(distances.mean(-1, keepdims=True) - distances, 0.0)


def _quarters(values: Array) -> Array:
    """(N, rows, columns, K) -> (N, 4 * K), sums."""
    row, column = values.shape[1] // 2, values.shape[2] // 2
    parts = [values[:, rows, columns].sum((1, 2)) for rows in (slice(row), slice(row, None))
             for columns in (slice(column), slice(column, None))]  # fmt: skip
    return np.concatenate(parts, axis=1)
