"""The published sets of faces: found, fetched and unpacked without harm, and checked."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from glassnet.data import att, catalog, lfw, people
from glassnet.errors import DataError

ROOT = Path(__file__).parents[2]
PORTRAITS = {f"s{person}/{number}.pgm": b"%d %d" % (person, number) for person in (1, 2) for number in (1, 2, 10)}


def listed(photos: dict[str, bytes]) -> str:
    """What the program sha256sum prints."""
    return "".join(f"{hashlib.sha256(photos[name]).hexdigest()}  {name}\n" for name in sorted(photos))


@pytest.fixture
def portraits(server, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A set of six tiny files, believed to be the published one; the server is the second place that may have it."""
    contents = {name: content.ljust(8) for name, content in PORTRAITS.items()}
    monkeypatch.setattr(att, "PHOTO_BYTES", 8)
    monkeypatch.setattr(att, "SHA256", hashlib.sha256(listed(contents).encode()).hexdigest())
    monkeypatch.setattr(att, "MIRRORS", ("http://127.0.0.1:1/att_faces.zip", server.url))
    return contents


def zipped(contents: dict[str, bytes], folder: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(folder + name, content)
    return file.getvalue()


@pytest.mark.parametrize("folder", ["", "orl_faces/", "../../", "/etc/"])
def test_portraits_are_fetched_and_unpacked_once(folder: str, cache: Path, portraits, server) -> None:
    extra = {"README": b"read me", "../../evil.pgm": b"x" * 8, "s1/../../2.pgm": b"x" * 8, "s9/1.pgm": b"x" * 9000}
    server.content = zipped(portraits | extra, folder)
    for _ in range(2):
        assert att.get() == cache / "faces" / "att_faces"
    assert len(server.ranges) == 1
    inside = {path.relative_to(cache / "faces").as_posix() for path in cache.parent.rglob("*") if path.is_file()}
    assert inside == {"att_faces.zip", *(f"att_faces/{name}" for name in portraits)}
    for name, content in portraits.items():
        assert (cache / "faces" / "att_faces" / name).read_bytes() == content
    assert people.find_default() == cache / "faces" / "att_faces"
    (finding,) = catalog.check_all()
    assert (finding.is_good, finding.verdict) == (True, "400 photos of 40 persons; the sums of all are as expected")


def test_an_archive_placed_by_hand_is_used(cache: Path, portraits, server) -> None:
    (cache / "faces").mkdir(parents=True)
    (cache / "faces" / "att_faces.zip").write_bytes(zipped(portraits))
    assert (att.get() / "s2" / "10.pgm").read_bytes() == portraits["s2/10.pgm"]
    assert server.ranges == []


@pytest.mark.parametrize("spoil", ["changed", "one too few", "one too many", "cut off", "no archive"])
def test_other_portraits_are_refused(spoil: str, cache: Path, portraits, server) -> None:
    content = zipped(portraits)
    server.content = {
        "changed": zipped(portraits | {"s1/1.pgm": b"changed!"}),
        "one too few": zipped({name: photo for name, photo in portraits.items() if name != "s1/1.pgm"}),
        "one too many": zipped(portraits | {"s1/3.pgm": b"one more"}),
        "cut off": content[: len(content) // 2],
        "no archive": b"<html>please log in</html>",
    }[spoil]
    with pytest.raises(
        DataError, match=r"^expected to download att_faces\.zip from one of 2 places; got .*"
    ) as refused:
        att.get()
    message = str(refused.value)
    assert message.endswith(f"download it by hand and place it at {cache / 'faces' / 'att_faces.zip'}")
    assert "\n" not in message
    assert list((cache / "faces").iterdir()) == []


def test_what_was_half_unpacked_is_unpacked_again(cache: Path, portraits, server) -> None:
    server.content = zipped(portraits)
    (cache / "faces" / "att_faces.part" / "s1").mkdir(parents=True)
    (cache / "faces" / "att_faces.part" / "s1" / "7.pgm").write_bytes(b"old")
    assert att.check(att.get())
    assert not (cache / "faces" / "att_faces.part").exists()


def test_a_damaged_portrait_is_noticed(cache: Path, portraits, server) -> None:
    server.content = zipped(portraits)
    (att.get() / "s2" / "1.pgm").write_bytes(b"damaged!")
    (finding,) = catalog.check_all()
    assert not finding.is_good
    assert finding.verdict.startswith("expected 400 photos of 40 persons, their sums of sha256 ")
    assert finding.verdict.endswith("To fix: delete it and get it again")


def test_without_portraits_one_line_says_how_to_get_them(cache: Path) -> None:
    with pytest.raises(
        DataError, match=r"^expected the AT&T faces in one of .*; got none\. To fix: run `glassnet data g"
    ):
        people.find_default()


def tarred(contents: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for other in others:
            archive.addfile(other)
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def member(name: str, kind: bytes, link: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.fixture
def news(server, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Twenty photos of one person, nineteen of another; and what somebody may have meant harm with."""
    kept = {f"Ann_O-Hara/Ann_O-Hara_{number:04}.jpg": b"ann %d" % number for number in range(1, 21)}
    few = {f"Bob/Bob_{number:04}.jpg": b"bob" for number in range(1, 20)}
    evil = {"../../Ann_O-Hara_0001.jpg": b"evil", "Bob/../../Bob_0001.jpg": b"evil", "Bob/Ann_0001.jpg": b"evil"}
    links = [
        member("lfw_funneled/Bob/Bob_0020.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        member("lfw_funneled/Bob/Bob_0021.jpg", tarfile.LNKTYPE, "../../x"),
    ]
    server.content = tarred({f"lfw_funneled/{name}": photo for name, photo in (kept | few | evil).items()}, *links)
    monkeypatch.setattr(lfw, "ARCHIVE_SHA256", hashlib.sha256(server.content).hexdigest())
    monkeypatch.setattr(lfw, "MIRRORS", ("http://127.0.0.1:1/lfw-funneled.tgz", server.url))
    return kept


def test_persons_with_many_photos_are_unpacked(cache: Path, news, server) -> None:
    for _ in range(2):
        assert lfw.get() == cache / "faces" / "lfw_funneled_min20"
    assert len(server.ranges) == 1
    inside = {path.relative_to(cache).as_posix() for path in cache.parent.rglob("*") if not path.is_dir()}
    assert inside == {f"faces/lfw_funneled_min20/{name}" for name in (*news, "SHA256SUMS")}
    folder = cache / "faces" / "lfw_funneled_min20"
    assert (folder / "SHA256SUMS").read_text() == listed(news)
    assert (folder / "Ann_O-Hara" / "Ann_O-Hara_0007.jpg").read_bytes() == b"ann 7"
    (finding,) = catalog.check_all()
    assert (finding.is_good, finding.verdict) == (True, "20 photos; the sums of all are as expected")
    (folder / "Ann_O-Hara" / "Ann_O-Hara_0007.jpg").write_bytes(b"ann 8")
    assert not catalog.check_all()[0].is_good
    (folder / "SHA256SUMS").unlink()
    assert catalog.check_all()[0].verdict.startswith(f"expected SHA256SUMS in {folder}; got none. To fix: ")


def test_an_archive_of_news_placed_by_hand_is_used_and_kept(cache: Path, news, server) -> None:
    archive = cache / "faces" / "lfw-funneled.tgz"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(server.content)
    assert lfw.check(lfw.get())
    assert archive.is_file()
    assert server.ranges == []


def test_another_archive_of_news_is_refused(cache: Path, news, server) -> None:
    server.content = server.content[:-1] + b"?"
    with pytest.raises(
        DataError, match=r"^expected to download lfw-funneled\.tgz from one of 2 places; got .*"
    ) as refused:
        lfw.get()
    assert str(refused.value).endswith(f"place it at {cache / 'faces' / 'lfw-funneled.tgz'}")
    archive = cache / "faces" / "lfw-funneled.tgz"
    archive.write_bytes(server.content)
    with pytest.raises(DataError, match=r"^expected sha256 .*lfw-funneled\.tgz; got .*To fix: delete it"):
        lfw.get()
    assert lfw.find() == []


def test_the_sets_are_known_by_name() -> None:
    assert catalog.named("att").what.startswith("AT&T")
    assert catalog.named("lfw").what.startswith("Labeled Faces in the Wild")


@pytest.fixture(scope="session")
def base() -> Path:
    place = Path(os.environ.get("GLASSNET_DATA") or ROOT.parent / "shared" / "data")
    if not (place / "faces" / "att_faces" / "s1").is_dir():
        pytest.skip("needs $GLASSNET_DATA or ../shared/data")
    return place


def test_the_real_sets_are_found_good(base: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(base))
    assert att.get() == people.find_default() == base / "faces" / "att_faces"
    assert att.check(base / "faces" / "att_faces").startswith("400 photos of 40 persons; ")
    assert lfw.get() == base / "faces" / "lfwa_min20"
    assert lfw.check(base / "faces" / "lfwa_min20").startswith("2,442 photos of 62 persons; ")
