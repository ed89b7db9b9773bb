"""A download from several places: the next one goes on where the last one broke off, and only the right file counts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from glassnet.data.download import download_first
from glassnet.errors import DataError

CONTENT = bytes(range(256)) * 4000


def check(path: Path) -> None:
    if path.read_bytes() != CONTENT:
        raise DataError("expected the content; got another. To fix: weep")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "archive.tar.gz"


@pytest.fixture
def serve(server) -> Iterator[Callable]:
    """Starts another server of the kind of `server`, with what it is to do."""
    with ExitStack() as stack:

        def start(**behavior: object):
            made = stack.enter_context(type(server)())
            for name, value in ({"content": CONTENT} | behavior).items():
                setattr(made, name, value)
            thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(made.shutdown)
            return made

        yield start


def test_the_first_that_has_it_is_enough(serve, target: Path) -> None:
    places = [serve(), serve()]
    assert download_first([place.url for place in places], target, check) == target
    assert target.read_bytes() == CONTENT
    assert [len(place.ranges) for place in places] == [1, 0]


def test_one_that_fails_gives_way_to_the_next(serve, target: Path) -> None:
    places = [serve(status=503), serve(status=404), serve()]
    download_first([place.url for place in places], target, check)
    assert target.read_bytes() == CONTENT
    assert [place.ranges for place in places] == [["bytes=0-"]] * 3


def test_one_that_is_cut_off_is_continued_by_the_next(serve, target: Path) -> None:
    places = [serve(cut_after=500_000), serve()]
    told: list[tuple[int, int]] = []
    download_first([place.url for place in places], target, check, lambda done, total: told.append((done, total)))
    assert target.read_bytes() == CONTENT
    (asked,) = places[1].ranges
    assert 0 < int(asked.removeprefix("bytes=").removesuffix("-")) <= 500_000
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_one_with_another_content_gives_way_to_the_next(serve, target: Path) -> None:
    places = [serve(content=b"<html>please log in</html>"), serve()]
    download_first([place.url for place in places], target, check)
    assert target.read_bytes() == CONTENT
    assert places[1].ranges == ["bytes=0-"]


def test_what_continued_another_content_is_tried_again_from_the_start(serve, target: Path) -> None:
    places = [serve(content=b"x" * len(CONTENT), cut_after=500_000), serve()]
    download_first([place.url for place in places], target, check)
    assert target.read_bytes() == CONTENT
    assert places[1].ranges[1:] == ["bytes=0-"]


def test_when_all_fail_each_is_named_and_the_part_is_kept(serve, target: Path) -> None:
    places = [serve(status=503), serve(cut_after=500_000)]
    with pytest.raises(DataError) as refused:
        download_first([place.url for place in places], target, check)
    message = str(refused.value)
    assert message.startswith(f"expected to download archive.tar.gz from one of 2 places; got {places[0].url}: 503 ")
    assert f"; {places[1].url}: " in message
    assert message.endswith(f". To fix: try again with a network, or download it by hand and place it at {target}")
    assert "\n" not in message
    part = target.with_name("archive.tar.gz.part")
    assert CONTENT.startswith(part.read_bytes())
    assert part.stat().st_size > 0


def test_wrong_content_everywhere_leaves_nothing(serve, target: Path) -> None:
    places = [serve(content=b"one"), serve(content=b"two")]
    with pytest.raises(DataError, match=r"house\.npy: another one \(expected the content; got another\); "):
        download_first([place.url for place in places], target, check)
    assert list(target.parent.iterdir()) == []
