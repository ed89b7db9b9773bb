"""A folder is written whole or not at all, and nobody's files are lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glassnet.errors import SettingsError
from glassnet.export.folder import MANIFEST, check_target, new_folder


def write(target: Path, text: str = "new") -> None:
    with new_folder(target) as folder:
        folder.write("index.html", text.encode())
        folder.write(MANIFEST, b'{"format": 1}')


def test_a_new_one_and_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "site")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty")
    for folder in (tmp_path / "a" / "b" / "site", tmp_path / "empty"):
        assert (folder / "index.html").read_text() == "new"
        assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "site", "old")
    (tmp_path / "site" / "left over").touch()
    write(tmp_path / "site")
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["index.html", "network"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_whoever_serves_it_may_read_it(tmp_path: Path) -> None:
    write(tmp_path / "site")
    (tmp_path / "other").mkdir()
    assert (tmp_path / "site").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt()])
def test_half_of_one_is_none(tmp_path: Path, error: BaseException) -> None:
    write(tmp_path / "site", "old")

    def break_off(target: Path) -> None:
        with new_folder(target) as folder:
            folder.write("index.html", b"half")
            raise error

    for target in (tmp_path / "site", tmp_path / "another"):
        with pytest.raises(type(error)):
            break_off(target)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert (tmp_path / "site" / "index.html").read_text() == "old"


def test_what_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("mine")
    (tmp_path / "network" / "network").mkdir(parents=True)
    (tmp_path / "network" / MANIFEST).write_text("[]")
    for name, said in (("file", "a file"), ("photos", "which holds something else"), ("network", "holds something")):
        with pytest.raises(SettingsError, match=rf"^expected .*; got .*{said}.* To fix: "):
            write(tmp_path / name)
    assert (tmp_path / "file").read_text() == (tmp_path / "photos" / "cat.png").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match=r"^expected a folder to write to; got .*link, a file\. To fix: "):
        check_target(tmp_path / "link")


def test_a_name_that_no_folder_can_have(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^expected to write the folder .*; got '.*'\. To fix: "):
        write(tmp_path / ("x" * 5_000))
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^expected a folder to write to; got .*site, below a file\. To fix: "):
        write(tmp_path / "file" / "new" / "site")
