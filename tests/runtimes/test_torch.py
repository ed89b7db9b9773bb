"""What is particular to the torch runtime: fusions, low precision, captured steps, and what it says without a GPU."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.errors import MissingRuleError, RuntimeUnavailableError
from glassnet.graph import Graph, evaluate, trace
from glassnet.models import classifier
from glassnet.nn import Module, cross_entropy
from glassnet.ops import Random, reshape
from glassnet.runtimes import get_runtime, torch_lowering
from glassnet.runtimes.torch import CapturedExecutable, TorchExecutable, TorchRuntime, compile_function
from glassnet.training import Settings
from glassnet.training.step import TrainingStep, build_step, under

CPU = torch.device("cpu")


class Pictures:
    """A task of random pictures, for its training step."""

    name = source = "pictures"

    def __init__(self, num: int) -> None:
        generator = np.random.default_rng(0)
        images = generator.integers(0, 256, (num, 3, 16, 16)).astype(np.uint8)
        self.training = self.validation = {"images": images, "labels": generator.integers(0, 10, num)}

    def loss(self, model: Module, batch: dict[str, Tensor], random: Random) -> Tensor:
        return cross_entropy(model(batch["images"]), batch["labels"])


def step_of(model: str, optimizer: str) -> tuple[TrainingStep, dict[str, Array]]:
    """A training step on 8 pictures, and its inputs."""
    task = Pictures(8)
    network = classifier(model, np.random.default_rng(1), 10, task.training["images"])
    settings = Settings("pictures", steps=1, batch_size=8, optimizer=optimizer, vector_ratio=0.2)
    step = build_step(task, network, settings)  # type: ignore[arg-type]
    inputs = {**under("batch", task.training), "batch/epoch": np.zeros(8, np.float32)}
    return step, {**inputs, **step.scalars(1, 0.9, 1e9, learning_rate=1e-2, weight_decay=1e-3)}


def run(
    executable: TorchExecutable | CapturedExecutable, step: TrainingStep, inputs: dict[str, Array]
) -> dict[str, Array]:
    executable.load(step.initial)
    results = executable(inputs)
    return {**results, **executable.carried()}


def compiled(graph: Graph, low: str | None = None) -> TorchExecutable:
    return TorchExecutable(graph, *compile_function(graph, low, CPU))


def changes(step: TrainingStep, state: dict[str, Array]) -> dict[str, Array]:
    """How far each carried array has moved."""
    return {name: state[name] - array for name, array in step.initial.items()}


def relative(got: Array, expected: Array) -> float:
    return float(np.linalg.norm(got - expected) / max(np.linalg.norm(expected), 1e-12))


@pytest.mark.parametrize(
    ("model", "optimizer"), [("convnetjs", "adamw"), ("batchnorm", "muon"), ("fast", "muon"), ("resnet", "sgd")]
)
@pytest.mark.slow
def test_whole_steps_of_the_classifiers(model: str, optimizer: str) -> None:
    """Every weight, moment, average and running statistic moves as in the reference."""
    step, inputs = step_of(model, optimizer)
    expected = evaluate(step.graph, {**inputs, **step.initial})
    got = run(compiled(step.graph), step, inputs)
    np.testing.assert_allclose(got["loss"], expected["loss"], rtol=1e-5)
    moved = changes(step, got)
    for name, change in changes(step, expected).items():
        assert relative(moved[name], change) < 5e-3, name


def test_fusions_replace_what_they_fuse() -> None:
    """One line for both gradients of a convolution, one for each direction of a normalization."""
    step, _ = step_of("resnet", "sgd")
    source = compiled(step.graph).source
    convolutions, normalizations = 8, 8
    assert source.count("torch.conv2d(") == source.count("convolution_backward") == convolutions
    assert source.count("torch.native_batch_norm(") == source.count("native_batch_norm_backward") == normalizations
    assert source.count("threshold_backward") == 8
    assert "torch.gt(" not in source
    assert ".sum((0, 2, 3)" not in source, "sums over channels come with the kernels"


def test_tensors_are_dropped_when_nobody_needs_them() -> None:
    step, _ = step_of("convnetjs", "adamw")
    source = compiled(step.graph).source
    made = {word for line in source.splitlines() if " = " in line for word in line.split(" = ")[0].strip().split(", ")}
    dropped = {
        w for line in source.splitlines() if line.strip().startswith("del ") for w in line.strip()[4:].split(", ")
    }
    returned = source.rpartition("return")[2]
    assert {name for name in made - dropped if f"{name}, " not in returned and f"{name}.clone" not in returned} == set()


def test_writing_over_inputs_never_happens() -> None:
    """relu in place may take what a kernel made, not what the caller or the state holds, nor what is read again."""
    spec = ArraySpec((2, 3), np.dtype("float32"))

    def function(t: dict[str, Tensor], random: Random) -> dict[str, Tensor]:
        view = reshape(t["x"], (3, 2))
        return {"y": view * 2.0, "z": t["x"] + 1.0, "twice": (t["x"] + 3.0) * (t["x"] + 3.0)}

    graph = trace(function, {"x": spec})  # type: ignore[arg-type]
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    before = x.copy()
    got = compiled(graph)({"x": x})
    np.testing.assert_array_equal(x, before)
    for name, array in evaluate(graph, {"x": x}).items():
        np.testing.assert_array_equal(got[name], array)


def test_what_is_carried_twice_is_there_once_and_what_is_returned_is_the_callers_own() -> None:
    spec = ArraySpec((2,), np.dtype("float32"))

    def function(t: dict[str, Tensor], random: Random) -> dict[str, Tensor]:
        moved = t["weights"] + 1.0
        return {"weights": moved, "averages": moved, "told": moved}

    executable = compiled(trace(function, {"weights": spec, "averages": spec}, ["weights", "averages"]))  # type: ignore[arg-type]
    assert executable.source.count(".clone()") == 1
    executable.load({name: np.zeros(2, np.float32) for name in ("weights", "averages")})
    for step in range(2):
        told = executable({})["told"]
        np.testing.assert_array_equal(told, np.full(2, step + 1, np.float32))
        told += 5.0
    assert all(np.array_equal(array, [2.0, 2.0]) for array in executable.carried().values())


@pytest.mark.parametrize(("model", "optimizer"), [("fast", "sgd"), ("resnet", "sgd"), ("convnetjs", "sgd")])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_low_precision_keeps_weights_and_sums_in_full(model: str, optimizer: str, precision: str) -> None:
    step, inputs = step_of(model, optimizer)
    expected = run(compiled(step.graph), step, inputs)
    executable = compiled(step.graph, f"torch.{precision}")
    got = run(executable, step, inputs)
    assert {name: array.dtype for name, array in got.items()} == {name: array.dtype for name, array in expected.items()}
    np.testing.assert_allclose(got["loss"], expected["loss"], rtol=0.02)
    exact, rough = changes(step, expected), changes(step, got)
    names = [name for name in exact if name.startswith("parameters/")]
    ours, theirs = (np.concatenate([moved[name].ravel() for name in names]) for moved in (rough, exact))
    cosine = float(ours @ theirs / (np.linalg.norm(ours) * np.linalg.norm(theirs)))
    assert cosine > 0.9
    assert precision in executable.source


def test_weights_gather_updates_that_low_precision_would_lose() -> None:
    """A thousand steps of 1e-4 of a weight's size: in bfloat16 each of them rounds to nothing."""
    spec = ArraySpec((4, 4), np.dtype("float32"))
    graph = trace(lambda t, _: {"w": t["w"] - (t["x"] @ t["w"]) * 1e-4}, {"w": spec, "x": spec}, carried=["w"])
    executable = compiled(graph, "torch.bfloat16")
    executable.load({"w": np.ones((4, 4), np.float32)})
    for _ in range(1000):
        executable({"x": np.eye(4, dtype=np.float32)})
    np.testing.assert_allclose(executable.carried()["w"], np.exp(-0.1), rtol=3e-3)


