"""Muon: its rule is torch.optim.Muon's, and what it makes of a matrix is measured by singular values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from glassnet.autodiff import Array, ArraySpec, Tape, Tensor
from glassnet.graph import optimize, trace
from glassnet.optim import SGD, Muon, Optimizer, decays_all
from glassnet.optim.muon import orthogonalize
from glassnet.runtimes import get_runtime

SHAPES = {"wide": (6, 10), "tall": (9, 4), "square": (5, 5), "row": (1, 4)}
MIXED = {"conv.weight": (6, 2, 3, 3), "head.weight": (4, 6), "head.bias": (4,), "scale": ()}


def drawn(seed: int, shapes: Mapping[str, tuple[int, ...]] = SHAPES) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {name: np.asarray(generator.standard_normal(shape)) for name, shape in shapes.items()}


def tensors(arrays: Mapping[str, Array | float]) -> dict[str, Tensor]:
    return {name: Tensor(np.asarray(array)) for name, array in arrays.items()}


def trained(
    optimizer: Optimizer, initial: Mapping[str, Array], steps: int, varied: Mapping[str, float] | None = None
) -> dict[str, Array]:
    """The parameters after some steps, with gradients drawn from 1, 2, ..., and ``varied`` growing by tenths."""
    shapes = {name: array.shape for name, array in initial.items()}
    specs = optimizer.init({name: ArraySpec(array.shape, array.dtype) for name, array in initial.items()})
    parameters = tensors(initial)
    state = {name: Tensor(np.zeros(spec.shape, spec.dtype)) for name, spec in specs.items()}
    for step in range(1, steps + 1):
        hyper = optimizer.hyperparameters() | {n: value * (1 + step / 10) for n, value in (varied or {}).items()}
        parameters, state = optimizer.update(
            parameters, tensors(drawn(step, shapes)), state, Tensor(np.array(float(step))), tensors(hyper)
        )
    return {name: p.numpy() for name, p in parameters.items()}


def test_agrees_with_torch_in_double_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's iterations are in bfloat16, which would hide errors of 1 %, so here they are left in float64."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    theirs = {name: torch.nn.Parameter(torch.from_numpy(array)) for name, array in drawn(0).items()}
    torch_optimizer = torch.optim.Muon(theirs.values(), lr=0.02, weight_decay=0.3, momentum=0.9)
    for step in range(1, 11):
        torch_optimizer.param_groups[0].update(lr=0.02 * (1 + step / 10), weight_decay=0.3 * (1 + step / 10))
        for name, gradient in drawn(step).items():
            theirs[name].grad = torch.from_numpy(gradient)
        torch_optimizer.step()
    ours = trained(Muon(momentum=0.9), drawn(0), 10, {"learning_rate": 0.02, "weight_decay": 0.3})
    for name, parameter in theirs.items():
        np.testing.assert_allclose(ours[name], parameter.detach(), rtol=0, atol=1e-12)


def test_agrees_with_torch_as_it_is() -> None:
    theirs = {name: torch.nn.Parameter(torch.from_numpy(array)) for name, array in drawn(0).items()}
    torch_optimizer = torch.optim.Muon(theirs.values(), lr=0.02, weight_decay=0.1, momentum=0.95)
    for step in range(1, 6):
        for name, gradient in drawn(step).items():
            theirs[name].grad = torch.from_numpy(gradient)
        torch_optimizer.step()
    ours = trained(Muon(0.02, weight_decay=0.1), drawn(0), 5)
    for name, parameter in theirs.items():
        np.testing.assert_allclose(ours[name], parameter.detach(), rtol=0, atol=5 * 0.02 * 0.05)


@pytest.mark.parametrize("shape", [(6, 10), (10, 6), (8, 8), (64, 576), (24, 8)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_singular_vectors_stay_and_singular_values_become_alike(
    shape: tuple[int, int], dtype: str, size: float
) -> None:
    matrix = np.random.default_rng(0).standard_normal(shape) * size
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    made = orthogonalize(Tensor(matrix.astype(dtype)))
    assert made.spec == ArraySpec(shape, np.dtype(dtype))
    core = u.T @ made.numpy() @ vt.T
    tolerance = 1e-12 if dtype == "float64" else 2e-5
    np.testing.assert_allclose(core, np.diag(np.diag(core)), rtol=0, atol=tolerance)
    np.testing.assert_allclose(u @ core @ vt, made.numpy(), rtol=0, atol=tolerance)
    is_raised = s / np.linalg.norm(s) > 5e-3
    assert is_raised.sum() >= len(s) - 1
    assert 0.66 < np.diag(core)[is_raised].min() <= np.diag(core).max() < 1.21


def test_more_iterations_raise_smaller_singular_values() -> None:
    u, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))
    matrix = u @ np.diag([1.0, 0.5, 0.1, 1e-2, 1e-3, 1e-4]) @ u.T
    smallest = [np.linalg.svd(orthogonalize(Tensor(matrix), n).numpy())[1].min() for n in (0, 5, 10)]
    assert smallest[0] < 1e-4
    assert 0.03 < smallest[1] < 0.1
    assert smallest[2] > 0.66


def test_a_gradient_of_zero_moves_nothing() -> None:
    parameters, zeros = tensors(drawn(0)), tensors({name: array * 0 for name, array in drawn(0).items()})
    state = {f"momentum/{name}": zero for name, zero in zeros.items()}
    hyper = tensors(Muon().hyperparameters())
    moved, _ = Muon().update(parameters, zeros, state, Tensor(np.array(1.0)), hyper)
    for name, p in parameters.items():
        np.testing.assert_array_equal(moved[name].numpy(), p.numpy())


def test_norms_are_kept_at_the_root_of_the_rows() -> None:
    """Each step begins at the norm sqrt(rows), whatever it was; weight decay has nothing to do."""
    optimizer = Muon(learning_rate=0.1, momentum=0.0, weight_decay=0.7, keeps_norm=True)
    initial = drawn(0)
    moved, moved_far = trained(optimizer, initial, 1), trained(replace(optimizer, learning_rate=0.3), initial, 1)
    for name, p in initial.items():
        rows = p.shape[0]
        start = p * np.sqrt(rows) / np.linalg.norm(p)
        np.testing.assert_allclose(moved[name], start - 0.1 * orthogonalize(Tensor(drawn(1)[name])).numpy(), atol=1e-12)
        np.testing.assert_allclose(moved_far[name] - start, 3 * (moved[name] - start), atol=1e-12)
    scaled = trained(optimizer, {name: p * 50.0 for name, p in initial.items()}, 1)
    for name, p in scaled.items():
        np.testing.assert_allclose(p, moved[name], atol=1e-12)


def test_a_matrix_of_zeros_leaves_zero_at_the_kept_norm() -> None:
    (moved,) = trained(Muon(0.1, keeps_norm=True), {"w": np.zeros((4, 6))}, 1).values()
    assert np.isfinite(moved).all()
    assert np.linalg.svd(moved)[1].min() > 0.06


@pytest.mark.parametrize("keeps_norm", [False, True])
def test_a_kernel_moves_as_the_matrix_of_its_output_channels(keeps_norm: bool) -> None:
    """(O, C, kH, kW) as (O, C kH kW), which is how the training step hands it over."""
    optimizer = Muon(keeps_norm=keeps_norm, weight_decay=0.1)
    kernel = drawn(0, {"w": (6, 2, 3, 3)})
    flat = {"w": kernel["w"].reshape(6, 18)}
    moved = trained(optimizer, kernel, 3)["w"]
    assert moved.shape == (6, 2, 3, 3)
    np.testing.assert_array_equal(moved.reshape(6, 18), trained(optimizer, flat, 3)["w"])


def test_what_is_no_matrix_moves_by_sgd() -> None:
    optimizer = Muon(
        learning_rate=0.1, momentum=0.95, weight_decay=0.2, vector_ratio=0.3, vector_momentum=0.8,
        is_matrix=lambda name, spec: name == "conv.weight", decays=decays_all,
    )  # fmt: skip
    initial = drawn(0, MIXED)
    moved = trained(optimizer, initial, 4)
    assert list(moved) == list(MIXED)
    others = trained(SGD(0.1 * 0.3, 0.8, 0.2, nesterov=True, decays=decays_all), initial, 4)
    for name in MIXED.keys() - {"conv.weight"}:
        np.testing.assert_allclose(moved[name], others[name], rtol=0, atol=1e-14)
    alone = trained(optimizer, {"conv.weight": initial["conv.weight"]}, 4)
    np.testing.assert_array_equal(moved["conv.weight"], alone["conv.weight"])
    assert np.abs(moved["conv.weight"] - others["conv.weight"]).max() > 0.1


def test_vectors_decay_only_where_told() -> None:
    initial = {name: drawn(0, MIXED)[name] for name in ("head.bias", "scale")}
    without = trained(Muon(), initial, 3)
    np.testing.assert_equal(trained(Muon(weight_decay=0.5), initial, 3), without)
    assert np.abs(trained(Muon(weight_decay=0.5, decays=decays_all), initial, 3)["scale"] - without["scale"]) > 1e-3


@pytest.mark.parametrize("keeps_norm", [False, True])
@pytest.mark.parametrize("runtime", ["numpy", "onnx"])
def test_every_runtime_agrees_with_the_eager_result(runtime: str, keeps_norm: bool) -> None:
    optimizer = Muon(0.1, weight_decay=0.1, keeps_norm=keeps_norm)
    single = np.dtype("float32")
    parameters = {name: ArraySpec(shape, single) for name, shape in MIXED.items()}
    kinds = {"parameters": parameters, "gradients": parameters, "state": optimizer.init(parameters)}
    kinds["hyper"] = dict.fromkeys(optimizer.hyperparameters(), ArraySpec((), single))

    def updated(flat: Mapping[str, Tensor]) -> dict[str, Tensor]:
        given = {kind: {name: flat[f"{kind}/{name}"] for name in specs} for kind, specs in kinds.items()}
        moved, state = optimizer.update(**given, step=Tensor(np.ones((), single)))
        return {**moved, **state}

    random, specs = np.random.default_rng(0), {f"{k}/{n}": spec for k, of in kinds.items() for n, spec in of.items()}
    inputs = {n: random.uniform(0.01, 0.9, spec.shape).astype(single) for n, spec in specs.items()}
    graph = optimize(trace(lambda tensors, _: updated(tensors), specs))
    got = get_runtime(runtime).compile(graph)(inputs)
    for name, expected in updated(tensors(inputs)).items():
        np.testing.assert_allclose(got[name], expected.numpy(), rtol=0, atol=1e-4)


def test_a_small_side_makes_small_products() -> None:
    """Two products with the matrix itself, however many iterations; the others are small."""
    with Tape() as tape:
        orthogonalize(Tensor(np.ones((90, 3))))
    products = [call.output.shape for call in tape.calls if call.primitive.name == "matmul"]
    assert products == [(3, 3)] * 18 + [(3, 90)]
