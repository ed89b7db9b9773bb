"""Examples survive being written piece by piece, and photos are written in fewer bytes."""

from __future__ import annotations

import gzip
import zlib

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.export.chunks import chunks_of, decode, differences, encode, restored


def arrays(*shape: int) -> list[Array]:
    """Noise, and what lies at the borders of a byte."""
    drawn = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return [drawn, np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), drawn // 128 * 255]


@pytest.mark.parametrize("shape", [(3, 3, 5, 4), (2, 1, 4, 4), (2, 4, 3, 3), (3, 28, 28), (1, 3, 1, 1), (0, 3, 4, 4)])
def test_pictures_bit_for_bit(shape: tuple[int, ...]) -> None:
    for images in arrays(*shape):
        before = images.copy()
        assert np.array_equal(restored(differences(images)), images)
        chunk = encode(images)
        assert chunk.filter == "differences"
        assert np.array_equal(decode(chunk.content, "uint8", shape[1:], chunk.filter), images)
        assert np.array_equal(images, before)


def test_what_the_differences_are() -> None:
    """Another program has to undo them: green from red and blue, then from above, then from the left."""
    images = np.array([[[[1, 2], [3, 5]], [[10, 10], [10, 20]], [[0, 0], [0, 0]]]], np.uint8)
    (red, green, blue) = differences(images)[0].astype(int).tolist()
    assert green == [[10, 0], [0, 10]]
    assert red == [[256 - 9, 1], [2, 256 - 9]]
    assert blue == [[256 - 10, 0], [0, 256 - 10]]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32"])
def test_other_arrays_as_they_are(dtype: str) -> None:
    array = np.arange(-3, 700).astype(dtype)
    (chunk,) = chunks_of(array)
    assert (chunk.count, chunk.filter) == (703, None)
    assert gzip.decompress(chunk.content) == array.astype(array.dtype.newbyteorder("<")).tobytes()
    assert np.array_equal(decode(chunk.content, dtype, (), None), array)
    many = np.zeros((3, 5), np.float32)
    assert [chunk.filter for chunk in chunks_of(many)] == [None]


@pytest.mark.parametrize(
    ("num", "counts"),
    [(1, [1]), (500, [500]), (501, [500, 1]), (1_500, [500, 1_000]), (3_700, [500, 1_000, 1_000, 1_000, 200])],
)
def test_the_first_chunk_is_small(num: int, counts: list[int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (num, 2, 2), np.uint8)
    chunks = list(chunks_of(images))
    assert [chunk.count for chunk in chunks] == counts
    parts = [decode(chunk.content, "uint8", (2, 2), chunk.filter) for chunk in chunks]
    assert np.array_equal(np.concatenate(parts), images)


def test_the_same_examples_make_the_same_file() -> None:
    images = arrays(20, 3, 8, 8)[0]
    assert encode(images).content == encode(images).content


def test_smooth_pictures_take_fewer_bytes() -> None:
    rows = np.linspace(0, 200, 32)[:, None] + np.linspace(0, 50, 32)
    noise = np.random.default_rng(0).normal(0, 2, (50, 1, 32, 32))
    images = np.repeat(rows + noise, 3, axis=1).astype(np.uint8)
    assert len(encode(images).content) < 0.75 * len(zlib.compress(images.tobytes(), 9))