def again(step: Callable[[], None]) -> Callable[[], None]:
    """In place of a recording: warm-up, and the step itself."""
    step()
    step()
    return step


@pytest.mark.parametrize("low", [None, "torch.bfloat16"])
def test_a_captured_step_goes_the_same_way(low: str | None) -> None:
    """Static places for inputs and results, warm-up without effect: as on a GPU, but for the recording."""
    step, inputs = step_of("fast", "muon")
    function, source = compile_function(step.graph, low, CPU)
    direct, captured = (
        TorchExecutable(step.graph, function, source),
        CapturedExecutable(step.graph, function, CPU, again),
    )
    for executable in (direct, captured):
        executable.load(step.initial)
    for i in range(3):
        numbers = step.scalars(i + 1, 0.9, 1e9, learning_rate=1e-2, weight_decay=1e-3)
        expected, got = direct({**inputs, **numbers}), captured({**inputs, **numbers})
        for name, array in expected.items():
            np.testing.assert_array_equal(got[name], array)
    for name, array in direct.carried().items():
        np.testing.assert_array_equal(captured.carried()[name], array)


def test_a_captured_step_holds_inputs() -> None:
    spec = ArraySpec((3,), np.dtype("float32"))
    graph = trace(
        lambda t, _: {"w": t["w"] * t["held"] + t["x"]}, dict.fromkeys(("w", "held", "x"), spec), carried=["w"]
    )
    function, _ = compile_function(graph, None, CPU)
    executable = CapturedExecutable(graph, function, CPU, again)
    ones = np.ones(3, np.float32)
    executable.load({"w": ones})
    executable.hold({"held": ones * 2.0})
    for expected in (3.0, 7.0, 15.0):
        executable({"x": ones})
        np.testing.assert_array_equal(executable.carried()["w"], ones * expected)


