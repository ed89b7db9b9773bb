"""One step as one weight sees it: the parts add up to what the optimizer does, for each rule of learning."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.insight.step_story import Part, Step
from glassnet.optim import SGD, AdamW, Muon, Optimizer, Packing, clip_by_global_norm

G = np.random.default_rng(0)
SHAPES = {"conv.weight": (4, 3, 2, 2), "conv.bias": (4,), "linear.weight": (3, 8), "linear.bias": (3,)}
WEIGHTS = {name: G.standard_normal(shape) for name, shape in SHAPES.items()}
GRADIENT = {name: G.standard_normal(shape) for name, shape in SHAPES.items()}
SPECS = {name: ArraySpec(array.shape, array.dtype) for name, array in WEIGHTS.items()}


def decays(pack: str, spec: ArraySpec) -> bool:
    return "weight" in pack or pack == "decayed"


# Two packs of several tensors; under Muon the kernel is a matrix by itself.
PLAIN = Packing.by(lambda name, spec: "decayed" if len(spec.shape) > 1 else "plain", SPECS)
MATRIX = Packing.by(
    lambda name, spec: f"matrix.{name}" if name == "conv.weight" else ("decayed" if len(spec.shape) > 1 else "plain"),
    SPECS,
    is_matrix=lambda pack: pack.startswith("matrix"),
)


def muon(**given: bool) -> Muon:
    return Muon(
        momentum=0.6,
        weight_decay=0.1,
        vector_ratio=0.3,
        decays=decays,
        is_matrix=lambda pack, spec: pack.startswith("matrix"),
        num_iterations=3,
        keeps_norm=given["keeps_norm"],
    )


CASES: dict[str, tuple[Optimizer, Packing]] = {
    "adamw": (AdamW(learning_rate=0.1, weight_decay=0.2, decays=decays), PLAIN),
    "sgd": (SGD(momentum=0.0, weight_decay=0.2, decays=decays), PLAIN),
    "sgd with momentum": (SGD(weight_decay=0.2, decays=decays), PLAIN),
    "sgd, nesterov": (SGD(weight_decay=0.2, nesterov=True, decays=decays), PLAIN),
    "muon": (muon(keeps_norm=False), MATRIX),
    "muon that keeps norms": (muon(keeps_norm=True), MATRIX),
}


def state_of(optimizer: Optimizer) -> dict[str, Array]:
    """As after some steps; what AdamW divides by is positive."""
    numbers = np.random.default_rng(1)
    return {name: np.abs(numbers.standard_normal(spec.shape)) for name, spec in optimizer.init(SPECS).items()}


def a_step(case: str, max_gradient_norm: float = 2.0) -> Step:
    optimizer, packing = CASES[case]
    hyper = optimizer.hyperparameters()
    return Step(optimizer, packing, WEIGHTS, GRADIENT, state_of(optimizer), 7, hyper, max_gradient_norm)


def by_name(parts: list[Part]) -> dict[str, float]:
    return {part.name: part.value for part in parts}


@pytest.mark.parametrize("case", CASES)
def test_the_parts_are_what_the_optimizer_does(case: str) -> None:
    step = a_step(case)
    for name, shape in SHAPES.items():
        for index in (tuple(0 for _ in shape), tuple(size - 1 for size in shape)):
            parts = step.parts(name, index)
            change = float(step.after[name][index] - step.before[name][index])
            assert sum(part.value for part in parts if part.is_change) == pytest.approx(change, rel=1e-9), (name, index)
            assert (parts[0].name, parts[0].value) == ("gradient", GRADIENT[name][index])
            assert all(part.words for part in parts)


@pytest.mark.parametrize("case", ["adamw", "sgd", "sgd with momentum", "sgd, nesterov"])
def test_packs_change_nothing(case: str) -> None:
    """The rule on every tensor by itself; none of these looks at more than one number."""
    optimizer, _ = CASES[case]
    tensors = {name: Tensor(array) for name, array in GRADIENT.items()}
    clipped, _ = clip_by_global_norm(tensors, Tensor(np.array(2.0)))
    state = {name: Tensor(array) for name, array in state_of(optimizer).items()}
    hyper = {name: Tensor(np.asarray(value, np.float64)) for name, value in optimizer.hyperparameters().items()}
    weights = {name: Tensor(array) for name, array in WEIGHTS.items()}
    moved, _ = optimizer.update(weights, clipped, state, Tensor(np.array(7.0)), hyper)
    for name, array in a_step(case).after.items():
        np.testing.assert_allclose(array, moved[name].numpy(), rtol=1e-12)


def test_clipping() -> None:
    norm = float(np.sqrt(sum(np.sum(array**2) for array in GRADIENT.values())))
    index = (1, 2, 0, 1)
    parts = a_step("adamw", 2.0).parts("conv.weight", index)
    assert by_name(parts)["clipped"] == pytest.approx(GRADIENT["conv.weight"][index] * 2.0 / norm, rel=1e-6)
    assert (
        parts[1].words == f"as a vector all slopes are {norm:.4g} long, up to 2 is allowed: each times {2 / norm:.4g}"
    )
    parts = a_step("adamw", 100.0).parts("conv.weight", index)
    assert by_name(parts)["clipped"] == by_name(parts)["gradient"]
    assert parts[1].words.endswith("up to 100 is allowed: nothing is shortened")


def test_moments_by_hand() -> None:
    """AdamW from nothing: both corrected moments are the slope itself, so the direction is its sign."""
    optimizer, packing = CASES["adamw"]
    state = {name: np.zeros(spec.shape) for name, spec in optimizer.init(SPECS).items()}
    step = Step(optimizer, packing, WEIGHTS, GRADIENT, state, 1, optimizer.hyperparameters(), 100.0)
    found, slope = by_name(step.parts("conv.weight", (0, 0, 0, 0))), GRADIENT["conv.weight"][0, 0, 0, 0]
    assert found["first moment"] == pytest.approx(slope)
    assert found["second moment"] == pytest.approx(abs(slope))
    assert found["direction"] == pytest.approx(np.sign(slope))
    assert found["decay"] == pytest.approx(-0.1 * 0.2 * WEIGHTS["conv.weight"][0, 0, 0, 0])
    assert found["step"] == pytest.approx(-0.1 * np.sign(slope))
    assert by_name(step.parts("conv.bias", (0,)))["decay"] == 0.0


def test_a_step_without_decay_says_so() -> None:
    optimizer, packing = CASES["adamw"]
    hyper = {**optimizer.hyperparameters(), "weight_decay": 0.0}
    step = Step(optimizer, packing, WEIGHTS, GRADIENT, state_of(optimizer), 7, hyper, 1.0)
    words = {part.name: part.words for part in step.parts("conv.weight", (0, 0, 0, 0))}
    assert words["decay"] == "none in this training"
    words = {part.name: part.words for part in step.parts("conv.bias", (0,))}
    assert words["decay"] == "none: weights of this kind do not decay"
