"""Labeled Faces in the Wild: photos from the news, 250x250 pixels, of the 62 persons of whom there are 20 or more.

G. Huang, M. Ramesh, T. Berg and E. Learned-Miller, Labeled Faces in the Wild, 2007. Two versions are known: the
funneled one, which can be fetched, and the aligned gray one (LFW-a; L. Wolf, T. Hassner and Y. Taigman, 2011).
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from glassnet.data import locate
from glassnet.data.checksum import check_sha256
from glassnet.data.download import Progress, download_first
from glassnet.data.photosets import check_listing, listing, read_photos, write_photos
from glassnet.errors import DataError

HOME = "http://vis-www.cs.umass.edu/lfw/"
MIRRORS = (
    "https://ndownloader.figshare.com/files/5976015",
    "http://vis-www.cs.umass.edu/lfw/lfw-funneled.tgz",
)
ALIGNED, FUNNELED = "faces/lfwa_min20", "faces/lfw_funneled_min20"
ARCHIVE, ARCHIVE_BYTES = "faces/lfw-funneled.tgz", 243_346_528
ARCHIVE_SHA256 = "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a"
ALIGNED_SHA256 = "f1c21f77b6f616d2337f087e80f63a06c2b230b8834fa2523ca65ab4324d4630"
"""Of the 2,442 photos whose numbers 5 does not divide."""
PHOTO = re.compile(r"lfw_funneled/((?P<person>[\w-]+)/(?P=person)_\d{4}\.jpg)")
MAX_PHOTO_BYTES = 2**20
LEAST_PHOTOS = 20
LISTING = "SHA256SUMS"


def find() -> list[Path]:
    """Folders of the set on this machine, the one to use first."""
    folders = [place / name for place in locate.places() for name in (ALIGNED, FUNNELED)]
    return [folder for folder in folders if next(folder.glob("*/*.jpg"), None) is not None]


def get(progress: Progress | None = None) -> Path:
    """The folder to use: one that is here, else one in the cache folder, out of an archive that is there or fetched."""
    here = find()
    if here:
        return here[0]
    archive, folder = locate.cache_folder() / ARCHIVE, locate.cache_folder() / FUNNELED
    if archive.is_file():
        check_archive(archive)
        return write_photos(folder, _with_listing(_photos_in(archive)))
    download_first(MIRRORS, archive, check_archive, progress)
    write_photos(folder, _with_listing(_photos_in(archive)))
    # Much larger than what was taken out of it.
    archive.unlink()
    return folder


def check(path: Path) -> str:
    """Say that a folder holds the photos that it held when it was made; DataError if it does not."""
    listed = listing(read_photos(path, "*/*.jpg"))
    if path.name == Path(ALIGNED).name:
        return check_listing(listed, ALIGNED_SHA256, "2,442 photos of 62 persons", path)
    known = path / LISTING
    if not known.is_file():
        raise DataError(f"expected {LISTING} in {path}; got none. To fix: delete it and run `glassnet data get lfw`")
    expected = known.read_bytes()
    what = f"{expected.count(b'.jpg'):,} photos"
    return check_listing(listed, hashlib.sha256(expected).hexdigest(), what, path)


def check_archive(path: Path) -> str:
    """Is this the archive as published?"""
    return check_sha256(path, ARCHIVE_SHA256)


def _photos_in(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The photos of the persons of whom there are enough; only plain files with names as expected."""
    try:
        with tarfile.open(archive, "r:gz") as packed:
            named = [(member, PHOTO.fullmatch(member.name)) for member in packed if member.isreg()]
            photos = [(member, name) for member, name in named if name and member.size <= MAX_PHOTO_BYTES]
            counts = Counter(name["person"] for _, name in photos)
            for member, name in photos:
                file = packed.extractfile(member)
                if counts[name["person"]] >= LEAST_PHOTOS and file is not None:
                    yield name[1], file.read()
    except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"expected a whole .tgz archive at {archive}; got: {error}. To fix: get it again") from error


def _with_listing(photos: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """The same, and at the end the sums of them."""
    lines = []
    for name, content in photos:
        lines.append(listing([(name, content)]))
        yield name, content
    yield LISTING, "".join(sorted(lines, key=lambda line: line.split("  ")[1])).encode()
