"""Training on pictures that stay in their files: what comes of it is, bit for bit, what comes of arrays."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from glassnet.autodiff import Array, Tensor
from glassnet.data.stream import Stream, read
from glassnet.errors import DataError
from glassnet.nn import Module, mse_loss
from glassnet.ops import Random, cast
from glassnet.runtimes import get_runtime
from glassnet.training import Run, train
from glassnet.training.batches import MAX_NOTICES, Batches
from glassnet.training.events import Checkpointed, Event, Noticed, Stepped
from glassnet.training.step import are_examples_held
from tests.data import decoders
from tests.training.toy import Toy, assert_same_state, new_run, settings

NUM = 50
LABELS = np.arange(NUM, dtype=np.float32)[:, None] / NUM


class Numbers:
    """The toy on gray pictures, each with the number that is its brightness."""

    name, source, notices = "toy", "numbers", ()
    facts: Mapping[str, object] = {}

    def __init__(self, images: Array | Stream):
        self.training: Mapping[str, Array | Stream] = {"x": images, "y": LABELS}
        self.validation: Mapping[str, Array] = {"x": in_memory()[:10], "y": LABELS[:10]}
        self.model, self.pictures = Toy().model, Toy().pictures

    def loss(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> Tensor:
        x = cast(batch["x"], "float32") * (1.0 / NUM)
        return mse_loss(model(x + random.normal(x.shape) * 0.05), batch["y"])

    def measure(self, model: Module, batch: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        return {"loss": self.loss(model, batch, random)}


def in_memory() -> Array:
    return np.stack(decoders.numbers([file.path for file in decoders.numbered(NUM)]))


@pytest.fixture
def stream() -> Iterator[Callable[..., Stream]]:
    made: list[Stream] = []

    def make(*bad: int, decoder: Callable[..., object] = decoders.numbers) -> Stream:
        made.append(Stream(decoders.numbered(NUM, *bad), decoder, decoders.SHAPE, 2))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


def batches(images: Array | Stream, batch_size: int = 8) -> Batches:
    return Batches({"x": images, "y": LABELS}, batch_size, seed=3)


@pytest.mark.parametrize("batch_size", [8, 50])
def test_batches_are_those_of_arrays(batch_size: int, stream: Callable[..., Stream]) -> None:
    """In whatever order they are asked for, since a training may begin anywhere."""
    from_files, from_memory = batches(stream(), batch_size), batches(in_memory(), batch_size)
    for step in (*range(14), 3, 100, 7):
        mine, expected = from_files.batch(step), from_memory.batch(step)
        assert mine.keys() == expected.keys()
        for name, array in expected.items():
            assert mine[name].dtype == array.dtype
            np.testing.assert_array_equal(mine[name], array)
    assert from_files.notices() == []


def test_an_example_that_cannot_be_read_is_replaced_by_the_next(stream: Callable[..., Stream]) -> None:
    bad = {4, 5, 17, 33}
    from_files, from_memory = batches(stream(*bad)), batches(in_memory())
    seen: list[dict[str, Array]] = []
    for step in range(13):
        expected = from_memory.batch(step)
        numbers = expected["x"][:, 0, 0, 0].tolist()
        following = [next(n for n in numbers[i:] + numbers if n not in bad) for i in range(8)]
        seen.append(from_files.batch(step))
        assert seen[-1]["x"][:, 0, 0, 0].tolist() == following
        np.testing.assert_array_equal(seen[-1]["y"], LABELS[following])
    notices = from_files.notices()
    assert sorted(notice.split(":")[0] for notice in notices) == sorted(f"numbers/bad {number}" for number in bad)
    assert all(notice.endswith(f"no number ({notice[8:].split(':')[0]})") for notice in notices)
    again = batches(stream(*bad))
    for step in reversed(range(13)):
        for name, array in seen[step].items():
            np.testing.assert_array_equal(again.batch(step)[name], array)
    from_files.batch(0)
    assert from_files.notices() == []


def test_of_many_that_cannot_be_read_not_all_are_named(stream: Callable[..., Stream]) -> None:
    from_files = batches(stream(*range(0, NUM, 2)), batch_size=NUM)
    from_files.batch(0)
    notices = from_files.notices()
    assert len(notices) == MAX_NOTICES + 1
    assert notices[-1] == "and more of this kind"


def test_a_picture_that_is_several_examples_is_named_once(stream: Callable[..., Stream]) -> None:
    several = stream(7)[np.array([7, 1, 7, 2])]
    from_files = Batches({"x": several}, 4, seed=0)
    from_files.batch(0)
    assert len(from_files.notices()) == 1
    from_files.close()


def test_a_batch_of_nothing_is_one_line(stream: Callable[..., Stream]) -> None:
    with pytest.raises(DataError, match=r"^expected a batch .*; got none of 8 \(no number .*\)\. To fix: "):
        batches(stream(*range(NUM))).batch(0)


def test_a_stream_is_never_held() -> None:
    on_a_gpu = settings(device="cuda")
    assert are_examples_held({"x": in_memory(), "y": LABELS}, on_a_gpu)
    in_files = Stream(decoders.numbered(NUM), decoders.numbers, decoders.SHAPE)
    assert not are_examples_held({"x": in_files, "y": LABELS}, on_a_gpu)


def events_of(run: Run, images: Array | Stream, resume: bool = False) -> list[Event]:
    return list(train(Numbers(images), run, get_runtime("numpy"), resume))


def test_a_training_is_that_of_arrays(tmp_path: Path, stream: Callable[..., Stream]) -> None:
    """Also when it was interrupted in the middle of an epoch."""
    straight, streamed, broken = (new_run(tmp_path / name) for name in ("straight", "streamed", "broken"))
    events_of(straight, in_memory())
    events_of(streamed, stream())
    assert_same_state(streamed, straight)
    training = train(Numbers(stream()), broken, get_runtime("numpy"))
    assert next(event.step for event in training if isinstance(event, Stepped) and event.step == 9)
    training.close()
    events_of(broken, stream(), resume=True)
    assert_same_state(broken, straight)


def test_processes_end_with_the_training(tmp_path: Path, stream: Callable[..., Stream]) -> None:
    pictures = stream()
    training = train(Numbers(pictures), new_run(tmp_path), get_runtime("numpy"))
    next(event for event in training if isinstance(event, Stepped))
    pids = pictures.pids()
    assert len(pids) == 2
    training.close()
    assert pictures.pids() == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_cannot_be_read_is_told_once(tmp_path: Path, stream: Callable[..., Stream]) -> None:
    events = events_of(new_run(tmp_path), stream(7))
    told = [event for event in events if isinstance(event, Noticed)]
    order = Batches({"x": np.arange(NUM)}, 8, settings().seed)
    step = next(i for i in range(20) if 7 in order.batch(i)["x"])
    message = "numbers/bad 7: replaced by the next one of its batch, no number (bad 7)"
    assert told == [Noticed(step + 1, message)]


def test_a_reader_that_is_killed_is_one_line(tmp_path: Path, stream: Callable[..., Stream]) -> None:
    """What was saved stays."""
    pictures, run = stream(), new_run(tmp_path)
    training = train(Numbers(pictures), run, get_runtime("numpy"))
    next(event for event in training if isinstance(event, Checkpointed))
    read(pictures, np.arange(2))
    for pid in pictures.pids():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(DataError, match=r"^expected a process .*signal 9.*\. To fix: .*--resume"):
        list(training)
    events_of(run, stream(), resume=True)
    assert run.newest_checkpoint()[0].step == 20
