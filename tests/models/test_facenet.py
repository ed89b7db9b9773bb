"""The network of faces: directions of length 1, and an answer that does not hang on the light."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.autodiff import Array, Tensor
from glassnet.errors import ShapeError
from glassnet.models import FaceNet

FACES = np.random.default_rng(0).integers(0, 256, (4, 1, 40, 32), np.uint8)


def network(**how: object) -> FaceNet:
    model = FaceNet(np.random.default_rng(1), 5, image_size=(40, 32), embedding_size=24, **how)
    model.train(False)
    return model


def lengths(vectors: Array) -> Array:
    return np.linalg.norm(vectors, axis=1)


def test_embeddings_and_centers_are_directions() -> None:
    model = network()
    embeddings, centers = model.embed(Tensor(FACES)).numpy(), model.centers().numpy()
    assert embeddings.shape == (4, 24)
    assert centers.shape == (5, 24)
    np.testing.assert_allclose(lengths(embeddings), 1.0, rtol=1e-5)
    np.testing.assert_allclose(lengths(centers), 1.0, rtol=1e-5)
    np.testing.assert_allclose(model(Tensor(FACES)).numpy(), embeddings @ centers.T, atol=1e-5)


def test_brightness_and_contrast_change_little() -> None:
    darker = (FACES * 0.5 + 20.0).astype(np.float32)
    model = network()
    bright, dark = (model.embed(Tensor(x)).numpy() for x in (FACES.astype(np.float32), darker))
    np.testing.assert_allclose((bright * dark).sum(1), 1.0, atol=1e-3)


@pytest.mark.parametrize("size", [(80, 64), (40, 32), (33, 50)])
def test_any_size_of_a_picture_will_do(size: tuple[int, int]) -> None:
    model = FaceNet(np.random.default_rng(0), 3, image_size=size, embedding_size=8)
    assert model(Tensor(np.zeros((2, 1, *size), np.uint8))).shape == (2, 3)


def test_another_size_than_it_was_made_for_is_refused() -> None:
    with pytest.raises(ShapeError):
        network()(Tensor(np.zeros((2, 1, 80, 64), np.uint8)))
