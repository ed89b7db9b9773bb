"""Every runtime against the reference, on every primitive, because it exists."""

import numpy as np
import pytest

from glassnet.autodiff import PRIMITIVES, ArraySpec
from glassnet.graph import Graph, evaluate, trace
from glassnet.runtimes import get_runtime, onnx_lowering, torch_lowering
from tests.samples import SAMPLES, Sample

SINGLE = [
    pytest.param(name, sample, id=f"{name}-{i}")
    for name in sorted(PRIMITIVES)
    for i, sample in enumerate(SAMPLES[name])
    if sample.params.get("dtype") != "float64" and all(array.dtype != np.float64 for array in sample.inputs)
]


def graph_of(name: str, sample: Sample) -> tuple[Graph, dict[str, np.ndarray]]:
    inputs = {f"x{i}": array for i, array in enumerate(sample.inputs)}
    specs = {key: ArraySpec(array.shape, array.dtype) for key, array in inputs.items()}
    graph = trace(lambda tensors, _: {"y": PRIMITIVES[name](*tensors.values(), **sample.params)}, specs)
    return graph, inputs


def test_every_primitive_has_rules_and_a_single_precision_sample() -> None:
    assert onnx_lowering.RULES.keys() == torch_lowering.RULES.keys() == PRIMITIVES.keys()
    assert {param.values[0] for param in SINGLE} == PRIMITIVES.keys()


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
@pytest.mark.parametrize(("name", "sample"), SINGLE)
def test_it_agrees(name: str, sample: Sample, runtime: str) -> None:
    graph, inputs = graph_of(name, sample)
    expected = evaluate(graph, inputs)["y"]
    got = get_runtime(runtime).compile(graph)(inputs)["y"]
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)
