"""What every layer of a network holds and says for one input, and how the loss would change with each number of it.

Found on the tape, so that no network has to know of it: a layer is what holds tensors, and says what comes out where
they meet the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from glassnet.autodiff import Array, Call, Shape, Tape, Tensor, backward
from glassnet.nn import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Cosine,
    Embedding,
    GroupNorm,
    LayerNorm,
    Linear,
    Module,
    PatchWhitening,
    Standardize,
)

_PASSING = {
    "avg_pool2d_with": "average pooling", "gelu": "gelu", "max_pool2d_with": "max pooling", "relu": "relu",
    "sigmoid": "sigmoid", "tanh": "tanh",
}  # fmt: skip

KINDS: Mapping[type[Module], str] = {
    BatchNorm2d: "batch normalization", Conv2d: "convolution", ConvTranspose2d: "transposed convolution",
    Cosine: "cosines", Embedding: "embedding", GroupNorm: "group normalization", LayerNorm: "layer normalization",
    Linear: "linear", PatchWhitening: "whitening", Standardize: "standardization",
}  # fmt: skip
OTHER = "layer"


@dataclass(frozen=True)
class Signal:
    """What a layer holds or says, and its gradient of the same shape; None where nothing is learned."""

    name: str
    values: Array
    gradient: Array | None


@dataclass(frozen=True)
class Layer:
    """``held``: its tensors. ``said``: what comes out of it, and then out of the pooling and activation behind it.

    kind: one of `KINDS`, or `OTHER`. input_shape: of the image that each row of a matrix looks at, (C, H, W) or (H, W);
    None if it looks at none.
    """

    name: str
    kind: str
    held: Sequence[Signal]
    said: Sequence[Signal]
    input_shape: Shape | None

    @property
    def num_weights(self) -> int:
        """How many numbers it learns."""
        return sum(signal.values.size for signal in self.held if signal.gradient is not None)


@dataclass(frozen=True)
class SpokenLayer:
    """A `Layer` as tensors, which of a traced network have no values yet: by name each with its gradient."""

    name: str
    kind: str
    held: Mapping[str, tuple[Tensor, Tensor | None]]
    said: Mapping[str, tuple[Tensor, Tensor | None]]
    input_shape: Shape | None


@dataclass
class _Found:
    """A layer on the tape: what flowed into it, what came out, and what that was made into before the next layer."""

    data: Tensor
    output: Tensor
    passed: Tensor
    steps: list[str] = field(default_factory=list)


def inspect(model: Module, loss_of: Callable[[], Tensor]) -> tuple[float, list[Layer]]:
    """The loss, and the layers in the order in which they speak. Of one that is asked several times, the last time.

    ``loss_of()`` asks the model with its tensors as they are.
    """
    loss, spoken = listen(model, loss_of)
    layers = [Layer(one.name, one.kind, _signals(one.held), _signals(one.said), one.input_shape) for one in spoken]
    return loss.item(), layers


def listen(model: Module, loss_of: Callable[[], Tensor]) -> tuple[Tensor, list[SpokenLayer]]:
    """As `inspect`, also while the network is being traced."""
    with Tape() as tape:
        loss = loss_of()
    found = _find(tape.calls, model)
    parameters = model.parameters()
    outputs = [tensor for layer in found.values() for tensor in (layer.output, layer.passed)]
    wanted = [*parameters.values(), *outputs]
    one = Tensor(np.ones((), loss.dtype))
    gradients = dict(zip(wanted, backward(tape.calls, loss, one, wanted), strict=True))
    makers = {call.output: call for call in tape.calls}
    return loss, [_layer(owner, layer, model, gradients, makers) for owner, layer in found.items()]


def _layer(
    owner: str, found: _Found, model: Module, gradients: Mapping[Tensor, Tensor], makers: Mapping[Tensor, Call]
) -> SpokenLayer:
    own = {name: tensor for name, tensor in model.tensors().items() if _owner(name) == owner}
    held = {name.rpartition(".")[2]: (tensor, gradients.get(tensor)) for name, tensor in own.items()}
    said = {"out": (found.output, gradients.get(found.output))}
    if found.steps:
        said["after " + " and ".join(found.steps)] = (found.passed, gradients.get(found.passed))
    shape = _input_shape(found.data, makers, [tensor.shape for tensor in own.values()])
    kind = KINDS.get(type(model.module(owner)), OTHER)
    return SpokenLayer(owner or next(iter(own)), kind, held, said, shape)


def _signals(tensors: Mapping[str, tuple[Tensor, Tensor | None]]) -> list[Signal]:
    return [
        Signal(name, values.numpy(), None if gradient is None else gradient.numpy())
        for name, (values, gradient) in tensors.items()
    ]


def _owner(name: str) -> str:
    """The module that holds the tensor of this name; "" for the network itself."""
    return name.rpartition(".")[0]


def _find(calls: Sequence[Call], model: Module) -> dict[str, _Found]:
    """The layers by name, in the order of their last words."""
    # What is computed from tensors of the model alone, and whose they are; numbers without axes belong to everybody.
    owners = {tensor: frozenset([_owner(name)]) for name, tensor in model.tensors().items()}
    found: dict[str, _Found] = {}
    followed: dict[Tensor, _Found] = {}
    for call in calls:
        own = frozenset[str]().union(*(owners[x] for x in call.inputs if x in owners))
        data = [x for x in call.inputs if x not in owners and x.ndim > 0]
        if not data:
            owners[call.output] = own
        elif own:
            for owner in own:
                before = found.pop(owner, None)
                # A bias is added to what its weight made of the data.
                goes_on = before is not None and any(x is before.output for x in data)
                first = before.data if before is not None and goes_on else data[0]
                found[owner] = followed[call.output] = _Found(first, call.output, call.output)
        elif data[0] in followed and call.primitive.name in _PASSING:
            layer = followed[call.output] = followed[data[0]]
            layer.passed = call.output
            layer.steps.append(_PASSING[call.primitive.name])
    return found


def _input_shape(data: Tensor, makers: Mapping[Tensor, Call], shapes: Sequence[Shape]) -> Shape | None:
    """The last axes of the image that was flattened to the rows which a matrix (out_features, in_features) takes."""
    matrices = [shape for shape in shapes if len(shape) == 2]
    while data.ndim < 4 and data in makers and makers[data].primitive.name == "reshape_to":
        data = makers[data].inputs[0]
    if not matrices or data.ndim < 4:
        return None
    fitting = [data.shape[i:] for i in (1, 2) if prod(data.shape[i:]) == matrices[0][1]]
    return fitting[0] if fitting and prod(fitting[0][-2:]) > 1 else None
