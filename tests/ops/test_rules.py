"""What every primitive must hold, because it is in the registry: its rules agree with each other."""

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from glassnet import ops
from glassnet.autodiff import (
    PRIMITIVES,
    GradientCheckError,
    Primitive,
    Tensor,
    check_grads,
    placeholder,
    pullback,
    tensor,
)
from glassnet.errors import ShapeError
from tests.samples import SAMPLES, Sample

EVERY = [
    pytest.param(PRIMITIVES[name], sample, id=f"{name}-{i}")
    for name in SAMPLES
    for i, sample in enumerate(SAMPLES[name])
]
SMOOTH = [case for case in EVERY if case.values[1].differentiable]
DOUBLE = [case for case in SMOOTH if case.values[1].inputs[case.values[1].differentiable[0]].dtype == np.float64]


def check(primitive: Primitive, sample: Sample, order: int) -> None:
    """`check_grads` by the inputs that the sample can be differentiated by; the others stay as they are."""

    def function(*moving: Tensor) -> Tensor:
        inputs = [Tensor(x) for x in sample.inputs]
        for index, x in zip(sample.differentiable, moving, strict=True):
            inputs[index] = x
        return primitive(*inputs, **sample.params)

    check_grads(function, *(sample.inputs[i] for i in sample.differentiable), order=order)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_has_samples_and_docstring(name: str) -> None:
    assert PRIMITIVES[name].__doc__
    assert len(SAMPLES[name]) >= 3
    differentiable = {i for sample in SAMPLES[name] for i in sample.differentiable}
    vjps = PRIMITIVES[name].vjps
    assert vjps is not None
    with_rule = set(differentiable) if callable(vjps) else {i for i, rule in enumerate(vjps) if rule is not None}
    assert with_rule <= differentiable, "a vjp that no sample checks"


def test_no_samples_of_the_unknown() -> None:
    assert set(SAMPLES) == set(PRIMITIVES)


@pytest.mark.parametrize(("primitive", "sample"), EVERY)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # casting, comparing and powering nan and inf
def test_shape_rule_tells_what_comes_out(primitive: Primitive, sample: Sample) -> None:
    tensors = [Tensor(x) for x in sample.inputs]
    eager = primitive(*tensors, **sample.params)
    symbolic = primitive(*(placeholder(x.spec) for x in tensors), **sample.params)
    assert symbolic.is_symbolic
    assert eager.spec == symbolic.spec
    assert (eager.numpy().shape, eager.numpy().dtype) == (eager.shape, eager.dtype)
    assert all(type(n) is int for n in eager.shape)


@pytest.mark.parametrize(("primitive", "sample"), SMOOTH)
def test_cotangents_look_like_inputs(primitive: Primitive, sample: Sample) -> None:
    tensors = [Tensor(x) for x in sample.inputs]
    out = primitive(*tensors, **sample.params)
    cotangents = pullback(lambda *x: primitive(*x, **sample.params), Tensor(np.ones(out.shape, out.dtype)), *tensors)
    assert [c.spec for c in cotangents] == [x.spec for x in tensors]
    assert [(c.numpy().shape, c.numpy().dtype) for c in cotangents] == [(x.shape, x.dtype) for x in tensors]


@pytest.mark.parametrize(("primitive", "sample"), EVERY)
def test_vjps_read_no_values(primitive: Primitive, sample: Sample) -> None:
    """On placeholders a rule that looks at numbers raises GraphError: rules are written in primitives."""
    inputs = [placeholder(Tensor(x).spec) for x in sample.inputs]
    out = primitive(*inputs, **sample.params)
    for index, x in enumerate(inputs):
        rule = primitive.vjp(index)
        if rule is not None and x.dtype.kind == out.dtype.kind == "f":
            cotangent = rule(placeholder(out.spec), out, *inputs, **sample.params)
            assert cotangent.is_symbolic
            assert cotangent.spec == x.spec


@pytest.mark.parametrize(("primitive", "sample"), DOUBLE)
def test_gradients(primitive: Primitive, sample: Sample) -> None:
    check(primitive, sample, order=2)


@pytest.mark.parametrize(("primitive", "sample"), [case for case in EVERY if case.values[0].decompose])
def test_decomposition_is_the_same(primitive: Primitive, sample: Sample) -> None:
    assert primitive.decompose is not None
    tensors = [Tensor(x) for x in sample.inputs]
    whole = primitive(*tensors, **sample.params)
    parts = primitive.decompose(*tensors, **sample.params)
    assert parts.spec == whole.spec
    tolerance = 1e-12 if whole.dtype == np.float64 else 1e-4
    np.testing.assert_allclose(parts.numpy(), whole.numpy(), rtol=tolerance, atol=tolerance)


