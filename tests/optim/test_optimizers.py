"""Every optimizer agrees with torch.optim, whatever its hyperparameters do while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

from glassnet import optim
from glassnet.autodiff import Array, ArraySpec, Tape, Tensor, placeholder
from glassnet.errors import SettingsError
from glassnet.optim import SGD, Adam, AdamW, Muon, Optimizer, decays_all

Parameters = list[torch.nn.Parameter]
CASES: dict[str, list[tuple[Optimizer, Callable[[Parameters], torch.optim.Optimizer]]]] = {
    "SGD": [
        (SGD(momentum=0.0, decays=decays_all), lambda p: torch.optim.SGD(p)),
        (SGD(momentum=0.9, decays=decays_all), lambda p: torch.optim.SGD(p, momentum=0.9)),
        (SGD(nesterov=True, decays=decays_all), lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True)),
    ],
    "Adam": [(Adam(), lambda p: torch.optim.Adam(p))],
    "AdamW": [(AdamW(decays=decays_all), lambda p: torch.optim.AdamW(p))],
    # Where nothing counts as a matrix; tests/optim/test_muon.py compares its matrices.
    "Muon": [
        (
            Muon(is_matrix=lambda name, spec: False, decays=decays_all),
            lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True),
        )
    ],
}
EVERY = [(optimizer, theirs) for cases in CASES.values() for optimizer, theirs in cases]
each_optimizer = pytest.mark.parametrize("optimizer", [optimizer for optimizer, _ in EVERY])

SHAPES = {"conv.weight": (3, 2, 2, 2), "conv.bias": (3,), "scale": ()}


def test_every_optimizer_has_a_case() -> None:
    exported = {name for name in optim.__all__ if hasattr(getattr(optim, name), "update")}
    assert set(CASES) == exported - {"Optimizer"}
    assert all(type(optimizer).__name__ == name for name, cases in CASES.items() for optimizer, _ in cases)


def drawn(seed: int) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {name: np.asarray(generator.standard_normal(shape)) for name, shape in SHAPES.items()}


def tensors(arrays: Mapping[str, Array | float]) -> dict[str, Tensor]:
    return {name: Tensor(np.asarray(array)) for name, array in arrays.items()}


def zero_state(optimizer: Optimizer, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    specs = optimizer.init({name: p.spec for name, p in parameters.items()})
    return {name: Tensor(np.zeros(spec.shape, spec.dtype)) for name, spec in specs.items()}


def hyper_at(optimizer: Optimizer, step: int) -> dict[str, float]:
    """Another value for everything at every step."""
    varied = {"learning_rate": 0.02 * (1 + step % 5), "weight_decay": 0.05 + 0.01 * step, "momentum": 0.9 - 0.01 * step}
    varied |= {"beta1": 0.8 + 0.005 * step, "beta2": 0.99 + 0.0004 * step, "eps": 1e-3 / step}
    varied |= {"vector_ratio": 1.0 + 0.1 * step, "vector_momentum": 0.8 - 0.01 * step}
    return {name: varied[name] for name in optimizer.hyperparameters()}


def set_torch(optimizer: torch.optim.Optimizer, hyper: Mapping[str, float]) -> None:
    group = optimizer.param_groups[0]
    names = {"learning_rate": "lr", "weight_decay": "weight_decay", "momentum": "momentum", "eps": "eps"}
    group.update({names[name]: value for name, value in hyper.items() if name in names})
    if "vector_ratio" in hyper:
        group.update(lr=hyper["learning_rate"] * hyper["vector_ratio"], momentum=hyper["vector_momentum"])
    if "beta1" in hyper:
        group["betas"] = (hyper["beta1"], hyper["beta2"])


@pytest.mark.parametrize(("optimizer", "theirs"), EVERY)
def test_agrees_with_torch(optimizer: Optimizer, theirs: Callable[[Parameters], torch.optim.Optimizer]) -> None:
    parameters = tensors(drawn(0))
    state = zero_state(optimizer, parameters)
    expected = {name: torch.nn.Parameter(torch.from_numpy(array)) for name, array in drawn(0).items()}
    torch_optimizer = theirs(list(expected.values()))
    for step in range(1, 21):
        gradients, hyper = drawn(step), hyper_at(optimizer, step)
        parameters, state = optimizer.update(
            parameters, tensors(gradients), state, Tensor(np.array(float(step))), tensors(hyper)
        )
        set_torch(torch_optimizer, hyper)
        for name, parameter in expected.items():
            parameter.grad = torch.from_numpy(gradients[name])
        torch_optimizer.step()
        for name, p in parameters.items():
            np.testing.assert_allclose(p.numpy(), expected[name].detach(), rtol=0, atol=1e-12)


@each_optimizer
def test_one_flat_vector_moves_like_many_tensors(optimizer: Optimizer) -> None:
    def flat(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"all": np.concatenate([array.reshape(-1) for array in arrays.values()])}

    step, hyper = Tensor(np.array(1.0)), tensors(hyper_at(optimizer, 1))
    many, one = tensors(drawn(0)), tensors(flat(drawn(0)))
    many, _ = optimizer.update(many, tensors(drawn(1)), zero_state(optimizer, many), step, hyper)
    one, _ = optimizer.update(one, tensors(flat(drawn(1))), zero_state(optimizer, one), step, hyper)
    np.testing.assert_array_equal(one["all"].numpy(), flat({n: p.numpy() for n, p in many.items()})["all"])


@pytest.mark.parametrize("optimizer", [*(optimizer for optimizer, _ in EVERY), Muon(), Muon(keeps_norm=True)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_can_be_traced_and_state_keeps_its_specs(optimizer: Optimizer, dtype: str) -> None:
    specs = {name: ArraySpec(shape, np.dtype(dtype)) for name, shape in SHAPES.items()}
    scalar = ArraySpec((), np.dtype(dtype))
    state_specs = optimizer.init(specs)
    assert set(state_specs).isdisjoint(specs)
    parameters, state = optimizer.update(
        {name: placeholder(spec) for name, spec in specs.items()},
        {name: placeholder(spec) for name, spec in specs.items()},
        {name: placeholder(spec) for name, spec in state_specs.items()},
        placeholder(scalar),
        {name: placeholder(scalar) for name in optimizer.hyperparameters()},
    )
    assert {name: p.spec for name, p in parameters.items()} == specs
    assert {name: s.spec for name, s in state.items()} == state_specs


@each_optimizer
def test_its_fields_are_the_hyperparameters_starting_values(optimizer: Optimizer) -> None:
    for name, value in optimizer.hyperparameters().items():
        assert getattr(optimizer, name) == value


@pytest.mark.parametrize("optimizer", [SGD(), AdamW(), Muon()])
def test_biases_and_scales_do_not_decay_unless_told(optimizer: Optimizer) -> None:
    parameters, still = tensors(drawn(0)), tensors({name: np.zeros(shape) for name, shape in SHAPES.items()})
    hyper = tensors(optimizer.hyperparameters() | {"weight_decay": 0.5, "learning_rate": 0.1})
    moved, _ = optimizer.update(parameters, still, zero_state(optimizer, parameters), Tensor(np.array(1.0)), hyper)
    for name, p in parameters.items():
        factor = 0.95 if name == "conv.weight" else 1.0
        np.testing.assert_allclose(moved[name].numpy(), p.numpy() * factor, rtol=1e-15)


@pytest.mark.parametrize(("optimizer", "passes"), [(SGD(), 6), (Adam(), 12), (AdamW(decays=decays_all), 13)])
def test_makes_few_passes_over_memory(optimizer: Optimizer, passes: int) -> None:
    parameters = tensors({"w": np.ones((4, 3))})
    with Tape() as tape:
        optimizer.update(
            parameters, parameters, zero_state(optimizer, parameters), Tensor(np.array(1.0)),
            tensors(optimizer.hyperparameters()),
        )  # fmt: skip
    assert sum(call.output.shape == (4, 3) for call in tape.calls) == passes


def test_without_momentum_nothing_is_kept() -> None:
    assert SGD(momentum=0.0).init({"w": ArraySpec((2,), np.dtype("float32"))}) == {}
    assert "momentum" not in SGD(momentum=0.0).hyperparameters()
    assert list(SGD().init({"w": ArraySpec((2,), np.dtype("float32"))})) == ["momentum/w"]


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(SettingsError, match=r"^expected a momentum with nesterov; got 0\. To fix: set momentum"):
        SGD(momentum=0.0, nesterov=True)