def test_every_line_stays_on_its_device() -> None:
    """On the device that computes nothing, PyTorch complains when a line brings in a tensor from elsewhere."""
    for model, optimizer in (("fast", "muon"), ("resnet", "sgd"), ("convnetjs", "adamw")):
        step, _ = step_of(model, optimizer)
        meta = torch.device("meta")
        function, _ = compile_function(step.graph, None, meta)
        specs = step.graph.input_specs().values()
        places = [torch.empty(s.shape, dtype=getattr(torch, s.dtype.name), device=meta) for s in specs]
        outputs = function(*places)
        expected = step.graph.output_specs().values()
        assert all(tensor.device == meta for tensor in outputs)
        assert [tuple(tensor.shape) for tensor in outputs] == [spec.shape for spec in expected]


@pytest.mark.filterwarnings("ignore:CUDA initialization")
def test_cuda_without_a_gpu_says_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    version = torch.__version__.split("+")[0]
    found = rf"^expected a GPU for --device cuda; got PyTorch {version}.* built with .* and \d+ GPUs"
    with pytest.raises(RuntimeUnavailableError, match=found):
        get_runtime("auto", "cuda")


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "glassnet.runtimes.torch", None)
    with pytest.raises(RuntimeUnavailableError, match=r"^expected PyTorch for --runtime torch; got no .*\[torch\]"):
        get_runtime("torch")


def test_a_missing_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(torch_lowering.RULES, "exp")  # type: ignore[misc]
    from glassnet.ops import exp

    graph = trace(lambda t, _: {"y": exp(t["x"])}, {"x": ArraySpec((3,), np.dtype("float32"))})
    with pytest.raises(MissingRuleError, match=r"^expected a torch rule for primitive 'exp'; got none\. To fix: "):
        TorchRuntime().compile(graph)


def test_double_precision() -> None:
    spec = ArraySpec((3,), np.dtype("float64"))
    graph = trace(lambda t, _: {"y": t["x"] / 3.0}, {"x": spec})
    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_array_equal(TorchRuntime().compile(graph)({"x": x})["y"], x / 3.0)
