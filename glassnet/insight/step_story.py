"""One step of a training, as one weight sees it: what each part of the optimizer makes of its slope."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.insight.landscape import Weights
from glassnet.optim import SGD, AdamW, Muon, Optimizer, Packing, clip_by_global_norm
from glassnet.optim.muon import orthogonalize


@dataclass(frozen=True, slots=True)
class Part:
    """A number on the way from the slope to the step, and what it is in words.

    is_change: it is one of the amounts that are added to the weight; all of these together are the step.
    """

    name: str
    value: float
    words: str
    is_change: bool = False


@final
class Step:
    """One update of all weights by an optimizer, in float64; `before` and `after` are the weights by name.

    state: what the optimizer keeps, ``<kind>/<weight>``. number: 1 for the first step of the training.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        packing: Packing,
        weights: Weights,
        gradient: Weights,
        state: Mapping[str, Array],
        number: int,
        hyper: Mapping[str, float],
        max_gradient_norm: float,
    ):
        self._optimizer, self._packing, self._number, self._hyper = optimizer, packing, number, hyper
        self.before, self.gradient, self._state = weights, gradient, state
        clipped, norm = clip_by_global_norm(_tensors(packing.pack_arrays(gradient)), _scalar(max_gradient_norm))
        self.gradient_norm, self.max_gradient_norm = norm.item(), max_gradient_norm
        self._clipped = self._by_weight(clipped)
        moved, new_state = optimizer.update(
            _tensors(packing.pack_arrays(weights)), clipped, self._packed_state(), _scalar(number),
            {name: _scalar(value) for name, value in hyper.items()},
        )  # fmt: skip
        self.after = self._by_weight(moved)
        self._new_state = {
            kind: self._by_weight({n.removeprefix(f"{kind}/"): t for n, t in new_state.items() if n.startswith(kind)})
            for kind in self._kinds()
        }

    def parts(self, name: str, index: tuple[int, ...]) -> list[Part]:
        """What becomes of the slope of one weight."""
        optimizer = self._optimizer
        if isinstance(optimizer, AdamW):
            rest = self._of_adamw(optimizer, name, index)
        elif isinstance(optimizer, Muon) and self._is_matrix(optimizer, name):
            rest = self._of_muon(optimizer, name, index)
        elif isinstance(optimizer, Muon):
            rate = self._hyper["learning_rate"] * self._hyper["vector_ratio"]
            rest = self._of_sgd(name, index, rate, self._hyper["vector_momentum"], True, self._decays(optimizer, name))
        else:
            assert isinstance(optimizer, SGD), optimizer
            rate, momentum = self._hyper["learning_rate"], self._hyper.get("momentum", 0.0)
            rest = self._of_sgd(name, index, rate, momentum, optimizer.nesterov, self._decays(optimizer, name))
        return [*self._of_clipping(name, index), *rest]

    def _of_clipping(self, name: str, index: tuple[int, ...]) -> list[Part]:
        norm, limit = self.gradient_norm, self.max_gradient_norm
        done = f"each times {limit / norm:.4g}" if norm > limit else "nothing is shortened"
        words = f"as a vector all slopes are {norm:.4g} long, up to {limit:g} is allowed: {done}"
        return [
            Part("gradient", float(self.gradient[name][index]), "the slope of the loss along this weight"),
            Part("clipped", float(self._clipped[name][index]), words),
        ]

    def _of_adamw(self, optimizer: AdamW, name: str, index: tuple[int, ...]) -> list[Part]:
        hyper, t, p = self._hyper, self._number, float(self.before[name][index])
        m, v = (float(self._new_state[kind][name][index]) for kind in ("first_moment", "second_moment"))
        mean, size = m / (1.0 - hyper["beta1"] ** t), math.sqrt(v / (1.0 - hyper["beta2"] ** t))
        direction, rate = mean / (size + hyper["eps"]), hyper["learning_rate"]
        decay = -rate * hyper["weight_decay"] * p if self._decays(optimizer, name) else 0.0
        return [
            Part("first moment", mean, f"the average slope of the last {_span(hyper['beta1'])} steps or so"),
            Part("second moment", size, f"how large slopes were in the last {_span(hyper['beta2']):,} steps or so"),
            Part("direction", direction, "the first divided by the second: near 1 or -1 where slopes agree in sign"),
            Part("learning rate", rate, "how far a direction of 1 moves a weight"),
            Part("decay", decay, self._decay_words(optimizer, name), is_change=True),
            Part("step", -rate * direction, "- learning rate x direction", is_change=True),
        ]

    def _of_sgd(
        self, name: str, index: tuple[int, ...], rate: float, momentum: float, is_nesterov: bool, decays: bool
    ) -> list[Part]:
        p, g = float(self.before[name][index]), float(self._clipped[name][index])
        decay = self._hyper["weight_decay"] * p if decays else 0.0
        parts, direction = [Part("decay", decay, self._decay_words(self._optimizer, name))], g + decay
        if momentum:
            before = float(self._state[f"momentum/{name}"][index])
            b = float(self._new_state["momentum"][name][index])
            parts.append(Part("momentum before", before, "what is left of all earlier slopes"))
            parts.append(Part("momentum", b, f"{momentum:g} of that, and the clipped slope with the decay"))
            direction = direction + momentum * b if is_nesterov else b
            ahead = f"the slope with the decay, and {momentum:g} of the momentum: a look ahead (Nesterov)"
            parts.append(Part("direction", direction, ahead if is_nesterov else "the momentum"))
        return [
            *parts,
            Part("learning rate", rate, "how far a direction of 1 moves a weight"),
            Part("step", -rate * direction, "- learning rate x direction", is_change=True),
        ]

    def _of_muon(self, optimizer: Muon, name: str, index: tuple[int, ...]) -> list[Part]:
        weight, hyper = self.before[name], self._hyper
        before, b = self._state[f"momentum/{name}"], self._new_state["momentum"][name]
        mu = hyper["momentum"]
        ahead = self._clipped[name] + mu * b
        rows = len(weight)
        matrix = orthogonalize(Tensor(ahead.reshape(rows, -1)), optimizer.num_iterations).numpy()
        turned, rate, p = float(matrix.reshape(weight.shape)[index]), hyper["learning_rate"], float(weight[index])
        if optimizer.keeps_norm:
            shrinking = math.sqrt(rows) / float(np.linalg.norm(weight)) - 1.0
            words = f"all weights of this tensor are brought back to a length of {math.sqrt(rows):.3g}"
        else:
            shrinking, words = -rate * hyper["weight_decay"], "every weight shrinks by a small share of itself"
            rate *= math.sqrt(max(1.0, rows / matrix.shape[1]))
        return [
            Part("momentum before", float(before[index]), "what is left of all earlier slopes"),
            Part("momentum", float(b[index]), f"{mu:g} of that, and the clipped slope"),
            Part("look ahead", float(ahead[index]), f"the clipped slope, and {mu:g} of the momentum (Nesterov)"),
            Part("direction", turned, f"of all {weight.size:,} together, turned so that all directions count alike"),
            Part("learning rate", rate, "how far a direction of 1 moves a weight"),
            Part("rescaling", p * shrinking, words, is_change=True),
            Part("step", -rate * turned, "- learning rate x direction", is_change=True),
        ]

    def _decay_words(self, optimizer: Optimizer, name: str) -> str:
        assert isinstance(optimizer, AdamW | SGD | Muon), optimizer
        if not self._decays(optimizer, name):
            return "none: weights of this kind do not decay"
        if self._hyper["weight_decay"] == 0.0:
            return "none in this training"
        return f"{self._hyper['weight_decay']:g} of the weight pulls it towards 0"

    def _decays(self, optimizer: AdamW | SGD | Muon, name: str) -> bool:
        pack = self._pack_of(name)
        return optimizer.decays(pack, self._packing.specs()[pack])

    def _is_matrix(self, optimizer: Muon, name: str) -> bool:
        pack = self._pack_of(name)
        return optimizer.is_matrix(pack, self._packing.specs()[pack])

    def _pack_of(self, name: str) -> str:
        return next(pack for pack, members in self._packing.packs.items() if name in members)

    def _kinds(self) -> list[str]:
        return list(dict.fromkeys(name.partition("/")[0] for name in self._state))

    def _packed_state(self) -> dict[str, Tensor]:
        packed: dict[str, Tensor] = {}
        for kind in self._kinds():
            named = {n.removeprefix(f"{kind}/"): a for n, a in self._state.items() if n.startswith(f"{kind}/")}
            packed |= {f"{kind}/{pack}": Tensor(array) for pack, array in self._packing.pack_arrays(named).items()}
        return packed

    def _by_weight(self, packed: Mapping[str, Tensor]) -> dict[str, Array]:
        return self._packing.unpack_arrays({pack: tensor.numpy() for pack, tensor in packed.items()})


def _span(beta: float) -> int:
    return round(1.0 / (1.0 - beta))


def _tensors(arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    return {name: Tensor(array) for name, array in arrays.items()}


def _scalar(value: float) -> Tensor:
    return Tensor(np.asarray(value, np.float64))
