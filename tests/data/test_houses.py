"""Which drawings are taken: by choice, by place, by path; and the data sets known by name."""

import sys
from pathlib import Path

import numpy as np
import pytest

from glassnet.data import catalog, houses, locate, quickdraw
from glassnet.data.drawn import draw_houses
from glassnet.errors import DataError

LINE = '{"drawing": [[[0, 255], [0, 100]]]}\n'


def save(path: Path, count: int = 3, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, draw_houses(count, seed).reshape(count, 784))
    return path


def test_without_choice_and_data_houses_are_generated(cache: Path) -> None:
    drawn = houses.load(limit=5, seed=2)
    assert (drawn.images == draw_houses(5, 2)).all()
    assert drawn.source == "5 houses drawn by glassnet itself, seed 2"
    assert not cache.exists()


def test_without_choice_quick_draw_is_taken_where_it_is(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(cache / "houses" / "house.npy", 4)
    assert houses.load().source.startswith("4 Quick, Draw! houses (Google, CC BY 4.0) from ")
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "data"))
    save(tmp_path / "data" / "houses" / "some.npy", 6)
    assert len(houses.load().images) == 6
    assert len(houses.load("quickdraw", limit=2).images) == 2
    assert houses.load("generated", limit=1).source.startswith("1 houses drawn by glassnet")


def test_bitmaps_go_before_strokes_and_large_before_small(cache: Path) -> None:
    folder = cache / "houses"
    folder.mkdir(parents=True)
    (folder / "all.ndjson").write_text(LINE * 1000)
    assert len(houses.load().images) == 1000
    save(folder / "a.npy", 2)
    save(folder / "b.npy", 3)
    (folder / "c.npy").symlink_to(folder / "nowhere.npy")
    (folder / "house.npy.part").write_bytes(b"half")
    assert len(houses.load().images) == 3


def test_a_broken_file_is_an_error_and_not_a_reason_to_generate(cache: Path) -> None:
    (cache / "houses").mkdir(parents=True)
    (cache / "houses" / "house.npy").write_bytes(b"")
    with pytest.raises(DataError, match="got an empty file"):
        houses.load()


def test_a_path_may_be_a_file_or_a_folder(cache: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "set" / "houses" / "mine.npy")
    for choice in (path, path.parent, path.parent.parent):
        loaded = houses.load(str(choice))
        assert loaded.source == f"3 drawings from {path}"
        assert (loaded.images == draw_houses(3)).all()
    strokes = tmp_path / "mine.ndjson"
    strokes.write_text(LINE * 3)
    assert houses.load(str(strokes), limit=2).images.shape == (2, 28, 28)


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("nowhere.npy", "nothing there"),
        ("quikdraw", "nothing there"),
        ("empty", "a folder without one"),
        ("picture.png", "a file of another kind"),
        ("x" * 300, r"a path that cannot be used \(.*\)"),
        ("~nobody-of-that-name/x", r"a path that cannot be used \(.*\)"),
    ],
)
def test_other_paths_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, got: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("picture.png").write_bytes(b"\x89PNG")
    fix = "To fix: give the path of one, or choose generated or quickdraw"
    with pytest.raises(DataError, match=rf"^expected a \.npy or \.ndjson file .*; got {got}\. {fix}$"):
        houses.load(name)


@pytest.mark.parametrize("name", ["mine.npy", "mine.ndjson"])
def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # Permissions do not bind root, as whom tests may run: so the refusal of the system is played.
    path = tmp_path / name
    path.write_bytes(b"x")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"^expected a readable file at .*; got: Permission denied\. To fix: "):
        houses.load(str(path))


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="expected limit >= 1; got 0"):
        houses.load(limit=0)


def test_glassnet_data_must_be_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_DATA", "/no/such/folder")
    with pytest.raises(DataError, match=r"expected \$GLASSNET_DATA to name a folder; got '/no/such/folder'"):
        houses.load()


@pytest.mark.skipif(sys.platform != "linux", reason="the custom of another system")
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "/home/ada/.cache/glassnet"),
        ({"XDG_CACHE_HOME": "/scratch"}, "/scratch/glassnet"),
        ({"XDG_CACHE_HOME": "not/absolute"}, "/home/ada/.cache/glassnet"),
    ],
)
def test_the_cache_is_where_the_system_wants_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in {"HOME": "/home/ada", **variables}.items():
        monkeypatch.setenv(name, value)
    assert str(locate.cache_folder()) == expected


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A small house.npy, and the belief that its first rows are Google's."""
    content = save(tmp_path / "google.npy", 12).read_bytes()
    rows = np.load(tmp_path / "google.npy")[:10]
    monkeypatch.setattr(quickdraw, "KNOWN_ROWS", 10)
    monkeypatch.setattr(quickdraw, "KNOWN_ROWS_SHA256", quickdraw.hashlib.sha256(rows.tobytes()).hexdigest())
    return content


def test_quick_draw_is_downloaded_once(cache: Path, google: bytes, server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.content = google
    monkeypatch.setattr(quickdraw, "URL", server.url)
    for _ in range(2):
        assert len(houses.load("quickdraw").images) == 12
    assert len(server.ranges) == 1
    assert (cache / "houses" / "house.npy").read_bytes() == google
    (finding,) = catalog.check_all()
    assert finding.is_good
    assert finding.verdict == "12 drawings; form, length and the first 10 rows are Google's"


@pytest.mark.parametrize("position", [200, -1])
def test_a_download_that_is_not_google_s_is_not_kept(
    cache: Path, google: bytes, server, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    server.content = google[:position] if position < 0 else google[:position] + b"?" + google[position + 1 :]
    monkeypatch.setattr(quickdraw, "URL", server.url)
    with pytest.raises(DataError, match=r"expected the known file from .*; got another one"):
        houses.load("quickdraw")
    assert list((cache / "houses").iterdir()) == []


def test_check_finds_good_and_bad_files(cache: Path) -> None:
    assert catalog.check_all() == []
    save(cache / "houses" / "quickdraw_house_rows_0_3498.npy", 9)
    save(cache / "houses" / "house.npy", 8)
    save(cache / "houses" / "mine.npy", 7)
    (cache / "houses" / "mine.ndjson").write_text(LINE * 2)
    verdicts = {finding.path.name: (finding.is_good, finding.verdict) for finding in catalog.check_all()}
    assert verdicts["mine.npy"][1].startswith("7 drawings, readable; not one of")
    assert verdicts["mine.ndjson"][1].startswith("2 drawings, readable; not one of")
    assert not verdicts["house.npy"][0]
    assert "expected Google's house.npy, uint8 (N, 784) with N >= 3499" in verdicts["house.npy"][1]
    assert not verdicts["quickdraw_house_rows_0_3498.npy"][0]
    assert "expected sha256 6ceb754b" in verdicts["quickdraw_house_rows_0_3498.npy"][1]


def test_the_real_files_are_found_good(real_houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "houses").symlink_to(real_houses)  # of all data sets only this one
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    findings = catalog.check_all()
    assert findings
    assert all(finding.is_good for finding in findings)
    assert quickdraw.check_google(real_houses / "quickdraw_house_rows_0_3498.npy").startswith("3,499 drawings; ")


def test_data_sets_are_known_by_name() -> None:
    assert catalog.named("houses").what.startswith("Quick, Draw!")
    with pytest.raises(DataError, match=r"expected the name of a data set \(.*houses.*\); got 'hoses'\. To fix: "):
        catalog.named("hoses")
