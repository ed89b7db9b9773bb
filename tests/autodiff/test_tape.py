"""Tapes: what they hear, and what they must not."""

import asyncio
import threading

import numpy as np
import pytest

from glassnet import ops
from glassnet.autodiff import Tape, Tensor, grad, placeholder, tensor


def names(tape: Tape) -> list[str]:
    return [call.primitive.name for call in tape.calls]


def test_hears_calls_in_order() -> None:
    x = tensor([1.0, 2.0])
    ops.exp(x)
    with Tape() as tape:
        y = ops.sin(x)
        z = ops.sum(y, 0, keepdims=True)
    ops.exp(x)
    assert names(tape) == ["sin", "reduce_sum"]
    last = tape.calls[-1]
    assert last.inputs == (y,)
    assert last.output is z
    assert last.params == {"axes": (0,), "keepdims": True}


def test_tapes_nest() -> None:
    x = tensor(1.0)
    with Tape() as outer:
        ops.sin(x)
        with Tape() as inner:
            ops.cos(x)
        ops.exp(x)
    assert names(outer) == ["sin", "cos", "exp"]
    assert names(inner) == ["cos"]


def test_the_outer_tape_hears_the_sweep() -> None:
    with Tape() as tape:
        grad(ops.sin)(tensor(1.0))
    assert names(tape) == ["sin", "cos", "multiply"]


def test_stops_hearing_after_an_error() -> None:
    tape = Tape()
    with pytest.raises(ZeroDivisionError), tape:
        raise ZeroDivisionError
    ops.sin(tensor(1.0))
    assert tape.calls == []


def test_two_empty_tapes_are_two_tapes() -> None:
    with Tape() as outer:
        with Tape():
            pass
        ops.sin(tensor(1.0))
    assert names(outer) == ["sin"]


def test_hears_placeholders() -> None:
    with Tape() as tape:
        ops.exp(placeholder(tensor([1.0, 2.0]).spec))
    assert tape.calls[0].output.is_symbolic


def test_threads_do_not_hear_each_other() -> None:
    meet = threading.Barrier(4)
    heard: dict[int, list[str]] = {}

    def work(index: int) -> None:
        with Tape() as tape:
            for _ in range(20):
                meet.wait(timeout=5)
                (ops.sin if index % 2 else ops.cos)(tensor(1.0))
        heard[index] = names(tape)

    with Tape() as main:
        threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert names(main) == []
    assert heard == {index: ["sin" if index % 2 else "cos"] * 20 for index in range(4)}


def test_tasks_do_not_hear_each_other() -> None:
    async def work(function) -> list[str]:
        with Tape() as tape:
            for _ in range(5):
                function(tensor(1.0))
                await asyncio.sleep(0)
        return names(tape)

    async def both() -> list[list[str]]:
        return await asyncio.gather(work(ops.sin), work(ops.cos))

    assert asyncio.run(both()) == [["sin"] * 5, ["cos"] * 5]


def test_gradients_in_many_threads() -> None:
    found: list[float] = []

    def work() -> None:
        for value in np.linspace(0.1, 1.0, 50):
            found.append(grad(lambda x: ops.exp(x) * x)(Tensor(np.array(value))).item())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(np.tile([np.exp(v) * (1 + v) for v in np.linspace(0.1, 1.0, 50)], 4))
    np.testing.assert_allclose(sorted(found), expected)
