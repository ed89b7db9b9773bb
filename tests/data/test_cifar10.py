"""CIFAR-10: the real photos in each form they are kept in, and every way in which a copy can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import pickle
import shutil
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from glassnet.data import catalog, cifar10, packed
from glassnet.data.pictures import LabeledPictures
from glassnet.errors import DataError

ROOT = Path(__file__).parents[2]
INNER = "cifar-10-batches-py"
NAMES = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]
EXPECTED = r"^expected cifar-10-python.tar.gz, or a folder with data_batch_1 \.\.\. data_batch_5 and test_batch"
COUNT = 4


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Batches of the same form with 4 photos each, believed to be the published ones."""
    contents = {}
    for number, name in enumerate(NAMES):
        pixels = np.random.default_rng(number).integers(0, 256, (COUNT, 3072), np.uint8)
        contents[name] = pickle.dumps({b"data": pixels, b"labels": [number, 1, 2, 9]}, protocol=3)
    monkeypatch.setattr(cifar10, "BATCH_SIZE", COUNT)
    monkeypatch.setattr(cifar10, "MD5", {name: hashlib.md5(content).hexdigest() for name, content in contents.items()})
    return contents


def in_folder(folder: Path, contents: dict[str, bytes], *, packed: tuple[str, ...] = ()) -> Path:
    folder.mkdir(parents=True)
    for name, content in contents.items():
        if name in packed:
            (folder / f"{name}.xz").write_bytes(lzma.compress(content, preset=0))
        else:
            (folder / name).write_bytes(content)
    return folder


def in_archive(path: Path, contents: dict[str, bytes], *others: tarfile.TarInfo) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        for other in others:
            archive.addfile(other)
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{INNER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


def check_small(loaded: LabeledPictures, contents: dict[str, bytes]) -> None:
    assert loaded.training.images.shape == (5 * COUNT, 3, 32, 32)
    assert loaded.test.images.shape == (COUNT, 3, 32, 32)
    assert loaded.training.labels.tolist() == [label for number in range(5) for label in (number, 1, 2, 9)]
    assert loaded.test.labels.tolist() == [5, 1, 2, 9]
    images = np.concatenate([loaded.training.images, loaded.test.images])
    for number, content in enumerate(contents.values()):
        rows = pickle.loads(content)[b"data"]
        np.testing.assert_array_equal(images[number * COUNT : (number + 1) * COUNT].reshape(COUNT, -1), rows)


FORMS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "plain": lambda base, contents: in_folder(base / "mine", contents),
    "xz": lambda base, contents: in_folder(base / "mine", contents, packed=tuple(NAMES)),
    "mixed": lambda base, contents: in_folder(base / "mine", contents, packed=("data_batch_3",)),
    "archive": lambda base, contents: in_archive(base / "any name", contents),
    "folder of the folder": lambda base, contents: in_folder(base / INNER, contents).parent,
    "folder of the archive": lambda base, contents: in_archive(base / cifar10.ARCHIVE, contents).parent,
    "data folder": lambda base, contents: in_folder(base / "cifar10" / INNER, contents).parents[1],
    "data folder, archive": lambda base, contents: in_archive(base / "cifar10" / cifar10.ARCHIVE, contents).parents[1],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form: str, small: dict[str, bytes], tmp_path: Path) -> None:
    path = FORMS[form](tmp_path / "base", small)
    before = sorted(tmp_path.rglob("*"))
    loaded = cifar10.load(str(path))
    check_small(loaded, small)
    assert str(path) in loaded.source
    assert loaded.notices == ()
    assert loaded.training.images.flags.writeable
    assert loaded.test.images.flags.writeable
    assert sorted(tmp_path.rglob("*")) == before


