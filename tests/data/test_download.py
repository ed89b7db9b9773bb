"""Downloads, from a server on loopback: whole, continued, cut off, refused, not what they should be."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from glassnet.data.download import download
from glassnet.errors import DataError

CONTENT = bytes(range(256)) * 4000


def check(path: Path) -> None:
    if path.read_bytes() != CONTENT:
        raise DataError(f"expected the content in {path}; got another. To fix: weep")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "house.npy"


@pytest.fixture
def part(target: Path) -> Path:
    target.parent.mkdir(parents=True)
    return target.with_name("house.npy.part")


def test_a_file_arrives_whole_and_progress_is_told(server, target: Path) -> None:
    server.content = CONTENT
    told: list[tuple[int, int]] = []
    assert download(server.url, target, check, lambda done, total: told.append((done, total))) == target
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["house.npy"]
    assert {total for _, total in told} == {len(CONTENT)}
    done = [received for received, _ in told]
    assert done == sorted(done)
    assert done[0] < done[-1] == len(CONTENT)


def test_half_a_file_is_continued(server, target: Path, part: Path) -> None:
    server.content = CONTENT
    part.write_bytes(CONTENT[:300_000])
    told: list[tuple[int, int]] = []
    download(server.url, target, check, lambda done, total: told.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert server.ranges == ["bytes=300000-"]
    assert told[0][0] > 300_000
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_server_that_ignores_ranges_sends_all_again(server, target: Path, part: Path) -> None:
    server.content, server.knows_ranges = CONTENT, False
    part.write_bytes(b"x" * 300_000)
    assert download(server.url, target, check).read_bytes() == CONTENT


def test_a_broken_connection_leaves_a_part_that_the_next_try_continues(server, target: Path) -> None:
    server.content, server.cut_after = CONTENT, 500_000
    with pytest.raises(DataError, match=r"^expected to download .*house\.npy; got .+\. To fix: try again"):
        download(server.url, target, check)
    assert not target.exists()
    server.cut_after = None
    download(server.url, target, check)
    assert target.read_bytes() == CONTENT
    assert server.ranges[1] not in (None, "bytes=0-")


def test_a_part_with_nothing_left_to_send_is_begun_anew(server, target: Path, part: Path) -> None:
    server.content = CONTENT
    part.write_bytes(CONTENT + b"and more")
    with pytest.raises(DataError, match="got 416 Client Error"):
        download(server.url, target, check)
    assert download(server.url, target, check).read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(server, target: Path) -> None:
    server.content = b"<html>please log in</html>"
    with pytest.raises(
        DataError, match=r"got another one \(.*\)\. To fix: try again, or download it by hand"
    ) as refused:
        download(server.url, target, check)
    assert "weep" not in str(refused.value)
    assert list(target.parent.iterdir()) == []


def test_a_missing_file_is_named_with_where_to_place_it(server, target: Path) -> None:
    server.status = 404
    with pytest.raises(DataError) as refused:
        download(server.url, target, check)
    assert str(refused.value) == (
        f"expected to download {server.url}; got 404 Client Error: Not Found. "
        f"To fix: try again with a network, or download it by hand and place it at {target}"
    )


def test_no_network_is_one_line(target: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/house.npy"
        with pytest.raises(DataError, match=r"got Connection refused\. To fix: try again with a network"):
            download(url, target, check)


def test_a_place_that_cannot_be_written_is_one_line(server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"expected to download .*; got (File exists|Not a directory)\. To fix: "):
        download(server.url, tmp_path / "file" / "house.npy", check)


def test_the_means_of_downloading_are_loaded_only_when_needed() -> None:
    program = (
        "import sys; from glassnet.data import catalog, houses; assert not {'pooch', 'requests'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
