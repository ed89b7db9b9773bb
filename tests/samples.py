"""Calls of every primitive, from which tests are derived: `SAMPLES[name]` is a list of inputs and params.

Every sample of floats is there twice, in float64 and float32. Those at which numeric derivatives exist name
the inputs to differentiate by; the others hold ties, special values and dtypes without derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.autodiff import Array

RANDOM = np.random.default_rng(20)
SPECIAL = np.array([-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan])


@dataclass(frozen=True)
class Sample:
    """One call: ``primitive(*inputs, **params)``, and the indices of the inputs it can be differentiated by."""

    inputs: tuple[Array, ...]
    params: dict[str, Any] = field(default_factory=dict)
    differentiable: tuple[int, ...] = ()

    def to(self, dtype: str) -> Sample:
        """The same call with its floats in another dtype."""
        inputs = tuple(x.astype(dtype) if x.dtype.kind == "f" else x for x in self.inputs)
        return Sample(inputs, self.params, self.differentiable)


def smooth(*inputs: Array, by: tuple[int, ...] | None = None, **params: Any) -> Sample:
    """A call that can be differentiated by its float inputs, or only those at the indices ``by``."""
    floats = tuple(i for i, x in enumerate(inputs) if x.dtype.kind == "f")
    return Sample(inputs, params, floats if by is None else by)


def rough(*inputs: Array, **params: Any) -> Sample:
    """A call without numeric derivatives."""
    return Sample(inputs, params)


def normal(*shape: int) -> Array:
    return np.asarray(RANDOM.standard_normal(shape))


def positive(*shape: int) -> Array:
    return np.asarray(RANDOM.uniform(0.5, 2.0, shape))


def away(*shape: int) -> Array:
    """Numbers of both signs, none near zero."""
    return np.asarray(positive(*shape) * RANDOM.choice([-1.0, 1.0], shape))


def apart(*shapes: tuple[int, ...]) -> list[Array]:
    """Arrays in which no two numbers are near to each other."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    pool = RANDOM.permutation(np.linspace(-2.0, 2.0, sum(sizes) + 2)[1:-1])
    parts = np.split(pool, np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def whole(*shape: int, low: int = -5, high: int = 6, dtype: str = "int64") -> Array:
    return np.asarray(RANDOM.integers(low, high, shape, dtype=dtype))


def truth(*shape: int) -> Array:
    return np.asarray(RANDOM.random(shape) < 0.5)


SHAPES = [(), (1,), (3,), (2, 3), (2, 1, 3), (0,), (2, 0)]
SHAPE_PAIRS = [
    ((), ()),
    ((3,), ()),
    ((), (2, 3)),
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((4, 1, 3), (2, 1)),
    ((1,), (1,)),
    ((1, 1), (5,)),
    ((0,), ()),
    ((0, 3), (1, 3)),
    ((2, 1), (2, 0)),
]


def _elementwise() -> dict[str, list[Sample]]:
    ways: dict[str, Callable[..., Array]] = {
        "negative": normal,
        "absolute": away,
        "exp": normal,
        "log": positive,
        "sqrt": positive,
        "sin": normal,
        "cos": normal,
        "tanh": normal,
        "sigmoid": normal,
        "erf": normal,
        "relu": away,
        "sign": away,
        "step": away,
        "floor": lambda *shape: whole(*shape) + np.asarray(RANDOM.uniform(0.2, 0.8, shape)),
    }
    samples = {name: [smooth(way(*shape)) for shape in SHAPES] for name, way in ways.items()}
    for name in ("negative", "absolute", "exp", "tanh", "erf", "relu", "floor"):
        samples[name].append(rough(SPECIAL))
    for name in ("negative", "absolute", "sign"):
        samples[name].append(rough(whole(2, 3)))
    for name in ("sign", "step"):
        samples[name].append(rough(SPECIAL[:-1]))  # nan comes out as nan here and as 0 there
    samples["floor"].append(rough(np.array([-1.0, -0.5, 0.5, 2.0])))
    samples["sigmoid"].append(rough(np.array([-1000.0, -30.0, 0.0, 30.0, 1000.0, np.inf, -np.inf])))
    samples["log"].append(rough(np.array([1e-30, 1.0, 1e30, np.inf])))
    samples["sqrt"].append(rough(np.array([0.0, 4.0, np.inf])))
    samples["stop_gradient"] = [rough(normal(2, 3)), rough(whole(3)), rough(truth(2))]
    return samples


def _two_inputs() -> dict[str, list[Sample]]:
    samples = {
        name: [smooth(normal(*a), normal(*b)) for a, b in SHAPE_PAIRS] for name in ("add", "subtract", "multiply")
    }
    samples["divide"] = [smooth(normal(*a), away(*b)) for a, b in SHAPE_PAIRS]
    samples["power"] = [smooth(positive(*a), normal(*b)) for a, b in SHAPE_PAIRS]
    samples["power"] += [smooth(away(2, 3), np.asarray(2.0), by=(0,)), smooth(away(3), np.asarray(-1.0), by=(0,))]
    samples["power"] += [rough(np.array([0.0, -1.0, 4.0]), np.array([2.0, 3.0, 0.5])), rough(whole(4), np.asarray(2))]
    for name in ("add", "subtract", "multiply"):
        samples[name].append(rough(whole(2, 3), whole(3)))
    for name in ("maximum", "minimum"):
        samples[name] = [smooth(*apart(a, b)) for a, b in SHAPE_PAIRS]
        samples[name] += [rough(np.array([1.0, 0.0, 2.0]), np.array([1.0, 0.0, 3.0])), rough(whole(2, 3), whole(3))]
        samples[name].append(rough(np.array([np.inf, -np.inf]), np.array([-np.inf, np.inf])))
    for name in ("equal", "greater", "greater_equal"):
        samples[name] = [rough(whole(*a, high=-2), whole(*b, high=-2)) for a, b in SHAPE_PAIRS]
        samples[name] += [rough(normal(2, 3), normal(3)), rough(whole(2, 3) * 1.0, whole(3) * 1.0)]
        samples[name].append(rough(SPECIAL, SPECIAL[:, None]))
    samples["where"] = [
        smooth(truth(2, 3), normal(2, 3), normal(2, 3)),
        smooth(truth(2, 1), normal(3), normal(1, 1)),
        smooth(truth(3), normal(), normal(2, 1)),
        smooth(truth(), normal(2), normal()),
        smooth(truth(0), normal(), normal(0)),
        rough(truth(3), whole(3), whole()),
        rough(truth(3), truth(3), truth(1)),
        rough(truth(7), SPECIAL, -SPECIAL),
    ]
    return samples


def _movement() -> dict[str, list[Sample]]:
    return {
        "reshape_to": [
            smooth(normal(*a), shape=b)
            for a, b in [((2, 6), (3, 4)), ((), (1, 1)), ((1,), ()), ((2, 3, 4), (24,)), ((0, 3), (3, 0, 2))]
        ]
        + [rough(whole(4), shape=(2, 2)), rough(truth(4), shape=(1, 4))],
        "transpose": [
            smooth(normal(*a), axes=b)
            for a, b in [
                ((), ()),
                ((3,), (0,)),
                ((2, 3), (1, 0)),
                ((2, 3, 4), (2, 0, 1)),
                ((1, 3, 2, 2), (0, 2, 3, 1)),
                ((0, 2), (1, 0)),
            ]
        ]
        + [rough(whole(2, 3), axes=(1, 0))],
        "pad": [
            smooth(normal(3), before=(1,), after=(2,), value=0.0),
            smooth(normal(2, 3), before=(0, 1), after=(2, 0), value=1.5),
            smooth(normal(1, 2, 1), before=(0, 0, 0), after=(0, 0, 0), value=0.0),
            smooth(normal(0, 2), before=(1, 1), after=(1, 0), value=-1.0),
            smooth(normal(), before=(), after=(), value=0.0),
            rough(whole(2, 2), before=(1, 0), after=(0, 1), value=0.0),
            rough(normal(2), before=(1,), after=(0,), value=-np.inf),
        ],
        "slice_of": [
            smooth(normal(5), start=(1,), stop=(4,)),
            smooth(normal(3, 4), start=(0, 2), stop=(3, 3)),
            smooth(normal(2, 3, 4), start=(1, 0, 1), stop=(2, 3, 3)),
            smooth(normal(3, 2), start=(1, 0), stop=(1, 2)),
            smooth(normal(), start=(), stop=()),
            rough(whole(4), start=(2,), stop=(4,)),
        ],
        "concatenate_parts": [
            smooth(normal(2), normal(3), axis=0),
            smooth(normal(2, 1), normal(2, 3), normal(2, 2), axis=1),
            smooth(normal(1, 2, 3), normal(4, 2, 3), axis=0),
            smooth(normal(2, 3), axis=0),
            smooth(normal(0, 2), normal(2, 2), axis=0),
            rough(whole(2), whole(1), axis=0),
            rough(truth(2), truth(1), axis=0),
        ],
        "flip": [
            smooth(normal(4), axes=(0,)),
            smooth(normal(2, 3), axes=(1,)),
            smooth(normal(2, 3, 2), axes=(0, 2)),
            smooth(normal(0, 2), axes=(0,)),
            smooth(normal(2), axes=()),
            rough(whole(3), axes=(0,)),
        ],
        "broadcast_to": [
            smooth(normal(*a), shape=b)
            for a, b in [
                ((), (2, 3)),
                ((3,), (2, 3)),
                ((2, 1), (2, 3)),
                ((1, 1), (4, 2)),
                ((2, 1, 3), (5, 2, 4, 3)),
                ((2, 3), (2, 3)),
                ((1,), (0,)),
                ((), ()),
            ]
        ]
        + [rough(whole(1, 2), shape=(3, 2)), rough(truth(2, 1), shape=(2, 2))],
        "cast_to": [
            smooth(normal(2, 3), dtype="float64"),
            smooth(normal(), dtype="float64"),
            rough(normal(3), dtype="float32"),
            rough(whole(3), dtype="float32"),
            rough(truth(3), dtype="float32"),
            rough(truth(2, 2), dtype="int64"),
            rough(normal(4), dtype="int64"),
            rough(whole(3, low=0, dtype="uint8"), dtype="float32"),
            rough(normal(0), dtype="float32"),
        ],
    }


def _reduction() -> dict[str, list[Sample]]:
    cases: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((), ()),
        ((4,), (0,)),
        ((2, 3), (0,)),
        ((2, 3), (1,)),
        ((2, 3), (0, 1)),
        ((2, 3), ()),
        ((2, 3, 4), (0, 2)),
        ((1, 3), (0,)),
        ((0, 3), (1,)),
    ]
    sums = [smooth(normal(*shape), axes=axes, keepdims=keep) for shape, axes in cases for keep in (False, True)]
    maxima = [smooth(*apart(shape), axes=axes, keepdims=keep) for shape, axes in cases for keep in (False, True)]
    return {
        "reduce_sum": [
            *sums,
            smooth(normal(0, 3), axes=(0,), keepdims=False),
            rough(whole(2, 3), axes=(1,), keepdims=True),
        ],
        "reduce_max": [
            *maxima,
            rough(whole(3, 4), axes=(0,), keepdims=False),
            rough(np.zeros((2, 3)), axes=(0,), keepdims=True),
            rough(np.array([[1.0, np.inf], [-np.inf, -np.inf]]), axes=(1,), keepdims=False),
        ],
        "argmax": [
            rough(normal(4), axis=0),
            rough(normal(2, 3), axis=0),
            rough(normal(2, 3, 4), axis=1),
            rough(whole(3, 5), axis=1),
            rough(np.zeros((2, 3)), axis=1),
            rough(normal(3, 1), axis=1),
            rough(normal(0, 3), axis=1),
        ],
    }