def test_without_a_path_the_machine_is_looked_through(small, cache: Path, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(DataError) as refused:
        cifar10.load()
    assert str(refused.value) == (
        f"expected CIFAR-10 in one of {cache / 'cifar10'}; got none. To fix: run `glassnet data get cifar10`, or place "
        "cifar-10-python.tar.gz (from https://www.cs.toronto.edu/~kriz/cifar.html) in one of these"
    )
    archive = in_archive(cache / "cifar10" / cifar10.ARCHIVE, small)
    assert cifar10.find() == [archive]
    check_small(cifar10.load(), small)
    folder = in_folder(tmp_path / "named" / "cifar10" / INNER, small)
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "named"))
    assert cifar10.find() == [folder, archive]
    assert str(folder) in cifar10.load().source


def test_an_unfinished_folder_gives_way_to_the_archive_beside_it(small: dict[str, bytes], tmp_path: Path) -> None:
    archive = in_archive(tmp_path / cifar10.ARCHIVE, small)
    in_folder(tmp_path / INNER, dict(list(small.items())[:3]))
    assert str(archive) in cifar10.load(str(tmp_path)).source


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda base: base / "nowhere", "nothing there"),
        (lambda base: base, "a folder without all of them"),
        (lambda base: base / "a\0b", "a path that cannot be used|nothing there"),
        (lambda base: Path("x" * 5000), "a path that cannot be used"),
        (lambda base: Path("~nobody-of-that-name/x"), "a path that cannot be used"),
    ],
)
def test_a_path_without_it_is_one_line(make: Callable[[Path], Path], got: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{EXPECTED} .*; got ({got}).*\. To fix: give the path of one, or run"):
        cifar10.load(str(make(tmp_path)))


def test_a_folder_without_one_batch_is_refused(small: dict[str, bytes], tmp_path: Path) -> None:
    folder = in_folder(tmp_path / "mine", small)
    (folder / "data_batch_4").unlink()
    with pytest.raises(DataError, match=rf"{EXPECTED} .*; got a folder without all of them"):
        cifar10.load(str(folder))


def test_a_spoilt_batch_is_refused_before_it_is_unpickled(small, tmp_path: Path, monkeypatch) -> None:
    folder = in_folder(tmp_path / "mine", small)
    spoilt = small["data_batch_2"][:-30] + b"?" + small["data_batch_2"][-29:]
    (folder / "data_batch_2").write_bytes(spoilt)
    seen: list[bytes] = []
    unpickle = cifar10.unpickle
    monkeypatch.setattr(cifar10, "unpickle", lambda content: seen.append(content) or unpickle(content))
    with pytest.raises(DataError) as refused:
        cifar10.load(str(folder))
    expected, got = cifar10.MD5["data_batch_2"], hashlib.md5(spoilt).hexdigest()
    assert str(refused.value) == (
        f"expected data_batch_2 of md5 {expected} in {folder}; got {got}. "
        "To fix: copy the original again, or delete it and run `glassnet data get cifar10`"
    )
    assert seen
    assert spoilt not in seen


def test_even_a_hostile_pickle_with_the_right_sum_does_nothing(small, tmp_path: Path, monkeypatch) -> None:
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    hostile = pickle.dumps({b"data": Hostile(), b"labels": []}, protocol=3)
    folder = in_folder(tmp_path / "mine", small | {"test_batch": hostile}, packed=("test_batch",))
    monkeypatch.setitem(cifar10.MD5, "test_batch", hashlib.md5(hostile).hexdigest())
    with pytest.raises(DataError, match=r"expected a batch of CIFAR-10 .*; got another content \((posix|nt)\.mkdir\)"):
        cifar10.load(str(folder))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda xz: xz[: len(xz) // 2], "expected a whole .xz file at .*; got its beginning"),
        (lambda xz: b"no xz" + xz, r"expected an .xz file at .*; got another \(.*\)"),
        (lambda xz: b"", "expected a whole .xz file at .*; got its beginning"),
        (lambda xz: lzma.compress(bytes(packed.MAX_FILE_BYTES + 1), preset=0), "expected at most 67,108,864 bytes in"),
    ],
    ids=["cut", "text", "empty", "bomb"],
)
def test_a_spoilt_xz_is_one_line(spoil, message: str, small: dict[str, bytes], tmp_path: Path) -> None:
    folder = in_folder(tmp_path / "mine", small, packed=("data_batch_1",))
    file = folder / "data_batch_1.xz"
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(DataError, match=rf"^{message}.*\. To fix: copy"):
        cifar10.load(str(folder))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda archive: archive[: len(archive) // 2],
        lambda archive: b"",
        lambda archive: b"no archive",
        lambda archive: gzip.compress(b"no tar"),
        lambda archive: gzip.compress(b"no tar" * 1000),
        lambda archive: archive[:200] + bytes(100) + archive[300:],
    ],
    ids=["cut", "empty", "text", "gzip of text", "gzip of more text", "overwritten"],
)
def test_a_spoilt_archive_is_one_line(spoil, small: dict[str, bytes], tmp_path: Path) -> None:
    archive = in_archive(tmp_path / cifar10.ARCHIVE, small)
    archive.write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(DataError, match=r"^expected .*; got.*\. To fix: "):
        cifar10.load(str(archive))


