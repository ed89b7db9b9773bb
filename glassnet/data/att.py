"""The AT&T (ORL) faces: 40 persons, 10 photos of each, 92x112 pixels, gray; where they are, how they are fetched.

F. Samaria and A. Harter, Parameterisation of a Stochastic Model for Human Face Identification, 1994.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

from glassnet.data import locate
from glassnet.data.download import Progress, download_first
from glassnet.data.photosets import check_listing, listing, read_photos, write_photos
from glassnet.errors import DataError

HOME = "https://cam-orl.co.uk/facedatabase.html"
MIRRORS = (
    "https://www.cl.cam.ac.uk/research/dtg/attarchive/pub/data/att_faces.zip",
    "https://www.idiap.ch/software/bob/data/bob/att_faces.zip",
    "http://datasets.openimaj.org/att_faces.zip",
    "https://web.archive.org/web/20160426011203/http://www.cl.cam.ac.uk/research/dtg/attarchive/pub/data/att_faces.zip",
)
FOLDER, ARCHIVE = "faces/att_faces", "faces/att_faces.zip"
PHOTO = re.compile(r"(?:^|/)(s\d{1,2}/\d{1,2}\.pgm)$")
PHOTO_BYTES, SET_BYTES = 10_318, 4_127_200
# Of all photos together: archives may differ from place to place, the photos in them do not.
SHA256 = "6ed153ff46fa026cdbfa0eed846b6ec0be19e006b3547ff5d19c26a082b3b97b"


def find() -> list[Path]:
    """Folders of the set on this machine, the one to use first."""
    folders = [place / FOLDER for place in locate.places()]
    return [folder for folder in folders if (folder / "s1" / "1.pgm").is_file()]


def found() -> Path:
    """The folder to use."""
    here = find()
    if not here:
        looked = ", ".join(str(place / FOLDER) for place in locate.places())
        raise DataError(
            f"expected the AT&T faces in one of {looked}; got none. "
            "To fix: run `glassnet data get att`, or name a folder with a sub-folder of photos for each person"
        )
    return here[0]


def get(progress: Progress | None = None) -> Path:
    """The folder to use: one that is here, else one in the cache folder, out of an archive that is there or fetched."""
    here = find()
    if here:
        return here[0]
    archive = locate.cache_folder() / ARCHIVE
    if archive.is_file():
        check_archive(archive)
    else:
        download_first(MIRRORS, archive, check_archive, progress)
    return write_photos(locate.cache_folder() / FOLDER, _photos_in(archive).items())


def check(path: Path) -> str:
    """Say that a folder holds the photos as published; DataError if it does not."""
    return _check(listing(read_photos(path, "s*/*.pgm")), path)


def check_archive(path: Path) -> str:
    """The same of an archive."""
    return _check(listing(_photos_in(path).items()), path)


def _check(listed: str, path: Path) -> str:
    return check_listing(listed, SHA256, "400 photos of 40 persons", path)


def _photos_in(archive: Path) -> dict[str, bytes]:
    """What looks like a photo of the set by its name and size, in whatever folder of the archive."""
    photos: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                name = PHOTO.search(member.filename)
                if name and member.file_size == PHOTO_BYTES:
                    with packed.open(member) as file:
                        photos[name[1]] = file.read(PHOTO_BYTES)
    # The last but one: a password, or a compression of another kind.
    except (OSError, EOFError, ValueError, zlib.error, RuntimeError, zipfile.BadZipFile) as error:
        raise DataError(f"expected a whole .zip archive at {archive}; got: {error}. To fix: get it again") from error
    return photos
