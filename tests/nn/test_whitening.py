"""Whitening filters: what they make of the pictures that they are computed from, and of those that never vary."""

import numpy as np
import pytest

from glassnet import nn
from glassnet.autodiff import Array, Tensor


def blurred(num: int, size: int = 9) -> Array:
    """Pictures (N, 3, size, size) whose neighbors, in space and between channels, have much in common."""
    noise = np.random.default_rng(0).standard_normal((num, 3, size + 2, size + 2))
    x = noise[:, :, 1:-1, 1:-1] + noise[:, :, :-2, 1:-1] + noise[:, :, 1:-1, :-2]
    return (x + 0.8 * x[:, ::-1]).astype(np.float32)


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
def test_patches_come_out_uncorrelated_with_variance_1(kernel_size: int) -> None:
    images = blurred(600)  # more than are taken at once
    layer = nn.PatchWhitening(kernel_size, 3)
    layer.load({"weight": Tensor(nn.whitening_filters(images, kernel_size, eps=0.0))})
    y = layer(Tensor(images)).numpy()
    half = 3 * kernel_size**2
    assert y.shape == (600, 2 * half, 10 - kernel_size, 10 - kernel_size)
    np.testing.assert_allclose(y[:, half:], -y[:, :half], atol=1e-4)
    seen = y[:, :half].transpose(1, 0, 2, 3).reshape(half, -1)
    np.testing.assert_allclose(np.cov(seen, bias=True), np.eye(half), atol=1e-3)


def test_what_varies_most_comes_first_and_noise_is_kept_small() -> None:
    filters = nn.whitening_filters(blurred(50), 2).reshape(24, 12)
    lengths = np.linalg.norm(filters[:12], axis=1)
    assert (np.diff(lengths) > 0.0).all()
    assert (
        np.linalg.norm(nn.whitening_filters(blurred(50) * 1e-6, 2).reshape(24, 12), axis=1).max() < 0.0005**-0.5 + 1e-3
    )


def test_pictures_without_any_variation_do_no_harm() -> None:
    filters = nn.whitening_filters(np.full((4, 1, 6, 5), 0.3, np.float32), 2)
    assert filters.shape == (8, 1, 2, 2)
    assert filters.dtype == np.float32
    assert np.isfinite(filters).all()


def test_until_filters_are_loaded_patches_are_passed_on() -> None:
    images = blurred(2)
    y = nn.PatchWhitening(2, 3)(Tensor(images)).numpy()
    np.testing.assert_array_equal(y[:, 0], images[:, 0, :-1, :-1])
    np.testing.assert_array_equal(y[:, 11], images[:, 2, 1:, 1:])
    np.testing.assert_array_equal(y[:, 12], -images[:, 0, :-1, :-1])


def test_standardize_takes_bytes() -> None:
    """So that a batch travels to the device as it is kept, a quarter of its size as floats."""
    layer = nn.Standardize([0.5, 0.0], [0.25, 1.0])
    images = np.array([0, 51, 255], np.uint8).reshape(1, 1, 1, 3).repeat(2, axis=1)
    y = layer(Tensor(images))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy()[0, :, 0], [[-2.0, -1.2, 2.0], [0.0, 0.2, 1.0]], atol=1e-6)
    np.testing.assert_allclose(layer(Tensor(images.astype(np.float32))).numpy(), y.numpy())