def test_an_archive_without_a_batch_is_refused(small: dict[str, bytes], tmp_path: Path) -> None:
    del small["data_batch_5"]
    with pytest.raises(DataError, match=f"{EXPECTED} .*; got an archive without data_batch_5"):
        cifar10.load(str(in_archive(tmp_path / "mine.tar.gz", small)))


def test_odd_members_of_an_archive_are_passed_over(small: dict[str, bytes], tmp_path: Path) -> None:
    others = [
        member("/etc/data_batch_1", tarfile.SYMTYPE, "/etc/passwd"),
        member("../../data_batch_2", tarfile.LNKTYPE, "/etc/passwd"),
        member(f"{INNER}/data_batch_3", tarfile.FIFOTYPE),
        member(f"{INNER}/data_batch_4", tarfile.CHRTYPE),
        member(f"{INNER}/test_batch", tarfile.DIRTYPE),
        member("../../../escaped", tarfile.REGTYPE),
    ]
    archive = in_archive(tmp_path / "inner" / "mine.tar.gz", small, *others)
    check_small(cifar10.load(str(archive)), small)
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", "mine.tar.gz"]


def test_a_bomb_in_an_archive_is_refused_before_it_is_big(small, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(packed, "MAX_ARCHIVE_BYTES", 2**20)
    bomb = member("bomb", tarfile.REGTYPE)
    bomb.size = 2**21
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(gzip.compress(bomb.tobuf() + bytes(2**21)))
    with pytest.raises(
        DataError, match=r"^expected a whole .tar.gz archive at .*; got: more than 1,048,576 bytes\. To fix"
    ):
        cifar10.load(str(path))


@pytest.mark.parametrize("size_bytes", [2**50, packed.MAX_FILE_BYTES + 1])
def test_a_member_that_claims_to_be_huge_is_refused(size_bytes: int, tmp_path: Path) -> None:
    huge = member(f"{INNER}/data_batch_1", tarfile.REGTYPE)
    huge.size = size_bytes
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(gzip.compress(huge.tobuf(tarfile.GNU_FORMAT) + bytes(2**16)))
    with pytest.raises(DataError, match=r"^expected .*; got.*\. To fix: "):
        cifar10.load(str(path))


def test_check_tells_good_from_bad(small: dict[str, bytes], cache: Path, monkeypatch) -> None:
    assert catalog.check_all() == []
    folder = in_folder(cache / "cifar10" / INNER, small)
    archive = in_archive(cache / "cifar10" / cifar10.ARCHIVE, small)
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    verdicts = {finding.path: (finding.is_good, finding.verdict) for finding in catalog.check_all()}
    assert verdicts == {
        folder: (True, "60,000 photos; md5 of all six batches as expected"),
        archive: (True, "60,000 photos; sha256 as expected"),
    }
    (folder / "test_batch").write_bytes(b"x")
    archive.write_bytes(archive.read_bytes()[:-1])
    findings = {finding.path: finding for finding in catalog.check_all()}
    assert not any(finding.is_good for finding in findings.values())
    assert "expected test_batch of md5" in findings[folder].verdict
    assert "expected sha256" in findings[archive].verdict


def test_it_is_downloaded_once(small: dict[str, bytes], cache: Path, server, tmp_path: Path, monkeypatch) -> None:
    server.content = in_archive(tmp_path / "served", small).read_bytes()
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(server.content).hexdigest())
    monkeypatch.setattr(cifar10, "MIRRORS", (server.url,))
    for _ in range(2):
        assert catalog.named("cifar10").get(None) == cache / "cifar10" / cifar10.ARCHIVE
    assert len(server.ranges) == 1
    check_small(cifar10.load(), small)


