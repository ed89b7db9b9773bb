"""Many copies at once: every primitive does for all of them what it does for one, whole or in part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from glassnet.autodiff import PRIMITIVES, Array
from glassnet.graph import GraphCall
from glassnet.insight.parts import Copies, Part, Value, evaluate_call
from tests.samples import SAMPLES, Sample

_NUM = 3
RANDOM = np.random.default_rng(5)


def nudged(x: Array, part: Part | None) -> Copies:
    """Copies of x, each with other numbers added in the part."""
    base = x if part is None else part.of(x)
    return Copies(base + RANDOM.standard_normal((_NUM, *base.shape)), x, part)


def ways(x: Array) -> Iterator[Copies]:
    """Everywhere, and at the last index of each axis."""
    yield nudged(x, None)
    for axis, size in enumerate(x.shape):
        if size > 1:
            yield nudged(x, Part(axis, size - 1, size))


def operands_of(sample: Sample) -> Iterator[Sequence[Value]]:
    """Each input with numbers in copies alone, then all of them together."""
    moving = [i for i, x in enumerate(sample.inputs) if x.dtype == np.float64]
    for i in moving:
        for copies in ways(sample.inputs[i]):
            yield [copies if i == j else x for j, x in enumerate(sample.inputs)]
    if len(moving) > 1:
        yield [nudged(x, None) if j in moving else x for j, x in enumerate(sample.inputs)]
        if len({x.shape for x in sample.inputs}) == 1 and sample.inputs[0].ndim and len(sample.inputs[0]) > 1:
            yield [nudged(x, Part(0, 0, 1)) if j in moving else x for j, x in enumerate(sample.inputs)]


def assert_each_copy(name: str, sample: Sample, operands: Sequence[Value]) -> None:
    evaluate = PRIMITIVES[name].evaluate
    call = GraphCall(name, tuple(range(len(operands))), sample.params, len(operands))
    base = np.asarray(evaluate(*sample.inputs, **sample.params))
    found = evaluate_call(call, operands, base).whole()
    for k in range(_NUM):
        arrays = [x.whole()[k] if isinstance(x, Copies) else x for x in operands]
        expected = np.asarray(evaluate(*arrays, **sample.params))
        assert found[k].dtype == expected.dtype
        np.testing.assert_allclose(found[k], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_copy_is_what_it_is_alone(name: str) -> None:
    for sample in SAMPLES[name]:
        if all(x.size for x in sample.inputs):
            for operands in operands_of(sample):
                assert_each_copy(name, sample, operands)


def test_a_change_of_one_channel_stays_in_it_until_channels_are_mixed() -> None:
    x, w = RANDOM.standard_normal((2, 3, 6, 6)), RANDOM.standard_normal((4, 3, 3, 3))
    how = {"stride": (1, 1), "padding": (1, 1), "groups": 1}
    convolution, pooling = PRIMITIVES["conv2d_with"].evaluate, PRIMITIVES["max_pool2d_with"].evaluate
    y = convolution(x, w, **how)
    found = evaluate_call(GraphCall("conv2d_with", (0, 1), how, 2), [x, nudged(w, Part(0, 2, 3))], y)
    assert (found.part, found.array.shape) == (Part(1, 2, 3), (_NUM, 2, 1, 6, 6))
    window = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)}
    pooled = pooling(y, **window)
    found = evaluate_call(GraphCall("max_pool2d_with", (0,), window, 1), [found], pooled)
    assert (found.part, found.array.shape) == (Part(1, 2, 3), (_NUM, 2, 1, 3, 3))
    flat = pooled.reshape(2, 36)
    found = evaluate_call(GraphCall("reshape_to", (0,), {"shape": (2, 36)}, 1), [found], flat)
    assert (found.part, found.array.shape) == (Part(1, 18, 27), (_NUM, 2, 9))
    matrix = RANDOM.standard_normal((36, 5))
    found = evaluate_call(GraphCall("matmul", (0, 1), {}, 2), [found, matrix], flat @ matrix)
    assert (found.part, found.array.shape) == (None, (_NUM, 2, 5))
