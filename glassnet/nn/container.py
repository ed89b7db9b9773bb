"""Layers made of layers: one after another, and one around another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError
from glassnet.nn.module import Module
from glassnet.ops import Random


@final
class Sequential(Module):
    """y = layer_n(... layer_1(x)); ``random`` is handed to the layers that draw. Names are ``0.weight``, ``1.bias``."""

    def __init__(self, *layers: Module):
        self.layers = list(layers)
        self.is_random = any(layer.is_random for layer in layers)

    def __call__(self, x: Tensor, random: Random | None = None) -> Tensor:
        for layer in self.layers:
            x = _call(layer, x, random)
        return x

    def _children(self) -> Iterator[tuple[str, Module]]:
        return ((str(i), layer) for i, layer in enumerate(self.layers))


@final
class Residual(Module):
    """y = inner(x) + shortcut(x), the shortcut being x itself unless given.

    He et al. 2016 (https://arxiv.org/abs/1512.03385).
    """

    def __init__(self, inner: Module, shortcut: Module | None = None):
        self.inner, self.shortcut = inner, shortcut
        self.is_random = inner.is_random or (shortcut is not None and shortcut.is_random)

    def __call__(self, x: Tensor, random: Random | None = None) -> Tensor:
        y = _call(self.inner, x, random)
        past = x if self.shortcut is None else _call(self.shortcut, x, random)
        if y.shape != past.shape:
            raise ShapeError(
                f"expected equal shapes on both ways of a residual; got {y.spec} and past it {past.spec}. "
                "To fix: give a shortcut that changes the shape in the same way."
            )
        return y + past


def _call(layer: Module, x: Tensor, random: Random | None) -> Tensor:
    """The layer at ``x``, with ``random`` if it draws."""
    y: Tensor = layer(x, random) if layer.is_random else layer(x)
    return y
