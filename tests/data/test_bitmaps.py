"""Arrays from .npy files: what is accepted, and that nothing else gets in or takes memory."""

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.data import bitmaps
from glassnet.data.bitmaps import read_bitmaps
from glassnet.errors import DataError

DRAWINGS = np.random.default_rng(0).integers(0, 200, (5, 784), dtype=np.uint8)
DRAWINGS[:, 0] = 255


def save(tmp_path: Path, array: Any) -> Path:
    path = tmp_path / "my.npy"
    np.save(path, array)
    return path


def npy_bytes(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header_only(shape: str, descr: str = "'|u1'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text = text.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "stored",
    [
        DRAWINGS,
        DRAWINGS.reshape(-1, 28, 28),
        DRAWINGS.astype(np.int64),
        DRAWINGS.astype(">u2"),
        DRAWINGS.astype(np.float32),
        DRAWINGS.astype(np.float64) / 255,
        np.asfortranarray(DRAWINGS),
    ],
)
def test_shapes_and_numbers_that_are_accepted(tmp_path: Path, stored: Any) -> None:
    images = read_bitmaps(save(tmp_path, stored))
    assert images.dtype == np.uint8
    assert (images == DRAWINGS.reshape(-1, 28, 28)).all()


def test_limit_reads_the_first_rows(tmp_path: Path) -> None:
    path = save(tmp_path, DRAWINGS)
    assert (read_bitmaps(path, limit=2) == DRAWINGS[:2].reshape(-1, 28, 28)).all()
    assert len(read_bitmaps(path, limit=99)) == 5


@pytest.mark.parametrize(
    ("array", "expected", "got"),
    [
        (DRAWINGS[:, :700], r"shape \(N, 784\) or \(N, 28, 28\)", r"\(5, 700\)"),
        (DRAWINGS.reshape(-1), r"shape \(N, 784\)", r"\(3920,\)"),
        (DRAWINGS.reshape(-1, 28, 28, 1), r"shape \(N, 784\)", r"\(5, 28, 28, 1\)"),
        (np.uint8(3), r"shape \(N, 784\)", r"\(\)"),
        (DRAWINGS[:0], "at least one drawing", r"shape \(0, 784\)"),
        (DRAWINGS.astype(complex), "integers or floats", "dtype complex128"),
        (DRAWINGS.astype(bool), "integers or floats", "dtype bool"),
        (DRAWINGS.astype("U3"), "integers or floats", "dtype <U3"),
        (np.array([[None] * 784], object), "integers or floats", "Python objects"),
        (np.where(DRAWINGS > 9, np.nan, 0.5), "finite values", "NaN or infinity"),
        (np.where(DRAWINGS > 9, np.inf, 0.5), "finite values", "NaN or infinity"),
        (DRAWINGS.astype(int) - 1, "values from 0 to 255", "-1 to 254"),
        (DRAWINGS * 3.0, "values from 0 to 255", "0 to 765"),
        ((DRAWINGS > 100).astype(np.uint8), "ink up to 255", "integers 0 and 1 only"),
        (np.concatenate([DRAWINGS, 0 * DRAWINGS[:2]]), "ink in every drawing", "2 blank, the first is row 5"),
        (255 - DRAWINGS // 4, "background 0 and ink up to 255", "mean value 231, dark lines on white"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, array: Any, expected: str, got: str) -> None:
    with pytest.raises(DataError, match=rf"^expected {expected}.* in .*my\.npy; got {got}.*\. To fix: .+$"):
        read_bitmaps(save(tmp_path, array))


def png() -> bytes:
    file = io.BytesIO()
    Image.new("L", (28, 28)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "an empty file"),
        (b"hello, world", "a file that starts with b'hello,'"),
        (png(), "a PNG picture"),
        (b"<!doctype html>", "HTML or XML text"),
        (b"\x80\x04\x95", "a Python pickle"),
        (b"PK\x03\x04rest", r"a zip archive \(or \.npz\)"),
        (npy_bytes(DRAWINGS)[:7], "one that breaks off or makes no sense"),
        (npy_bytes(DRAWINGS)[:60], "one that breaks off or makes no sense"),
        (b"\x93NUMPY\x09\x00" + npy_bytes(DRAWINGS)[8:], "one that breaks off or makes no sense"),
        (header_only("(5, 784", "'|u1'"), "one that breaks off or makes no sense"),
        (header_only("(5, 784)", "'nonsense'"), "one that breaks off or makes no sense"),
        (header_only("(-5, 784)"), r"shape \(-5, 784\)"),
        (npy_bytes(DRAWINGS)[:-1], "4,047 bytes"),
        (npy_bytes(DRAWINGS) + b"x", "4,049 bytes"),
    ],
)
def test_other_bytes_are_refused(tmp_path: Path, content: bytes, got: str) -> None:
    path = tmp_path / "my.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^expected .* in .*my\.npy; got {got}\. To fix: .+$"):
        read_bitmaps(path)


@pytest.mark.parametrize("rows", ["1000000000", "10" * 20])
def test_a_header_that_promises_too_much_takes_no_memory(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "my.npy"
    path.write_bytes(header_only(f"({rows}, 784)") + b"\x07" * 784)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"bytes \(its header says shape .*got 912 bytes\. To fix: "):
        read_bitmaps(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 2**20


def test_too_many_rows_are_refused_but_a_limit_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitmaps, "MAX_DRAWINGS", 4)
    path = save(tmp_path, DRAWINGS)
    with pytest.raises(DataError, match=r"at most 4 drawings in .*; got 5\. To fix: cut"):
        read_bitmaps(path)
    assert len(read_bitmaps(path, limit=4)) == 4


def test_a_pickle_in_an_array_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (tmp_path.joinpath("sprung").touch, ())

    path = save(tmp_path, np.array([[Trap()] * 784], object))
    with pytest.raises(DataError, match="got Python objects"):
        read_bitmaps(path)
    assert not (tmp_path / "sprung").exists()


def test_a_header_of_python_2_is_read_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "my.npy"
    path.write_bytes(header_only("(5L, 784L)") + DRAWINGS.tobytes())
    assert (read_bitmaps(path) == DRAWINGS.reshape(-1, 28, 28)).all()