def rules() -> list[tuple[str, int]]:
    """Every vjp rule there is, as (primitive, index of the input)."""
    found = []
    for name, primitive in PRIMITIVES.items():
        inputs = {i for sample in SAMPLES[name] for i in sample.differentiable}
        found += [(name, i) for i in sorted(inputs) if primitive.vjp(i) is not None]
    return found


@pytest.mark.parametrize(("name", "index"), rules())
@pytest.mark.parametrize("spoil", [lambda x: -x, lambda x: x * 1.001, lambda x: x * 0.0], ids=["sign", "scale", "zero"])
def test_a_wrong_rule_is_caught(name: str, index: int, spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    """What proves that the gradient checks above prove something."""
    primitive = PRIMITIVES[name]
    right = primitive.vjp
    samples = [case.values[1] for case in DOUBLE if case.values[0] is primitive]

    def vjp(i: int):
        rule = right(i)
        return (lambda *args, **params: spoil(rule(*args, **params))) if i == index else rule

    count = max(len(sample.inputs) for sample in samples)
    spoiled = dataclasses.replace(primitive, vjps=vjp if callable(primitive.vjps) else [vjp(i) for i in range(count)])
    caught = 0
    for sample in samples:
        try:
            check(spoiled, sample, order=1)
        except GradientCheckError:
            caught += 1
    assert caught >= 1


def images(*shape: int) -> Tensor:
    return Tensor(np.ones(shape))


def integers(*values: int) -> Tensor:
    return Tensor(np.array(values))


WINDOW = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)}
MISTAKES = {
    "add-shapes": lambda: ops.max(images(2) + images(3)),
    "add-dtypes": lambda: images(2) + integers(1, 2),
    "add-bool": lambda: (images(2) > 0.0) + (images(2) > 0.0),
    "divide-int": lambda: integers(1) / integers(2),
    "negative-bool": lambda: -(images(2) > 0.0),
    "exp-int": lambda: ops.exp(integers(1)),
    "number": lambda: integers(1) * 0.5,
    "text": lambda: ops.exp("text"),
    "tensor-none": lambda: tensor(None),
    "where-condition": lambda: ops.where(images(2), images(2), images(2)),
    "where-shapes": lambda: ops.where(images(3) > 0.0, images(2), images(2)),
    "reshape": lambda: ops.reshape(images(2, 3), (4, 2)),
    "reshape-rest": lambda: ops.reshape(images(7), (-1, 3)),
    "transpose": lambda: ops.transpose(images(2, 3), axes=(0, 0)),
    "pad-count": lambda: ops.pad(images(2, 3), before=(1,), after=(1,), value=0.0),
    "pad-negative": lambda: ops.pad(images(2), before=(-1,), after=(1,), value=0.0),
    "slice": lambda: ops.slice_axis(images(2, 3), 1, 2, 5),
    "slice-axis": lambda: ops.slice_of(images(2), start=(0, 0), stop=(1, 1)),
    "concatenate-shapes": lambda: ops.concatenate([images(2, 3), images(2, 4)], axis=0),
    "concatenate-axis": lambda: ops.concatenate([images(2, 3), images(2, 3)], axis=2),
    "flip": lambda: ops.flip(images(2), axes=(1,)),
    "broadcast_to": lambda: ops.broadcast_to(images(2, 3), shape=(3,)),
    "broadcast_to-shapes": lambda: ops.broadcast_to(images(2), shape=(3,)),
    "sum-axis": lambda: ops.sum(images(2), 1),
    "sum-twice": lambda: ops.sum(images(2, 2), (0, 0)),
    "sum-bool": lambda: ops.sum(images(2) > 0.0),
    "max-empty": lambda: ops.max(images(0, 2), 0),
    "argmax-empty": lambda: ops.argmax(images(2, 0), axis=1),
    "argmax-axis": lambda: ops.argmax(images(2), axis=-1),
    "mean-empty": lambda: ops.mean(images(0)),
    "mean-int": lambda: ops.mean(integers(1, 2)),
    "matmul-inner": lambda: images(2, 3) @ images(2, 3),
    "matmul-vector": lambda: images(2, 3) @ images(3),
    "matmul-lead": lambda: images(2, 2, 3) @ images(4, 3, 2),
    "conv-rank": lambda: ops.conv2d(images(3, 4, 4), images(2, 3, 3, 3)),
    "conv-channels": lambda: ops.conv2d(images(1, 3, 4, 4), images(2, 2, 3, 3)),
    "conv-groups": lambda: ops.conv2d(images(1, 4, 4, 4), images(3, 2, 3, 3), groups=2),
    "conv-window": lambda: ops.conv2d(images(1, 3, 2, 2), images(2, 3, 3, 3)),
    "conv-stride": lambda: ops.conv2d(images(1, 3, 4, 4), images(2, 3, 3, 3), stride=0),
    "conv-padding": lambda: ops.conv2d(images(1, 3, 4, 4), images(2, 3, 3, 3), padding=-1),
    "transposed-rank": lambda: ops.conv_transpose2d(images(3, 4, 4), images(3, 2, 2, 2)),
    "transposed-channels": lambda: ops.conv_transpose2d(images(1, 3, 4, 4), images(2, 2, 2, 2)),
    "transposed-groups": lambda: ops.conv_transpose2d(images(1, 3, 4, 4), images(3, 2, 2, 2), groups=2),
    "weight-gradient": lambda: PRIMITIVES["conv2d_weight_gradient"](
        images(1, 3, 4, 4), images(1, 2, 4, 4), kernel=(3, 3), stride=(1, 1), padding=(0, 0), groups=1
    ),
    "pool-rank": lambda: ops.max_pool2d(images(4, 4), 2),
    "pool-int": lambda: ops.max_pool2d(Tensor(np.ones((1, 1, 4, 4), np.int64)), 2),
    "pool-padding": lambda: ops.avg_pool2d(images(1, 1, 4, 4), 2, padding=2),
    "pool-window": lambda: ops.max_pool2d(images(1, 1, 2, 2), 3),
    "max_pool2d_gradient": lambda: PRIMITIVES["max_pool2d_gradient"](
        images(1, 1, 3, 3), images(1, 1, 4, 4), images(1, 1, 2, 2), **WINDOW
    ),
    "max_pool2d_pick": lambda: PRIMITIVES["max_pool2d_pick"](
        images(1, 1, 6, 6), images(1, 1, 4, 4), images(1, 1, 2, 2), **WINDOW
    ),
    "avg_pool2d_gradient": lambda: PRIMITIVES["avg_pool2d_gradient"](images(1, 1, 3, 3), input_size=(4, 4), **WINDOW),
    "upsample": lambda: ops.upsample_nearest(images(4, 4), 2),
    "take-float": lambda: ops.take(images(3), images(2), axis=0),
    "take-axis": lambda: ops.take(images(3), integers(1), axis=1),
    "scatter-float": lambda: ops.scatter_add(images(3), images(3), axis=0, size=4),
    "scatter-shape": lambda: ops.scatter_add(images(3), integers(1, 2), axis=0, size=4),
    "scatter-axis": lambda: ops.scatter_add(images(3), Tensor(np.array(0)), axis=2, size=4),
    "gelu-int": lambda: ops.gelu(integers(1, 2)),
    "gelu_gradient": lambda: PRIMITIVES["gelu_gradient"](images(3), images(2)),
    "normalize-int": lambda: ops.normalize(integers(1, 2), axes=(0,), eps=1e-5),
    "normalize-axes": lambda: ops.normalize(images(2), axes=(1,), eps=1e-5),
    "normalize-none": lambda: ops.normalize(images(2), axes=(), eps=1e-5),
    "normalize_gradient": lambda: PRIMITIVES["normalize_gradient"](images(3), images(2), axes=(0,), eps=1e-5),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_explained(name: str) -> None:
    with pytest.raises(ShapeError) as caught:
        MISTAKES[name]()
    message = str(caught.value)
    assert message.startswith("expected ")
    assert "; got " in message
    assert ". To fix: " in message
    assert message.endswith(".")
    assert "  " not in message


def test_every_complaint_is_provoked() -> None:
    """No message of `ops` goes unread: each `raise` is reached by one of the mistakes."""
    reached = set()
    for mistake in MISTAKES.values():
        with pytest.raises(ShapeError) as caught:
            mistake()
        reached |= {(Path(str(entry.path)).name, entry.lineno + 1) for entry in caught.traceback}
    for file in Path(ops.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                assert any((file.name, line) in reached for line in lines), f"{file.name}:{node.lineno}"
