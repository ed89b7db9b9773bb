"""A folder of classes written as shards: tar files of pictures in a shuffled order, and an index of them."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from glassnet.data.classfolders import EXTENSIONS, list_classes, shown
from glassnet.data.pictures import looked_at, quiet, read_content
from glassnet.data.reading import at_most, name_of, reason_of
from glassnet.data.shardindex import BLOCK, INDEX, Index, Shard
from glassnet.data.shardlist import RECORD, TEST, TRAINING, UNDECIDED, Sidecar, sum_of
from glassnet.errors import DataError, SettingsError

SEED = 0
_USUAL = {"jpe": "jpg", "jfif": "jpg"}


@dataclass(frozen=True)
class Sample:
    """A picture to be written, and what is to be known of it."""

    content: bytes
    extension: str
    label: int
    part: int
    side_px: int
    row: int
    """Its place in the folder."""
    name: bytes


@dataclass(frozen=True)
class Written:
    """What was written, and what was left out."""

    index: Index
    notices: list[str]


class ShardWriter:
    """Writes samples into shards of about so many bytes, one after the other; what is in memory belongs to one."""

    def __init__(self, folder: Path, shard_bytes: int):
        self._folder, self._shard_bytes = folder, shard_bytes
        self._shards: list[Shard] = []
        self._num = 0
        self._tar: tarfile.TarFile | None = None
        self._records: list[tuple[int, ...]] = []
        self._names = bytearray()

    def add(self, sample: Sample) -> None:
        """Write a picture and its class."""
        label = b"%d" % sample.label
        room = sum(BLOCK - -len(part) // BLOCK * BLOCK for part in (sample.content, label))
        if self._tar is not None and self._tar.offset + room + 2 * BLOCK > self._shard_bytes:
            self._close()
        if self._tar is None:
            self._tar = tarfile.TarFile(self._folder / self._file(), "w", format=tarfile.USTAR_FORMAT)
        self._names += sample.name
        self._records.append(
            (self._tar.offset + BLOCK, len(sample.content), sample.label, sample.part, sample.side_px,
             sum_of(sample.content), sample.row, len(self._names))
        )  # fmt: skip
        for extension, content in ((sample.extension, sample.content), ("cls", label)):
            header = tarfile.TarInfo(f"{self._num:09}.{extension}")
            header.size = len(content)
            self._tar.addfile(header, io.BytesIO(content))
        self._num += 1

    def finish(self, classes: tuple[str, ...]) -> Index:
        """Write the index."""
        if self._tar is not None:
            self._close()
        index = Index(classes, tuple(self._shards))
        _write(self._folder / INDEX, index.text().encode())
        return index

    def _file(self) -> str:
        return f"pictures-{len(self._shards):05}.tar"

    def _close(self) -> None:
        assert self._tar is not None
        self._tar.close()
        path = self._folder / self._file()
        with path.open("rb+") as file:
            os.fsync(file.fileno())
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        sidecar = Sidecar(np.array(self._records, RECORD), bytes(self._names)).content()
        _write(path.with_suffix(".npy"), sidecar)
        self._shards.append(
            Shard(
                path.name, path.stat().st_size, len(self._records), sha256, len(sidecar),
                hashlib.sha256(sidecar).hexdigest(),
            )
        )  # fmt: skip
        self._tar, self._records, self._names = None, [], bytearray()


def write_shards(source: Path, out: Path, shard_bytes: int, told: Callable[[int, int], None]) -> Written:
    """The pictures of a folder of classes as shards in a new folder, which is there when it is whole.

    `told` hears how many of how many are done. Raises SettingsError where `out` cannot be written.
    """
    if source.resolve() in (out.resolve(), *out.resolve().parents):
        raise SettingsError(f"expected a folder outside of {source} to write to; got {out}. To fix: choose another.")
    with _new_folder(out) as folder:
        listing = list_classes(source)
        files = listing.training if listing.test is None else listing.training + listing.test
        classes, class_of = files.classes()
        if len(classes) < 2:
            got = f"those of {' and '.join(classes) or 'none'} only"
            raise DataError(f"expected pictures of two or more classes in {shown(source)}; got {got}. To fix: add some")
        writer, left_out = ShardWriter(folder, shard_bytes), []
        with quiet():
            for done, row in enumerate(np.random.default_rng(SEED).permutation(len(files)).tolist()):
                told(done, len(files))
                file = files[row]
                part = UNDECIDED if listing.test is None else TEST if row >= len(listing.training) else TRAINING
                try:
                    content = read_content(file.path)
                    side_px, kind = looked_at(file.path, content)
                except DataError as error:
                    left_out.append(f"{name_of(file)}: left out, {reason_of(error)}")
                    continue
                extension = file.path.suffix.lower()
                ending = extension[1:] if extension in EXTENSIONS else kind
                name = os.fsencode(file.name)
                writer.add(Sample(content, _USUAL.get(ending, ending), int(class_of[row]), part, side_px, row, name))
        if len(left_out) == len(files):
            reason = f" ({left_out[0]})" if left_out else ""
            raise DataError(f"expected pictures in {shown(source)}; got none{reason}. To fix: add pictures")
        return Written(writer.finish(tuple(classes)), [*listing.notices, *at_most(left_out)])


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out`, renamed to it when the block ends well, and gone when it does not.

    What a killed process leaves is hidden, and removed by the next one.
    """
    out = out.expanduser().absolute()
    unfinished, lock = out.with_name(f".{out.name}.unfinished"), FileLock(out.with_name(f".{out.name}.lock"))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise _occupied(out, "one that another process writes to", "wait for it") from error
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        _check_free(out)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        yield unfinished
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except OSError as error:
        raise _unwritable(out, error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        with suppress(OSError):  # some systems do not remove what is open
            Path(lock.lock_file).unlink()
        lock.release()


def _check_free(out: Path) -> None:
    if os.path.lexists(out) and (out.is_symlink() or not out.is_dir() or any(out.iterdir())):
        raise _occupied(out, "one where something is", "choose another name, or remove what is there")


def _occupied(out: Path, got: str, fix: str) -> SettingsError:
    return SettingsError(f"expected a new or empty folder to write to; got {out}, {got}. To fix: {fix}.")


def _unwritable(out: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"expected to write the folder {out}; got '{error.strerror}'. To fix: free space or permissions there, or "
        "choose another one."
    )


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        os.fsync(file.fileno())
