"""Whole networks as one graph, several steps: onnx beside the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from glassnet.autodiff import Array, ArraySpec
from glassnet.errors import MissingRuleError, RuntimeUnavailableError, SettingsError
from glassnet.graph import Graph, trace
from glassnet.nn import Module
from glassnet.ops import erf, flip, take
from glassnet.ops import sum as total
from glassnet.optim import SGD, AdamW, Optimizer
from glassnet.runtimes import NumpyRuntime, get_runtime
from glassnet.runtimes.onnx_lowering import RULES
from glassnet.tasks import settings_for
from glassnet.tasks.houses import Houses
from glassnet.training.randomness import draw_inputs, generator
from glassnet.training.step import build_step
from tests.networks import images, mlp, normalized_conv_net, odd_net, residual_net, scalars, step_graph

RUNTIMES = ["numpy", "onnx", "torch"]


@dataclass(frozen=True)
class Case:
    make: Callable[[np.random.Generator], Module]
    batch: dict[str, Array]
    optimizer: Optimizer


def flat(num: int) -> dict[str, Array]:
    batch = images(num, 4)
    return {"x": batch["x"].reshape(num, -1), "labels": batch["labels"]}


CASES = {
    "mlp": Case(lambda random: mlp(random, 48, 32, 10), flat(16), SGD(0.1, 0.9, 1e-3, nesterov=True)),
    "conv net with batch norm": Case(normalized_conv_net, images(8, 8), SGD(0.05, 0.9)),
    "residual net": Case(residual_net, images(4, 8), AdamW(1e-3, 0.1)),
    "poolings that leave a row out": Case(odd_net, images(8, 11), SGD(0.05, 0.9)),
}


def run(runtime: str, graph: Graph, initial: dict[str, Array], steps: list[dict[str, Array]]) -> dict[str, Array]:
    """All results and the state at the end."""
    executable = get_runtime(runtime).compile(graph)
    executable.load(initial)
    results = [executable(inputs) for inputs in steps]
    named = {f"{name} {i}": array for i, result in enumerate(results) for name, array in result.items()}
    return {**named, **executable.carried()}


def assert_close(got: dict[str, Array], expected: dict[str, Array], tolerance: float) -> None:
    """To ``tolerance`` of the largest element of each array (or of 1, where all are small)."""
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].dtype == array.dtype
        assert np.abs(got[name] - array).max() <= tolerance * max(1.0, np.abs(array).max()), name


@pytest.mark.parametrize("name", CASES)
def test_a_network_trains_alike(name: str) -> None:
    case = CASES[name]
    model = case.make(np.random.default_rng(0))
    graph, initial = step_graph(model, case.batch, case.optimizer)
    steps = [{**case.batch, **scalars(graph, case.optimizer, i)} for i in range(1, 6)]
    expected = run("numpy", graph, initial, steps)
    assert expected["loss 4"] < expected["loss 0"]
    for runtime in ("onnx", "torch"):
        assert_close(run(runtime, graph, initial, steps), expected, 2e-4)
    for name, array in initial.items():
        assert not np.array_equal(expected[name], array), f"{name} did not move"


@pytest.mark.slow
def test_the_step_of_houses_trains_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.data.houses.GENERATED_COUNT", 60)
    settings = settings_for("houses", {"data": "generated", "steps": 3, "batch_size": 4})
    task = Houses(settings, NumpyRuntime())
    step = build_step(task, task.model(generator(0, "initialization")), settings)
    specs = step.graph.input_specs()
    plain = {"ema_decay": 0.9, "max_gradient_norm": 1.0}
    plain |= {f"hyper/{name}": value for name, value in step.hyperparameters.items()}
    steps = [
        {
            "batch/images": task.training["images"][4 * i : 4 * i + 4],
            "batch/epoch": np.zeros(4, np.float32),
            **{name: np.asarray(value, specs[name].dtype) for name, value in {**plain, "step": i + 1}.items()},
            **draw_inputs(step.graph, generator(0, "step", i)),
        }
        for i in range(3)
    ]
    expected, got, on_torch = (run(runtime, step.graph, step.initial, steps) for runtime in RUNTIMES)
    assert_close(got, expected, 1e-3)
    assert_close(on_torch, expected, 1e-3)
    moved = [name for name, array in step.initial.items() if not np.array_equal(got[name], array)]
    assert moved == list(step.initial)


VECTOR = ArraySpec((3,), np.dtype("float32"))
ONES = np.ones(3, np.float32)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_carried_values_go_on(runtime: str) -> None:
    graph = trace(
        lambda t, _: {"w": t["v"] + t["x"], "v": t["w"] * 2.0, "y": total(t["w"])},
        {"w": VECTOR, "v": VECTOR, "x": VECTOR},
        carried=["w", "v"],
    )
    executable = get_runtime(runtime).compile(graph)
    executable.load({"w": ONES, "v": ONES * 10.0})
    w, v = ONES, ONES * 10.0
    for step in range(5):
        x = ONES * step
        assert executable({"x": x})["y"] == w.sum()
        w, v = v + x, w * 2.0
        np.testing.assert_array_equal(executable.carried()["w"], w)
        np.testing.assert_array_equal(executable.carried()["v"], v)
    executable.load({"w": ONES, "v": ONES})
    assert executable({"x": ONES})["y"] == 3.0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_nobody_else_holds_the_state(runtime: str) -> None:
    """Not the caller who loaded it, nor who asked for it, nor whose input it was, nor who got it as a result."""
    graph = trace(
        lambda t, _: {"w": t["w"] * 1.0, "copy": t["w"] * 1.0, "last": t["x"], "kept": t["kept"]},
        {"w": VECTOR, "last": VECTOR, "kept": VECTOR, "x": VECTOR},
        carried=["w", "last", "kept"],
    )
    executable = get_runtime(runtime).compile(graph)
    given = {name: ONES.copy() for name in graph.carried}
    executable.load(given)
    x = ONES.copy()
    handed_out = [executable({"x": x}), executable.carried(), given, {"x": x}]
    for arrays in handed_out:
        for array in arrays.values():
            array[...] = -7.0
    for array in executable.carried().values():
        np.testing.assert_array_equal(array, ONES)
    np.testing.assert_array_equal(executable({"x": ONES})["copy"], ONES)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_results_of_one_step_survive_the_next(runtime: str) -> None:
    graph = trace(lambda t, _: {"y": t["x"] + 1.0, "x2": flip(t["x"], axes=(0,))}, {"x": VECTOR})
    executable = get_runtime(runtime).compile(graph)
    first = executable({"x": ONES})
    executable({"x": ONES * 100.0})
    np.testing.assert_array_equal(first["y"], ONES * 2.0)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_inputs_may_lie_anyhow_in_memory(runtime: str) -> None:
    spec = ArraySpec((2, 3), np.dtype("float32"))
    graph = trace(lambda t, _: {"w": t["w"] + t["x"]}, {"w": spec, "x": spec}, carried=["w"])
    executable = get_runtime(runtime).compile(graph)
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    executable.load({"w": table.T})
    executable({"x": table.T})
    np.testing.assert_array_equal(executable.carried()["w"], table.T * 2)
    executable({"x": np.broadcast_to(np.float32(1.0), (2, 3))})
    np.testing.assert_array_equal(executable.carried()["w"], table.T * 2 + 1)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_is_held_is_given_once(runtime: str) -> None:
    """All examples stay where the graph runs; a step says which of them it takes."""
    graph = trace(
        lambda t, _: {"w": t["w"] + total(take(t["examples"], t["indices"], axis=0), 0)},
        {
            "w": VECTOR,
            "examples": ArraySpec((5, 3), np.dtype("float32")),
            "indices": ArraySpec((2,), np.dtype("int64")),
        },
        carried=["w"],
    )
    executable = get_runtime(runtime).compile(graph)
    executable.load({"w": ONES})
    examples = np.arange(15, dtype=np.float32).reshape(5, 3)
    executable.hold({"examples": np.asfortranarray(examples)})
    expected = ONES
    for indices in (np.array([0, 4]), np.array([3, 3])):
        executable({"indices": indices})
        expected = expected + examples[indices].sum(0)
        np.testing.assert_array_equal(executable.carried()["w"], expected)


def test_a_missing_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RULES, "erf")  # type: ignore[misc]
    graph = trace(lambda t, _: {"y": erf(t["x"])}, {"x": VECTOR})
    with pytest.raises(MissingRuleError, match=r"^expected an ONNX rule for primitive 'erf'; got none\. To fix: "):
        get_runtime("onnx").compile(graph)


def test_double_precision_on_onnx() -> None:
    graph = trace(lambda t, _: {"y": t["x"] + 1.0}, {"x": ArraySpec((3,), np.dtype("float64"))})
    with pytest.raises(RuntimeUnavailableError, match=r"^expected float32.*; got float64 for 'x'\. To fix: .*numpy"):
        get_runtime("onnx").compile(graph)
    assert get_runtime("numpy").compile(graph)({"x": np.ones(3)})["y"].dtype == np.float64


@pytest.mark.parametrize(
    ("name", "device", "precision", "message"),
    [
        ("jax", "auto", "auto", "expected --runtime auto, onnx, torch or numpy; got jax"),
        ("numpy", "cuda", "auto", "expected --runtime torch for --device cuda; got --runtime numpy"),
        ("onnx", "auto", "bfloat16", "expected --runtime torch for --precision bfloat16; got --runtime onnx"),
    ],
)
def test_what_does_not_fit(name: str, device: str, precision: str, message: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{message}\. To fix: "):
        get_runtime(name, device, precision)


def test_names() -> None:
    assert [get_runtime(name).name for name in ("auto", "onnx", "numpy", "torch")] == ["onnx", "onnx", "numpy", "torch"]
    assert get_runtime("onnx", "cpu").name == "onnx"
    assert get_runtime("auto", "cpu", "bfloat16").name == "torch"
