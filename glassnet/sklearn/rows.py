"""From scikit-learn's X to what networks see: X is rows of numbers, and a picture is a row of pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from glassnet.autodiff import Array
from glassnet.data.facecrop import FACE_SHAPE
from glassnet.errors import SettingsError, ShapeError

ImageShape: TypeAlias = tuple[int, ...]
Resize: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
_CHANNELS = (1, 3)  # of gray and of colored pictures
_SIDE_PX = 8  # sides become multiples of it, which the poolings of the classifiers want


@dataclass(frozen=True)
class Features:
    """Rows of numbers (N, D) -> float32 (N, D): each column with mean 0 and deviation 1 in the training rows."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @staticmethod
    def of(rows: Array) -> Features:
        # By rounding alone, a column that never varies has a deviation just above 0.
        varies = np.ptp(rows, axis=0) > 0
        return Features(rows.mean(0, dtype=np.float64), np.where(varies, rows.std(0, dtype=np.float64), 1.0))

    def __call__(self, rows: Array) -> Array:
        return ((rows - self.mean) / self.std).astype(np.float32)


@dataclass(frozen=True)
class Images:
    """Rows of pixels (N, pixels) -> uint8 (N, C, H, W), from ``black`` 0 to ``white`` 255, then of the size wanted."""

    shape: ImageShape
    black: float
    white: float
    resize: Resize

    @staticmethod
    def of(rows: Array, shape: ImageShape, resize: Resize) -> Images:
        """Bytes stay as they are; for all other numbers the training rows say what is black and what is white."""
        if rows.dtype == np.uint8:
            return Images(shape, 0.0, 255.0, resize)
        black, white = float(rows.min()), float(rows.max())
        return Images(shape, black, white if white > black else black + 1.0, resize)

    def __call__(self, rows: Array) -> NDArray[np.uint8]:
        pictures = self._folded(rows)
        if rows.dtype != np.uint8 or (self.black, self.white) != (0.0, 255.0):
            shares = (pictures - self.black) / (self.white - self.black)
            pictures = np.rint(np.clip(shares, 0.0, 1.0) * 255.0).astype(np.uint8)
        return self.resize(pictures)

    def _folded(self, rows: Array) -> Array:
        if len(self.shape) == 2:
            return rows.reshape(-1, 1, *self.shape)
        pictures = rows.reshape(-1, *self.shape)
        return pictures if self.shape[0] in _CHANNELS else np.moveaxis(pictures, 3, 1)


def padded(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, C, H, W) with its last row and column repeated until both sides are multiples of 8."""
    height, width = pictures.shape[2:]
    return np.pad(pictures, ((0, 0), (0, 0), (0, -height % _SIDE_PX), (0, -width % _SIDE_PX)), "edge")


def as_faces(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, C, H, W) in gray or color -> (N, 1, 80, 64) in gray: the largest middle part of that shape, scaled."""
    faces = np.empty((len(pictures), 1, *FACE_SHAPE), np.uint8)
    for face, picture in zip(faces, pictures, strict=True):
        pixels = picture[0] if len(picture) == 1 else np.ascontiguousarray(np.moveaxis(picture, 0, 2))
        gray = Image.fromarray(pixels).convert("L")
        face[0] = np.asarray(ImageOps.fit(gray, FACE_SHAPE[::-1], Image.Resampling.LANCZOS))
    return faces


def encoder(rows: Array, shape: ImageShape | None, resize: Resize) -> Features | Images:
    """What makes inputs of a network out of rows like these; they are pictures if they have a shape."""
    return Images.of(rows, shape, resize) if shape else Features.of(rows)


def training_rows(
    estimator: BaseEstimator, x: ArrayLike, y: ArrayLike, image_shape: ImageShape | None
) -> tuple[Array, Array, ImageShape | None]:
    """(rows, labels, shape of the pictures or None): x and y as scikit-learn checks them, or its exceptions.

    x (N, D), or pictures (N, H, W), (N, C, H, W) or (N, H, W, C), which say their shape themselves.
    """
    unchecked, own_shape = _as_rows(x)
    if own_shape and image_shape and own_shape != tuple(image_shape):
        raise ShapeError(
            f"expected pictures of the image_shape {image_shape}; got {own_shape}. To fix: leave image_shape out."
        )
    shape = own_shape or (tuple(image_shape) if image_shape else None)
    rows, labels = validate_data(estimator, unchecked, y)
    check_classification_targets(labels)
    if shape:
        _check_shape(shape, rows.shape[1])
    return rows, labels, shape


def rows_to_answer(estimator: BaseEstimator, x: ArrayLike, image_shape: ImageShape | None) -> Array:
    """(N, D): x like that of the training, pictures or rows."""
    unchecked, own_shape = _as_rows(x)
    if own_shape not in (None, image_shape):
        raise ShapeError(
            f"expected rows, or pictures of the shape {image_shape}; got {own_shape}. "
            "To fix: give X in the shape of the training."
        )
    return validate_data(estimator, unchecked, reset=False)


def _as_rows(x: ArrayLike) -> tuple[ArrayLike, ImageShape | None]:
    """Pictures as rows of pixels, with their shape; everything else as it is, for scikit-learn to check."""
    pictures = np.asarray(x)
    if pictures.ndim <= 2:
        return x, None
    return pictures.reshape(len(pictures), prod(pictures.shape[1:])), pictures.shape[1:]


def _check_shape(shape: ImageShape, num_features: int) -> None:
    is_picture = len(shape) == 2 or (len(shape) == 3 and (shape[0] in _CHANNELS or shape[2] in _CHANNELS))
    if not is_picture or prod(shape) != num_features:
        raise SettingsError(
            f"expected pictures (H, W), (C, H, W) or (H, W, C) with C 1 or 3, of the {num_features} numbers in a row; "
            f"got the shape {shape}. To fix: give the image_shape of your pictures."
        )