@pytest.fixture(scope="session")
def real() -> Path:
    base = Path(os.environ.get("GLASSNET_DATA") or ROOT.parent / "shared" / "data")
    folder = base / "cifar10" / INNER
    if not (folder / "data_batch_1.xz").is_file():
        pytest.skip("needs $GLASSNET_DATA or ../shared/data")
    return folder


@pytest.fixture(scope="session")
def contents(real: Path) -> dict[str, bytes]:
    """Decompressed once for all tests: it takes seconds."""
    with ThreadPoolExecutor() as threads:
        return dict(zip(NAMES, threads.map(lambda name: packed.read_from_folder(real, name), NAMES), strict=True))


@pytest.fixture(scope="session")
def loaded(real: Path, contents: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> LabeledPictures:
    """Five files plain, one as it came."""
    folder = in_folder(tmp_path_factory.mktemp("real") / "mixed", contents)
    (folder / "data_batch_2").unlink()
    shutil.copy(real / "data_batch_2.xz", folder)
    photos = cifar10.load(str(folder))
    shutil.rmtree(folder)
    return photos


@pytest.mark.slow
def test_the_real_photos_are_those_everybody_knows(loaded: LabeledPictures, real: Path) -> None:
    """Labels and corner pixels as Keras and torchvision show them."""
    training, test = loaded.training, loaded.test
    assert (training.images.shape, training.images.dtype) == ((50_000, 3, 32, 32), np.uint8)
    assert (test.images.shape, test.labels.dtype) == ((10_000, 3, 32, 32), np.int64)
    assert np.bincount(training.labels).tolist() == [5000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert [loaded.classes[label] for label in training.labels[:4]] == ["frog", "truck", "truck", "deer"]
    assert [loaded.classes[label] for label in test.labels[:5]] == ["cat", "ship", "ship", "airplane", "frog"]
    assert training.images[0, :, 0, 0].tolist() == [59, 62, 63]
    assert training.images[0, :, 0, 1].tolist() == [43, 46, 45]
    assert test.images[0, :, 0, 0].tolist() == [158, 112, 49]
    means = training.images.mean((0, 2, 3)) / 255
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=5e-5)
    names = (real / "batches.meta").read_bytes()
    positions = [names.index(name.encode()) for name in loaded.classes]
    assert positions == sorted(positions)


@pytest.mark.slow
def test_the_real_archive_holds_the_same_photos(loaded: LabeledPictures, contents, tmp_path: Path) -> None:
    archive = in_archive(tmp_path / cifar10.ARCHIVE, contents)
    again = cifar10.load(str(tmp_path))
    archive.unlink()
    for part, other in ((again.training, loaded.training), (again.test, loaded.test)):
        np.testing.assert_array_equal(part.images, other.images)
        np.testing.assert_array_equal(part.labels, other.labels)


def test_the_real_folder_is_found(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(real.parents[1]))
    assert cifar10.find()[0] == real
