"""A classifier described by a line of text, such as ``conv 16 5x5, relu, pool 2, linear 10``: what is said is built.

The line is checked for a size of picture before anything is built, so that a mistake costs no memory and no time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final, final

import numpy as np

from glassnet.autodiff import Shape, Tensor
from glassnet.errors import SettingsError, ShapeError
from glassnet.nn import (
    GELU,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sigmoid,
    Standardize,
    Tanh,
)
from glassnet.ops import Random, reshape

EXAMPLE = "conv 16 5x5, relu, pool 2, conv 20 5x5, relu, pool 2"
FORMS = (
    "conv N KxK [stride S] [padding P]", "pool K [stride S]", "average K [stride S]", "relu", "gelu", "tanh",
    "sigmoid", "norm", "dropout P", "linear N",
)  # fmt: skip
MOST_LAYERS, MOST_WEIGHTS, MOST_NUMBERS = 100, 50_000_000, 20_000_000

_SIZE, _STRIDE = r"(?P<size>[1-9]\d{0,5})", r"(?: stride (?P<stride>[1-9]\d{0,2}))?"
_PATTERNS: Final = {
    "conv": _SIZE + r" (?P<height>[1-9]\d?)x(?P<width>[1-9]\d?)" + _STRIDE + r"(?: padding (?P<padding>\d{1,3}))?",
    "pool": _SIZE + "(?:x(?P=size))?" + _STRIDE,
    "average": _SIZE + "(?:x(?P=size))?" + _STRIDE,
    "dropout": r"(?P<share>0?\.\d{1,6}|0)",
    "linear": _SIZE,
    **dict.fromkeys(("relu", "gelu", "tanh", "sigmoid", "norm"), ""),
}
_SPELLINGS: Final = {"batch norm": "norm", "max pool": "pool", "average pool": "average"}
_POOLS: Final = {"pool": MaxPool2d, "average": AvgPool2d}
_ACTIVATIONS: Final[Mapping[str, Callable[[], Module]]] = {
    "relu": ReLU, "gelu": GELU, "tanh": Tanh, "sigmoid": Sigmoid,
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One layer as it was written, in the ``number``-th place: its word, and what was said of it."""

    number: int
    text: str
    word: str
    said: Mapping[str, str] = field(default_factory=dict)

    def count(self, name: str, default: int = 0) -> int:
        return int(self.said.get(name, default))


@dataclass(frozen=True)
class Planned:
    """A layer with what goes in and comes out of one picture, (C, H, W) or (D,), and the number of its weights."""

    layer: Layer
    before: Shape
    after: Shape
    num_weights: int
    has_bias: bool = True


def is_description(model: str) -> bool:
    """Whether the name of a model is a list of layers."""
    return "," in model or " " in model.strip() or model.strip() in _PATTERNS


def parse(text: str) -> list[Layer]:
    """The layers of a line; SettingsError at the first that is none."""
    parts = [" ".join(part.lower().split()) for part in text.strip().strip(",").split(",")]
    if len(parts) > MOST_LAYERS:
        raise SettingsError(f"expected at most {MOST_LAYERS} layers; got {len(parts)}. To fix: leave some out.")
    return [_parse(number, part) for number, part in enumerate(parts, 1)]


def plan(text: str, num_classes: int, image_shape: Shape) -> list[Planned]:
    """The layers for pictures of ``image_shape`` (C, H, W), with the last linear layer if it was left out.

    SettingsError if they do not fit, or if they are too many weights to be meant.
    """
    layers = parse(text)
    if (layers[-1].word, layers[-1].count("size")) != ("linear", num_classes):
        layers.append(Layer(len(layers) + 1, f"linear {num_classes}", "linear", {"size": str(num_classes)}))
    planned, shape = [], image_shape
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        # A bias before a normalization would be taken out again.
        has_bias = following is None or following.word != "norm"
        planned.append(_plan(layer, shape, has_bias and layer.word in ("conv", "linear")))
        shape = planned[-1].after
    _check_size(planned)
    return planned


@final
class Described(Module):
    """Images (B, C, H, W) from 0 to 255, of the one size it is made for -> logits (B, K).

    Its layers are called by their word and number: ``conv1``, ``norm1``, ``conv2``, ``linear1``.
    """

    def __init__(
        self,
        text: str,
        generator: np.random.Generator,
        num_classes: int,
        *,
        standardize: Standardize,
        image_size: tuple[int, int],
    ):
        self.image_size, self.standardize = image_size, standardize
        layers = plan(text, num_classes, (standardize.mean.size, *image_size))
        self._named = list(zip(_names(layers), (_build(layer, generator) for layer in layers), strict=True))
        self._is_flat = [len(layer.after) == 1 for layer in layers]
        self.is_random = any(layer.is_random for _, layer in self._named)

    def __call__(self, images: Tensor, random: Random | None = None) -> Tensor:
        if images.shape[2:] != self.image_size:
            height, width = self.image_size
            raise ShapeError(f"expected images (B, C, {height}, {width}); got {images.spec}. To fix: resize them.")
        h = self.standardize(images)
        for (_, layer), is_flat in zip(self._named, self._is_flat, strict=True):
            if is_flat and h.ndim > 2:
                h = reshape(h, (h.shape[0], -1))
            h = layer(h, random) if layer.is_random else layer(h)
        return h

    def _children(self) -> Iterator[tuple[str, Module]]:
        yield "standardize", self.standardize
        yield from self._named


