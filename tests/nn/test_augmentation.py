"""Augmentation: what moves agrees with PyTorch's padding, what is drawn has the shares promised, on every runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import pytest
import torch

from glassnet import nn, ops
from glassnet.autodiff import Array, ArraySpec, Tensor, check_grads
from glassnet.errors import SettingsError, ShapeError
from glassnet.graph import trace
from glassnet.ops import EagerRandom, Random
from glassnet.runtimes import get_runtime
from glassnet.training.randomness import draw_inputs

B, C, H, W = 12, 3, 8, 7
EACH_DTYPE = pytest.mark.parametrize("dtype", ["float32", "float64"])


def drawn(dtype: str = "float32") -> Array:
    return np.random.default_rng(0).standard_normal((B, C, H, W)).astype(dtype)


def seeded(seed: int = 0, dtype: str = "float32") -> EagerRandom:
    return EagerRandom(np.random.default_rng(seed), dtype)


def reflected_crops(images: Array, rows: Array, columns: Array, is_flipped: Array) -> Array:
    """The same by PyTorch: each image padded as far as it goes, a window cut out, and mirrored."""
    padded = torch.nn.functional.pad(torch.from_numpy(images), (W - 1, W - 1, H - 1, H - 1), mode="reflect")
    crops = []
    for picture, row, column, flips in zip(padded, rows, columns, is_flipped, strict=True):
        top, left = H - 1 - int(row), W - 1 - int(column)
        crop = picture[:, top : top + H, left : left + W]
        crops.append(crop.flip(-1) if flips else crop)
    return torch.stack(crops).numpy()


@EACH_DTYPE
def test_whole_shifts_and_flips_are_reflected_crops_bit_for_bit(dtype: str) -> None:
    images, still = drawn(dtype), np.zeros(B, dtype)
    rows = np.resize(np.arange(1 - H, H), B).astype(dtype)
    columns = np.resize(np.arange(W - 1, -W, -1), B).astype(dtype)
    is_flipped = np.resize([0, 1, 1], B).astype(dtype)
    for r in (None, rows):
        for c in (None, columns):
            for f in (None, is_flipped):
                given = [None if x is None else Tensor(x) for x in (r, c, f)]
                expected = reflected_crops(images, *(still if x is None else x for x in (r, c, f)))
                moved = nn.shift_and_flip(Tensor(images), *given)
                assert moved.dtype == dtype
                np.testing.assert_array_equal(moved.numpy(), expected)


def test_nothing_asked_is_nothing_done() -> None:
    images = Tensor(drawn())
    assert nn.shift_and_flip(images) is images


def test_positive_shifts_go_down_and_right() -> None:
    images = np.zeros((1, 1, 7, 7), "float32")
    images[0, 0, 4, 4] = 1.0
    moved = nn.shift_and_flip(Tensor(images), Tensor(np.array([2.0], "float32")), Tensor(np.array([1.0], "float32")))
    assert np.argwhere(moved.numpy()).tolist() == [[0, 0, 6, 5]]


def test_a_fraction_mixes_two_neighbors() -> None:
    images = drawn("float64")
    whole = [np.full(B, shift, "float64") for shift in (-2.0, -1.0)]
    before, after = (reflected_crops(images, shift, shift * 0, shift * 0) for shift in whole)
    moved = nn.shift_and_flip(Tensor(images), Tensor(whole[0] + 0.25)).numpy()
    np.testing.assert_allclose(moved, 0.75 * before + 0.25 * after, rtol=0, atol=1e-14)


def test_fractions_along_both_axes_and_mirrored_agree_with_grid_sample() -> None:
    images, random = drawn("float64"), np.random.default_rng(1)
    rows, columns = random.uniform(-3, 3, (2, B))
    is_flipped = np.resize([0.0, 1.0], B)
    y = np.arange(H)[None, :] - rows[:, None]
    j = np.where(is_flipped[:, None] == 1.0, W - 1 - np.arange(W), np.arange(W)) - columns[:, None]
    y, x = np.broadcast_arrays(2 * y[:, :, None] / (H - 1) - 1, 2 * j[:, None, :] / (W - 1) - 1)
    expected = torch.nn.functional.grid_sample(
        torch.from_numpy(images), torch.from_numpy(np.stack([x, y], axis=-1)), padding_mode="reflection",
        align_corners=True,
    )  # fmt: skip
    moved = nn.shift_and_flip(Tensor(images), Tensor(rows), Tensor(columns), Tensor(is_flipped))
    np.testing.assert_allclose(moved.numpy(), expected, rtol=0, atol=1e-12)


def test_gradients_agree_with_a_nudge() -> None:
    images, rows, flips = drawn("float64")[:2, :1], np.array([1.3, -2.6]), Tensor(np.array([0.0, 1.0]))
    check_grads(lambda x, r: nn.shift_and_flip(x, r, r * 0.5, flips), images, rows)
    check_grads(lambda x: nn.jitter(x, seeded(0, "float64"), 0.3, 0.4), images)
    check_grads(lambda x: nn.cutout(x, seeded(0, "float64"), 3), images)


@EACH_DTYPE
def test_shifts_and_flips_are_whole_and_equally_likely(dtype: str) -> None:
    shifts, flips = nn.random_shifts(seeded(0, dtype), 90_000, 4), nn.random_flips(seeded(1, dtype), 90_000)
    assert shifts.dtype == flips.dtype == dtype
    for drawn, values in ((shifts, range(-4, 5)), (flips, range(2))):
        found, counts = np.unique(drawn.numpy(), return_counts=True)
        assert found.tolist() == list(values)
        np.testing.assert_allclose(counts / 90_000, 1 / len(values), atol=0.006)
    assert not nn.random_shifts(seeded(), 100, 0).numpy().any()


class Largest:
    """A source that always draws the largest number below 1."""

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        return Tensor(np.full(shape, np.nextafter(np.float32(1), np.float32(0))))

    normal = uniform


@pytest.mark.parametrize("max_px", [1, 3, 4, 14, 100])
def test_the_largest_number_drawn_stays_in_range(max_px: int) -> None:
    assert nn.random_shifts(Largest(), 1, max_px).numpy() == max_px
    assert nn.random_flips(Largest(), 1).numpy() == 1
    images = Tensor(np.ones((1, 1, max_px, max_px), "float32"))
    assert np.argwhere(nn.cutout(images, Largest(), 1).numpy() == 0.0).tolist() == [[0, 0, max_px - 1, max_px - 1]]


def test_each_example_is_flipped_in_every_second_epoch() -> None:
    first = nn.random_flips(seeded(), 1000)
    epochs = [nn.alternating_flips(first, Tensor(np.full(1000, epoch, "float32"))).numpy() for epoch in range(1001)]
    np.testing.assert_array_equal(epochs[0], first.numpy())
    for one, following in pairwise(epochs):
        np.testing.assert_array_equal(one + following, 1.0)


def test_a_batch_may_span_two_epochs() -> None:
    first, epoch = (Tensor(np.array(x, "float32")) for x in ([0, 0, 1, 1], [4, 5, 4, 5]))
    assert nn.alternating_flips(first, epoch).numpy().tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("size_px", [1, 2, 3, 4, 7])
def test_cutout_is_one_square_about_any_place(size_px: int) -> None:
    num, size = 2000, 8
    images = np.random.default_rng(0).uniform(1.0, 2.0, (num, 2, size, size)).astype("float32")
    cut = nn.cutout(Tensor(images), seeded(), size_px, fill=-1.0).numpy()
    is_cut = (cut == -1.0).any(axis=1)
    np.testing.assert_array_equal(cut, np.where(is_cut[:, None], -1.0, images))
    tops, bottoms = edges(is_cut.any(axis=2))
    lefts, rights = edges(is_cut.any(axis=1))
    np.testing.assert_array_equal(is_cut.sum(axis=(1, 2)), (bottoms - tops) * (rights - lefts))
    assert (bottoms - tops).max() == (rights - lefts).max() == size_px
    # A window whose center is at each of 8 places, cut by the border: the mean of what is left of its side.
    side = np.mean([min(c - size_px // 2 + size_px, size) - max(c - size_px // 2, 0) for c in range(size)])
    assert is_cut.sum(axis=(1, 2)).mean() == pytest.approx(side**2, rel=0.06)
    assert is_cut.any(axis=0).all()


def edges(is_cut: Array) -> tuple[Array, Array]:
    """The first place cut along the last axis, and the one after the last: whatever lies between must be cut."""
    return is_cut.argmax(axis=1), is_cut.shape[1] - is_cut[:, ::-1].argmax(axis=1)


def test_jitter_stretches_about_the_mean_and_moves_it() -> None:
    images = np.random.default_rng(0).uniform(0.0, 1.0, (5000, 3, 2, 2))
    changed = nn.jitter(Tensor(images), seeded(0, "float64"), brightness=0.2, contrast=0.5).numpy()
    mean, new_mean = (x.mean(axis=(1, 2, 3), keepdims=True) for x in (images, changed))
    stretch = (changed - new_mean) / (images - mean)
    np.testing.assert_allclose(stretch, stretch[:, :1, :1, :1].repeat(3, 1).repeat(2, 2).repeat(2, 3), rtol=1e-9)
    for amounts, largest in ((stretch[:, 0, 0, 0] - 1.0, 0.5), ((new_mean - mean).ravel(), 0.2)):
        assert np.abs(amounts).max() == pytest.approx(largest, rel=0.01)
        assert np.abs(amounts).mean() == pytest.approx(largest / 2, rel=0.03)
        assert np.abs(amounts.mean()) < largest * 0.03
    assert np.abs(np.corrcoef(stretch[:, 0, 0, 0], (new_mean - mean).ravel())[0, 1]) < 0.05


def test_jitter_of_nothing_changes_nothing() -> None:
    np.testing.assert_array_equal(nn.jitter(Tensor(drawn()), seeded(), 0.0, 0.0).numpy(), drawn())


Augment = Callable[[Mapping[str, Tensor], Random], Tensor]
PIPELINES: dict[str, Augment] = {
    "shift and flip": lambda t, random: nn.shift_and_flip(
        t["images"], nn.random_shifts(random, B, 2), nn.random_shifts(random, B, 2), nn.random_flips(random, B)
    ),
    "alternating flip": lambda t, random: nn.shift_and_flip(
        t["images"], is_flipped=nn.alternating_flips(t["first"], t["epoch"])
    ),
    "cutout": lambda t, random: nn.cutout(t["images"], random, 4, 7.0),
    "jitter": lambda t, random: nn.jitter(t["images"], random, 20.0, 0.5),
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("runtime", ["numpy", "onnx"])
def test_every_runtime_agrees_with_the_eager_result(name: str, runtime: str) -> None:
    """Of bytes that were cast, as a task does it; that it can be traced shows that no values are read."""
    inputs = {
        "images": np.random.default_rng(3).integers(0, 256, (B, C, H, W), np.uint8),
        "first": np.resize([0, 0, 1], B).astype("float32"),
        "epoch": np.resize([7, 8], B).astype("float32"),
    }

    def augmented(tensors: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        return {"y": PIPELINES[name]({**tensors, "images": ops.cast(tensors["images"], "float32")}, random)}

    graph = trace(augmented, {n: ArraySpec(x.shape, x.dtype) for n, x in inputs.items()})
    got = get_runtime(runtime).compile(graph)({**inputs, **draw_inputs(graph, np.random.default_rng(5))})["y"]
    expected = augmented({n: Tensor(x) for n, x in inputs.items()}, seeded(5))["y"].numpy()
    assert not np.array_equal(expected, inputs["images"])
    if name == "jitter":
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-3)
    else:
        np.testing.assert_array_equal(got, expected)


def test_wrong_shapes_and_settings() -> None:
    images, vector = Tensor(drawn()), Tensor(np.zeros(B, "float32"))
    for apply in (
        lambda: nn.shift_and_flip(vector, vector),
        lambda: nn.cutout(ops.cast(images, "uint8"), seeded(), 2),
        lambda: nn.jitter(vector, seeded(), 0.1, 0.1),
    ):
        with pytest.raises(
            ShapeError, match=r"^expected images \(B, C, H, W\) of floating point numbers; got .*To fix"
        ):
            apply()
    with pytest.raises(ShapeError, match=r"^expected columns \(B,\) of the dtype of the images .*; got .*\. To fix: "):
        nn.shift_and_flip(images, vector, Tensor(np.zeros(B - 1, "float32")))
    with pytest.raises(SettingsError, match=r"^expected max_px >= 0; got -1\. To fix: "):
        nn.random_shifts(seeded(), B, -1)
    with pytest.raises(SettingsError, match=r"^expected size_px >= 1; got 0\. To fix: "):
        nn.cutout(images, seeded(), 0)


def test_blur_is_the_convolution_with_a_gaussian() -> None:
    images, radius = np.zeros((2, 1, 31, 31)), np.array([1.0, 2.0])
    images[:, 0, 15, 15] = 1.0
    blurred = nn.blur(Tensor(images), Tensor(radius)).numpy()
    distance = np.arange(31) - 15.0
    for found, sigma in zip(blurred, radius, strict=True):
        shares = np.exp(-0.5 * (distance / sigma) ** 2)
        shares /= shares.sum()
        np.testing.assert_allclose(found[0], np.outer(shares, shares), rtol=0, atol=1e-6)


def test_blur_keeps_what_is_even_and_with_radius_zero_everything() -> None:
    even = np.full((2, 3, 8, 7), 9.0)
    np.testing.assert_allclose(nn.blur(Tensor(even), Tensor(np.array([0.5, 3.0]))).numpy(), even, rtol=1e-12)
    images = drawn("float64")
    np.testing.assert_allclose(nn.blur(Tensor(images), Tensor(np.zeros(B))).numpy(), images, rtol=0, atol=1e-12)


def test_blur_wants_a_radius_for_each_image() -> None:
    with pytest.raises(ShapeError, match=r"expected radius_px \(B,\)"):
        nn.blur(Tensor(drawn()), Tensor(np.zeros(B + 1, "float32")))
