"""Batches as pickles: what they may hold arrives, and no program in one is ever carried out."""

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from glassnet.data.batchfile import unpickle
from glassnet.errors import DataError

PIXELS = np.arange(12, dtype=np.uint8).reshape(2, 6)
BATCH = {b"data": PIXELS, b"labels": [3, 9], b"filenames": [b"a.png", b"b.png"], b"batch_label": b"training"}
REFUSED = r"^expected a batch of CIFAR-10 .*; got another content \(.+\)\. To fix: get the original again"


class Call:
    """Whatever is pickled of it calls that function when it is read."""

    def __init__(self, function, *arguments: object, state: object = None) -> None:
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


def program(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


def called(module: str, name: str) -> bytes:
    """A call of that name with the text of a file's name, by the instructions Python 2 wrote."""
    return program(f"c{module}\n{name}\n".encode() + b"U\x08made.txt\x85R")


def test_a_batch_comes_back_as_it_was_written() -> None:
    entries = unpickle(pickle.dumps(BATCH, protocol=3))
    assert entries["data"].dtype == np.uint8
    np.testing.assert_array_equal(entries["data"], PIXELS)
    assert {name: entries[name] for name in ("labels", "filenames", "batch_label")} == {
        "labels": [3, 9],
        "filenames": [b"a.png", b"b.png"],
        "batch_label": b"training",
    }


def test_both_names_of_numpys_inner_module_are_known() -> None:
    written = pickle.dumps(BATCH, protocol=3)
    for module in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        renamed = written.replace(b"numpy._core.multiarray", module).replace(b"numpy.core.multiarray", module)
        np.testing.assert_array_equal(unpickle(renamed)["data"], PIXELS)


@pytest.mark.parametrize(
    "name",
    [
        "os system", "posix system", "subprocess Popen", "builtins eval", "builtins exec", "builtins getattr",
        "__builtin__ eval", "builtins open", "builtins __import__", "numpy load", "numpy fromfile", "numpy memmap",
        "numpy.core.multiarray scalar", "numpy._core.multiarray fromfile", "numpy.core.multiarray empty",
        "numpy ndarray.tofile", "pickle loads", "codecs decode", "_codecs encode", "copyreg _reconstructor",
        "glassnet.data.batchfile unpickle", "importlib import_module",
    ],
)  # fmt: skip
def test_no_other_name_is_ever_looked_up(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module, function = name.split()
    with pytest.raises(DataError, match=REFUSED) as refused:
        unpickle(called(module, function))
    assert f"{module}.{function}" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "hostile",
    [
        lambda target: Call(os.mkdir, target),
        lambda target: Call(eval, f"__import__('os').mkdir({target!r})"),
        lambda target: Call(PIXELS.tofile, target),
        lambda target: {b"data": Call(os.mkdir, target), b"labels": []},
        lambda target: [Call(np.memmap, target, "uint8", "w+", 0, (1,))],
    ],
    ids=["mkdir", "eval", "tofile", "entry", "memmap"],
)
def test_hostile_objects_do_nothing_in_any_protocol(hostile, protocol: int, tmp_path: Path) -> None:
    target = tmp_path / "made"
    written = pickle.dumps(hostile(str(target)), protocol)
    with pytest.raises(DataError, match=REFUSED):
        unpickle(written)
    assert not target.exists()


def test_the_hostile_objects_are_hostile(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Call(os.mkdir, str(tmp_path / "made"))))
    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize(
    "instruction",
    [
        b"(ios\nsystem\n",  # INST
        b"(cos\nsystem\nU\x02lso",  # OBJ
        b"U\x02osU\x06system\x93",  # STACK_GLOBAL
        b"\x82\x01",  # EXT1
        b"Pme\n",  # PERSID
        b"U\x02meQ",  # BINPERSID
        b"cnumpy\nndarray\n)\x81",  # NEWOBJ
        b"I1\n",  # INT: any number of digits
        b"\x8a\x01\x01",  # LONG1
        b"\x96" + struct.pack("<Q", 2**40),  # BYTEARRAY8
    ],
)
def test_instructions_that_batches_do_not_need_are_refused(instruction: bytes) -> None:
    with pytest.raises(DataError, match=REFUSED):
        unpickle(program(instruction))


@pytest.mark.parametrize(
    "bomb",
    [
        b"}r\xff\xff\xff\x7f",  # a place in the memo that would take 16 GB of others before it
        b"}" * 300_000,
        b"T\xff\xff\xff\x7fU",  # 2 GB of text, they say
        b"(" * 150_000 + b"t" * 150_000,
    ],
    ids=["memo", "many", "length", "depth"],
)
def test_memory_is_not_given_to_bombs(bomb: bytes) -> None:
    with pytest.raises(DataError, match=REFUSED):
        unpickle(program(bomb))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        b"\x80\x02}",
        b"\x80\x02]q\x01.",
        pickle.dumps([1], protocol=2),
        pickle.dumps(BATCH, protocol=3)[:-20],
        pickle.dumps({b"data": PIXELS.astype(np.float32)}, protocol=3),
        pickle.dumps({b"data": np.asfortranarray(PIXELS)}, protocol=3),
        pickle.dumps({b"data": np.array([None, 1])}, protocol=3),
        program(b"}cnumpy\ndtype\n)RU\x01ab"),
        program(b"(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85U\x01b\x87Rd"),
        program(b"}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87Ru"),
    ],
    ids=["empty", "text", "cut", "list", "list2", "cut2", "float", "fortran", "objects", "dtype", "kind", "stateless"],
)  # fmt: skip
def test_other_contents_are_one_line(content: bytes) -> None:
    with pytest.raises(DataError, match=REFUSED) as refused:
        unpickle(content)
    assert "\n" not in str(refused.value)


# The standard library looks at the escapes of an instruction that is about to be refused.
@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
def test_spoilt_batches_are_read_or_refused_and_nothing_else() -> None:
    written = pickle.dumps(BATCH, protocol=3)
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        spoilt = bytearray(written)
        for place in generator.integers(0, len(written), 3):
            spoilt[place] = generator.integers(256)
        try:
            unpickle(bytes(spoilt))
        except DataError:
            refused += 1
    assert refused > 500