def _matmul() -> list[Sample]:
    cases = [
        ((2, 3), (3, 4)),
        ((1, 1), (1, 1)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 1)),
        ((2, 1, 2, 3), (4, 3, 2)),
        ((0, 3), (3, 2)),
        ((2, 0), (0, 2)),
        ((1, 2, 2), (3, 2, 2)),
    ]
    return [smooth(normal(*a), normal(*b)) for a, b in cases] + [rough(whole(2, 3), whole(3, 2))]


# (batch, in channels, out channels, groups), image, kernel, stride, padding
CONVOLUTIONS = [
    ((1, 1, 1, 1), (3, 3), (1, 1), (1, 1), (0, 0)),
    ((2, 3, 4, 1), (5, 6), (3, 3), (1, 1), (1, 1)),
    ((2, 2, 3, 1), (7, 5), (3, 2), (2, 1), (0, 1)),
    ((1, 4, 6, 2), (6, 6), (2, 2), (2, 2), (0, 0)),
    ((2, 3, 3, 3), (5, 5), (3, 3), (2, 2), (1, 1)),
    ((1, 2, 2, 1), (6, 7), (4, 1), (3, 2), (2, 0)),
    ((1, 2, 4, 2), (4, 4), (4, 4), (1, 1), (0, 0)),
    ((2, 1, 2, 1), (8, 4), (2, 3), (3, 3), (1, 2)),
    ((0, 2, 2, 1), (4, 4), (3, 3), (1, 1), (1, 1)),
]


