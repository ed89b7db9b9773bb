"""The pickles CIFAR-10 is published as, read by a reader that knows nothing but what they hold.

A pickle is a program. Here it may build dicts, lists, tuples, strings and integers; the three names of NumPy it
calls are stand-ins of this file, so that not even NumPy runs on its behalf.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import DataError

# What these files use, or could use had they been written by another version of Python.
OPCODES = {
    "PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2",
    "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINUNICODE",
    "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "APPEND", "APPENDS", "SETITEM",
    "SETITEMS", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "GLOBAL", "REDUCE", "BUILD",
}  # fmt: skip
MAX_OPCODES = 200_000


def unpickle(content: bytes) -> dict[str, Any]:
    """The entries of one file; pixels are uint8 (images, 3072), names and labels plain Python."""
    try:
        _refuse_other_programs(content)
        entries = _Reader(io.BytesIO(content), encoding="bytes").load()
        return {key.decode("ascii"): _plain(value) for key, value in entries.items()}
    # What the standard library raises on pickles that are none, or that were built to harm.
    except (pickle.UnpicklingError, ValueError, TypeError, LookupError, AttributeError, EOFError, MemoryError) as error:
        what = str(error)[:100].replace("\n", " ") or type(error).__name__
        raise DataError(
            f"expected a batch of CIFAR-10 (a pickle of numbers and names); got another content ({what}). "
            "To fix: get the original again, `glassnet data get cifar10`"
        ) from error


def _refuse_other_programs(content: bytes) -> None:
    """Look at every instruction before any is carried out; memory follows their number and places in the memo."""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if opcode.name not in OPCODES or number >= MAX_OPCODES:
            raise pickle.UnpicklingError(f"instruction {number} is {opcode.name}")
        if opcode.name == "LONG_BINPUT" and isinstance(argument, int) and argument > MAX_OPCODES:
            raise pickle.UnpicklingError(f"place {argument} of the memo")


class _Type:
    """In place of `numpy.dtype`: bytes, and nothing else."""

    def __init__(self, name: object, align: object = 0, copy: object = 1) -> None:
        if name not in (b"u1", "u1"):
            raise pickle.UnpicklingError("numbers that are not bytes")

    def __setstate__(self, state: object) -> None:
        """Byte order and fields, which bytes have not."""


class _Array:
    """In place of `numpy.ndarray`, made by `_reconstruct`."""

    values: NDArray[np.uint8]

    def __setstate__(self, state: tuple[object, tuple[int, ...], _Type, bool, bytes]) -> None:
        _, shape, dtype, is_fortran, content = state
        if not isinstance(dtype, _Type) or not isinstance(content, bytes) or is_fortran:
            raise pickle.UnpicklingError("an array of another kind")
        self.values = np.frombuffer(content, np.uint8).reshape(shape)


def _reconstruct(kind: object, shape: object, name: object) -> _Array:
    if kind is not _Array:
        raise pickle.UnpicklingError("an array of another kind")
    return _Array()


STAND_INS = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in STAND_INS:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return STAND_INS[module, name]


def _plain(value: object) -> object:
    return value.values if isinstance(value, _Array) else value