def _parse(number: int, text: str) -> Layer:
    spelled = next((text.replace(long, word, 1) for long, word in _SPELLINGS.items() if text.startswith(long)), text)
    word, _, rest = spelled.partition(" ")
    match = re.fullmatch(_PATTERNS[word], rest) if word in _PATTERNS else None
    if match is None:
        forms = [form for form in FORMS if form.split()[0] == word] or FORMS
        raise SettingsError(
            f"expected {'one of ' if len(forms) > 1 else ''}{', '.join(forms)}; got '{text[:60]}' as layer {number}. "
            f"To fix: write it like '{EXAMPLE}'."
        )
    return Layer(number, text, word, {name: value for name, value in match.groupdict().items() if value})


def _plan(layer: Layer, shape: Shape, has_bias: bool) -> Planned:
    size = layer.count("size")
    if layer.word == "linear":
        weights = prod(shape) * size + size * has_bias
        return Planned(layer, (prod(shape),), (size,), weights, has_bias)
    if layer.word in _ACTIVATIONS or layer.word == "dropout":
        return Planned(layer, shape, shape, 0)
    if len(shape) == 1:
        raise SettingsError(
            f"expected {layer.word} before the first linear layer, where there are pictures; got '{layer.text}' as "
            f"layer {layer.number}, behind one. To fix: move it to the front."
        )
    if layer.word == "norm":
        return Planned(layer, shape, shape, 2 * shape[0])
    after = _slid(layer, shape)
    if layer.word in _POOLS:
        return Planned(layer, shape, (shape[0], *after), 0)
    weights = size * shape[0] * layer.count("height") * layer.count("width") + size * has_bias
    return Planned(layer, shape, (size, *after), weights, has_bias)


def _slid(layer: Layer, shape: Shape) -> Shape:
    """(H, W) of what a window leaves that slides over (C, H, W)."""
    window, stride, padding = _window(layer)
    sides = [side + 2 * pad for side, pad in zip(shape[1:], padding, strict=True)]
    if any(side < part for side, part in zip(sides, window, strict=True)):
        raise SettingsError(
            f"expected a window of at most {' x '.join(map(str, shape[1:]))} numbers, which is what is left of the "
            f"picture there; got '{layer.text}' as layer {layer.number}. To fix: pool less before it, or here."
        )
    return tuple((side - part) // stride + 1 for side, part in zip(sides, window, strict=True))


def _window(layer: Layer) -> tuple[tuple[int, int], int, tuple[int, int]]:
    """Its sides, how far it moves, and what is put around the picture: as much as keeps its size, if it moves by 1."""
    if layer.word in _POOLS:
        side = layer.count("size")
        return (side, side), layer.count("stride", side), (0, 0)
    sides = (layer.count("height"), layer.count("width"))
    height, width = (layer.count("padding", (side - 1) // 2) for side in sides)
    return sides, layer.count("stride", 1), (height, width)


def _check_size(planned: Sequence[Planned]) -> None:
    weights = sum(layer.num_weights for layer in planned)
    if weights > MOST_WEIGHTS:
        most = max(planned, key=lambda layer: layer.num_weights)
        raise SettingsError(
            f"expected a network of at most {MOST_WEIGHTS:,} weights; got {weights:,}, {most.num_weights:,} of them in "
            f"'{most.layer.text}'. To fix: pool more before it, or make it smaller."
        )
    numbers = sum(prod(layer.after) for layer in planned)
    if numbers > MOST_NUMBERS:
        most = max(planned, key=lambda layer: prod(layer.after))
        raise SettingsError(
            f"expected layers that make at most {MOST_NUMBERS:,} numbers of a picture; got {numbers:,}, "
            f"{prod(most.after):,} of them from '{most.layer.text}'. To fix: make it smaller."
        )


def _names(planned: Sequence[Planned]) -> list[str]:
    counts: Counter[str] = Counter()
    names = []
    for layer in planned:
        counts[layer.layer.word] += 1
        names.append(f"{layer.layer.word}{counts[layer.layer.word]}")
    return names


def _build(planned: Planned, generator: np.random.Generator) -> Module:
    layer, size = planned.layer, planned.layer.count("size")
    if layer.word in _ACTIVATIONS:
        return _ACTIVATIONS[layer.word]()
    if layer.word == "dropout":
        return Dropout(float(layer.said["share"]))
    if layer.word == "norm":
        return BatchNorm2d(planned.before[0])
    if layer.word == "linear":
        return Linear(planned.before[0], size, has_bias=planned.has_bias, generator=generator)
    window, stride, padding = _window(layer)
    if layer.word in _POOLS:
        return _POOLS[layer.word](window, stride=stride)
    return Conv2d(
        planned.before[0], size, window, stride=stride, padding=padding, has_bias=planned.has_bias, generator=generator
    )
