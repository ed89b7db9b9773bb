"""Named files out of a folder (plain or .xz) or a .tar.gz, into memory; nothing is unpacked to disk.

Whoever made them may have meant harm, so each is read to a limit, and everything not asked for is passed over.
"""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path

from glassnet.errors import DataError

MAX_FILE_BYTES = 2**26
MAX_ARCHIVE_BYTES = 2**28
MAX_XZ_MEMORY_BYTES = 2**27


def is_in_folder(folder: Path, name: str) -> bool:
    """Is that file there, plain or as .xz?"""
    return (folder / name).is_file() or (folder / f"{name}.xz").is_file()


def read_from_folder(folder: Path, name: str) -> bytes:
    """The content of one file, which is there plain or as .xz."""
    is_plain = (folder / name).is_file()
    path = folder / (name if is_plain else f"{name}.xz")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise DataError(_too_large(path))
        return content if is_plain else _decompress(content, path)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"expected a readable file at {path}; got: {reason}. To fix: check its permissions") from error


def _decompress(content: bytes, path: Path) -> bytes:
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_XZ_MEMORY_BYTES)
    try:
        plain = decompressor.decompress(content, MAX_FILE_BYTES + 1)
    except lzma.LZMAError as error:
        raise DataError(f"expected an .xz file at {path}; got another ({error}). To fix: copy it again") from error
    if len(plain) > MAX_FILE_BYTES:
        raise DataError(_too_large(path))
    if not decompressor.eof:
        raise DataError(f"expected a whole .xz file at {path}; got its beginning. To fix: copy it again")
    return plain


def read_from_archive(path: Path, names: Collection[str]) -> dict[str, bytes]:
    """Those of the files that the archive holds, in whatever folder of it."""
    found: dict[str, bytes] = {}
    try:
        # As a stream, so that the limit holds for headers and for what is passed over, too.
        with gzip.open(path) as packed, tarfile.open(fileobj=_Limited(packed), mode="r|") as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                if name in names and name not in found and _is_plain(member):
                    file = archive.extractfile(member)
                    assert file is not None
                    found[name] = file.read()
                if len(found) == len(names):
                    break
    except (OSError, EOFError, ValueError, OverflowError, RecursionError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"expected a whole .tar.gz archive at {path}; got: {error}. To fix: get it again") from error
    return found


def _is_plain(member: tarfile.TarInfo) -> bool:
    return member.isreg() and not member.issparse() and member.size <= MAX_FILE_BYTES


class _Limited(io.RawIOBase):
    """Reads on until more has come than the archive could hold, or nothing has come twice."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file, self._left_bytes, self._has_ended = file, MAX_ARCHIVE_BYTES, False

    def read(self, size: int = -1, /) -> bytes:
        if self._left_bytes < 0:
            raise OSError(f"more than {MAX_ARCHIVE_BYTES:,} bytes")
        content = self._file.read(size)
        self._left_bytes -= len(content)
        # To pass over a member of 10**15 bytes, tarfile would ask for nothing 10**11 times.
        if not content and self._has_ended:
            raise EOFError("it ends early")
        self._has_ended = not content
        return content


def _too_large(path: Path) -> str:
    return f"expected at most {MAX_FILE_BYTES:,} bytes in {path}; got more. To fix: copy the original again"
