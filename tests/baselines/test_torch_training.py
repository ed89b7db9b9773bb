"""PyTorch's step and ours learn alike: the same first loss, and the same way from there, in every variant."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.baselines.workers import Variant
from glassnet.runtimes import get_runtime
from glassnet.tasks.bench import open_case, variants_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:CUDA initialization"), pytest.mark.usefixtures("one_torch_thread"),
]  # fmt: skip

# Learning rates with which a few steps go far, and neither side is chaotic yet.
CASES = {
    ("cifar10", "convnetjs"): 3e-3,
    ("cifar10", "batchnorm"): 1e-2,
    ("cifar10", "resnet"): 5e-3,
    ("cifar10", "fast"): 1e-2,
    ("houses", "unet"): 1e-3,
}
# Muon's bfloat16 takes seconds a step on processors that have none.
NUM_STEPS = {"fast": 3}


def curve(variant: Variant, learning_rate: float, num_steps: int) -> np.ndarray:
    step = variant.make(**variant.arguments)
    return np.array([step(learning_rate) for _ in range(num_steps)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "model", "is_fused"),
    [*((task, model, model == "fast") for task, model in CASES), ("cifar10", "convnetjs", True)],
)
def test_curves_agree(task: str, model: str, is_fused: bool) -> None:
    runtime, given = get_runtime("onnx"), {"model": model, "batch_size": 4, "runtime": "onnx", "device": "cpu"}
    case = open_case(task, {**given, "precision": "float32"}, runtime)
    case = type(case)(case.settings, case.num_classes, case.image_shape, case.batches[:1])
    mine, *theirs = variants_of(case, case.step(), is_compiled=False, is_fused=is_fused, threads=1)
    assert len(theirs) == 2
    how = {"learning_rate": CASES[task, model], "num_steps": NUM_STEPS.get(model, 5)}
    ours = curve(mine, **how)
    for variant in theirs:
        found = curve(variant, **how)
        np.testing.assert_allclose(found[0], ours[0], rtol=1e-4)
        assert found[-1] < 0.9 * found[0]
        # Muon orthogonalizes in bfloat16 there, in float32 here.
        np.testing.assert_allclose(found - found[0], ours - ours[0], atol=0.03 * (ours[0] - ours[-1]))