def _convolution() -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {"conv2d_with": [], "conv2d_input_gradient": [], "conv2d_weight_gradient": []}
    for (batch, inner, outer, groups), size, kernel, stride, padding in CONVOLUTIONS:
        how: dict[str, Any] = {"stride": stride, "padding": padding, "groups": groups}
        x, w = normal(batch, inner, *size), normal(outer, inner // groups, *kernel)
        g = normal(batch, outer, *_pooled(size, kernel, stride, padding))
        samples["conv2d_with"].append(smooth(x, w, **how))
        samples["conv2d_input_gradient"].append(smooth(g, w, input_size=size, **how))
        samples["conv2d_weight_gradient"].append(smooth(x, g, kernel=kernel, **how))
    return samples


def _pooled(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> list[int]:
    return [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True)]


# images (B, C, H, W), kernel, stride, padding; the third and fifth overlap, the fourth leaves pixels out
POOLINGS = [
    ((2, 3, 4, 6), (2, 2), (2, 2), (0, 0)),
    ((1, 2, 5, 7), (2, 3), (2, 3), (0, 0)),
    ((2, 1, 7, 6), (3, 3), (2, 2), (1, 1)),
    ((1, 1, 6, 8), (2, 1), (3, 4), (0, 0)),
    ((1, 2, 5, 5), (3, 2), (1, 1), (0, 1)),
    ((1, 1, 4, 4), (4, 4), (1, 1), (2, 2)),
    ((1, 1, 1, 1), (1, 1), (1, 1), (0, 0)),
    ((0, 2, 4, 4), (2, 2), (2, 2), (0, 0)),
]


def _pooling() -> dict[str, list[Sample]]:
    names = ["max_pool2d_with", "max_pool2d_gradient", "max_pool2d_pick", "avg_pool2d_with", "avg_pool2d_gradient"]
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for shape, kernel, stride, padding in POOLINGS:
        how: dict[str, Any] = {"kernel": kernel, "stride": stride, "padding": padding}
        x = apart(shape)[0]
        pooled = (*shape[:2], *_pooled(shape[2:], **how))
        out = _window_maxima(x, pooled, **how)
        samples["max_pool2d_with"].append(smooth(x, **how))
        samples["max_pool2d_gradient"].append(smooth(normal(*pooled), x, out, by=(0,), **how))
        samples["max_pool2d_pick"].append(smooth(normal(*shape), x, out, by=(0,), **how))
        samples["avg_pool2d_with"].append(smooth(normal(*shape), **how))
        samples["avg_pool2d_gradient"].append(smooth(normal(*pooled), input_size=shape[2:], **how))
    samples["max_pool2d_with"].append(rough(np.zeros((1, 1, 4, 4)), kernel=(2, 2), stride=(2, 2), padding=(0, 0)))
    samples["upsample_nearest2d"] = [
        smooth(normal(2, 3, 2, 3), scale=(2, 2)),
        smooth(normal(1, 1, 1, 2), scale=(1, 3)),
        smooth(normal(1, 2, 3, 1), scale=(3, 1)),
        smooth(normal(1, 1, 2, 2), scale=(1, 1)),
        smooth(normal(0, 1, 2, 2), scale=(2, 2)),
    ]
    return samples


def _window_maxima(x: Array, pooled: tuple[int, ...], kernel: Any, stride: Any, padding: Any) -> Array:
    around = [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2]
    padded, out = np.pad(x, around, constant_values=-np.inf), np.empty(pooled)
    for i in range(pooled[2]):
        for j in range(pooled[3]):
            top, left = i * stride[0], j * stride[1]
            out[:, :, i, j] = padded[:, :, top : top + kernel[0], left : left + kernel[1]].max((2, 3))
    return out


def _indexing() -> dict[str, list[Sample]]:
    def some(size: int, *shape: int) -> Array:
        return whole(*shape, low=0, high=size)

    return {
        "take": [
            smooth(normal(5), some(5, 3), axis=0),
            smooth(normal(4, 3), some(4, 2, 2), axis=0),
            smooth(normal(2, 3, 4), some(3, 5), axis=1),
            smooth(normal(3, 2), np.asarray(1), axis=0),
            smooth(normal(2, 3), np.array([2, 2, 0, 2]), axis=1),
            smooth(normal(3, 2), some(3, 0), axis=0),
            smooth(normal(3), some(3, 2).astype("int32"), axis=0),
            rough(whole(4), some(4, 3), axis=0),
        ],
        "scatter_add": [
            smooth(normal(3), some(5, 3), axis=0, size=5),
            smooth(normal(2, 2, 3), some(4, 2, 2), axis=0, size=4),
            smooth(normal(2, 5, 4), some(3, 5), axis=1, size=3),
            smooth(normal(2), np.asarray(1), axis=0, size=3),
            smooth(normal(2, 4), np.array([2, 2, 0, 2]), axis=1, size=3),
            smooth(normal(0, 2), some(3, 0), axis=0, size=3),
            smooth(normal(3), some(3, 3).astype("int32"), axis=0, size=4),
            rough(whole(3), some(4, 3), axis=0, size=4),
        ],
    }


def _normalization() -> dict[str, list[Sample]]:
    cases: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((6,), (0,)),
        ((3, 4), (1,)),
        ((4, 3), (0,)),
        ((3, 2, 4, 2), (0, 2, 3)),
        ((2, 3, 4), (1, 2)),
        ((2, 5, 1), (1,)),
    ]
    samples: dict[str, list[Sample]] = {"normalize": [], "normalize_gradient": []}
    for shape, axes in cases:
        for eps in (1e-5, 0.1):
            samples["normalize"].append(smooth(normal(*shape) * 2.0 + 1.0, axes=axes, eps=eps))
            samples["normalize_gradient"].append(smooth(normal(*shape), normal(*shape) * 2.0 + 1.0, axes=axes, eps=eps))
    samples["normalize"].append(rough(np.ones((3, 4)), axes=(1,), eps=1e-5))
    return samples


