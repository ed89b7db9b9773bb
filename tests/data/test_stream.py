"""Streams: the pictures that were asked for in their order, whatever the processes that read them do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from glassnet.data.processes import Processes
from glassnet.data.stream import CHUNK, Decoder, Stream, read, sample
from glassnet.errors import DataError
from tests.data import decoders

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stream() -> Iterator[Callable[..., Stream]]:
    made: list[Stream] = []

    def make(count: int, *bad: int, decoder: Decoder = decoders.numbers, num: int = 2) -> Stream:
        made.append(Stream(decoders.numbered(count, *bad), decoder, decoders.SHAPE, num))
        return made[-1]

    yield make
    for each in made:
        each.close()


def is_alive(pid: int) -> bool:
    """Not so of one that has ended and that nobody has asked about."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30.0
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_it_looks_like_an_array(stream: Callable[..., Stream]) -> None:
    pictures = stream(300)
    assert (pictures.shape, pictures.dtype, len(pictures)) == ((300, 1, 4, 4), np.uint8, 300)


def test_of_a_stream_some_are_a_stream(stream: Callable[..., Stream]) -> None:
    some = stream(300)[np.array([7, 250, 7])]
    assert (some.shape, some.file(1).name) == ((3, 1, 4, 4), "250")
    assert read(some, np.array([2, 1]))[0][:, 0, 0, 0].tolist() == [7, 250]
    some.close()


def test_what_is_asked_for_comes_in_its_order(stream: Callable[..., Stream]) -> None:
    """Also where a later part is ready before an earlier one, and whatever the decoder prints."""
    indices = np.random.default_rng(0).permutation(250)
    result = stream(250, decoder=decoders.slow_numbers).start(indices).result()
    assert result.reasons == {}
    assert result.images.shape == (250, 1, 4, 4)
    np.testing.assert_array_equal(result.images, np.broadcast_to(indices[:, None, None, None], (250, 1, 4, 4)))


def test_what_cannot_be_read_has_a_reason(stream: Callable[..., Stream]) -> None:
    bad = [3, CHUNK + 1, 2 * CHUNK + 5]
    result = stream(200, *bad).start(np.arange(200)).result()
    assert result.reasons == {place: f"no number (bad {place})" for place in bad}
    assert np.flatnonzero(~result.is_read()).tolist() == bad


def test_reading_leaves_out_what_cannot_be_read(stream: Callable[..., Stream]) -> None:
    indices = np.arange(199, -1, -1)
    images, reasons = read(stream(200, 0, 70, 199), indices)
    assert images[:, 0, 0, 0].tolist() == [number for number in indices if number not in (0, 70, 199)]
    assert list(reasons) == [0, 129, 199]


def test_a_sample_is_from_all_over(stream: Callable[..., Stream]) -> None:
    in_memory = np.concatenate(decoders.numbers([file.path for file in decoders.numbered(250)])).reshape(250, 1, 4, 4)
    pictures = stream(250)
    for num in (1, 7, 100, 250, 1000):
        some = sample(pictures, num)
        assert min(num, 250) // 2 < len(some) <= num
        assert np.ptp(some[:, 0, 0, 0]) >= 249 * (1 - 2 / num)
        np.testing.assert_array_equal(some, sample(in_memory, num))


@pytest.mark.parametrize(
    ("decoder", "end"), [(decoders.dying, "signal 9"), (decoders.failing, "No module named 'decoding'")]
)
def test_a_process_that_ends_is_one_line(decoder: Decoder, end: str, stream: Callable[..., Stream]) -> None:
    with pytest.raises(DataError, match=rf"^expected .*; got its end \(.*{end}\) .*nowhere.*\. To fix: ") as refused:
        stream(200, decoder=decoder).start(np.arange(200)).result()
    assert "\n" not in str(refused.value)


def test_after_closing_it_starts_anew(stream: Callable[..., Stream]) -> None:
    pictures = stream(10)
    pictures.close()
    for _ in range(2):
        assert read(pictures, np.array([7]))[0].max() == 7
        pictures.close()


def test_closing_ends_the_processes_at_once() -> None:
    processes = Processes(time.sleep, 2)  # type: ignore[arg-type]
    under_way = [processes.submit(lambda: 1000.0) for _ in range(4)]  # type: ignore[arg-type, return-value]
    pids = processes.pids()
    assert all(map(is_alive, pids))
    processes.close()
    assert not any(map(is_alive, pids))
    assert all(future.done() for future in under_way)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_the_one_that_started_them(number: signal.Signals) -> None:
    program = (
        "import time; from glassnet.data.processes import Processes; processes = Processes(len, 2);"
        "print(*processes.pids(), processes.submit(lambda: ['a']).result(), flush=True); time.sleep(100)"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        *pids, answer = map(int, parent.stdout.readline().split())
        assert answer == 1
        parent.send_signal(number)
    wait_until(lambda: not any(map(is_alive, pids)))