def _activation() -> dict[str, list[Sample]]:
    far = np.array([-1000.0, -30.0, -6.0, -1.0, 0.0, 1.0, 6.0, 30.0, 1000.0])
    return {
        "gelu": [*(smooth(normal(*shape) * 2.0) for shape in SHAPES), rough(far)],
        "gelu_gradient": [
            *(smooth(normal(*shape), normal(*shape) * 2.0) for shape in SHAPES),
            rough(np.linspace(-2.0, 2.0, 9), far),
        ],
    }


def _in_both_dtypes(samples: list[Sample]) -> list[Sample]:
    with_floats = [sample for sample in samples if any(x.dtype.kind == "f" for x in sample.inputs)]
    return samples + [sample.to("float32") for sample in with_floats]


def _collectives() -> dict[str, list[Sample]]:
    """Of one process."""
    names = ("begin_mean", "end_mean", "mean_gradient", "mean_over_processes")
    return {name: [smooth(normal(2, 3)), smooth(normal())] for name in names}


SAMPLES: dict[str, list[Sample]] = {
    name: _in_both_dtypes(samples)
    for name, samples in {
        **_elementwise(),
        **_two_inputs(),
        **_movement(),
        **_reduction(),
        "matmul": _matmul(),
        **_convolution(),
        **_pooling(),
        **_indexing(),
        **_normalization(),
        **_activation(),
        **_collectives(),
    }.items()
}
