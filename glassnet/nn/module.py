"""Modules: things with parameters, found by their dotted names; they know nothing of graphs or training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError


class Module:
    """Base of all layers and networks: attributes that are tensors or modules (or lists of modules) belong to it.

    A tensor attribute is a parameter (learned) unless its name is in ``buffer_names`` (kept, not learned, such
    as running statistics). Names are the path of attributes, ``blocks.0.conv.weight``, in order of assignment.
    """

    buffer_names: ClassVar[tuple[str, ...]] = ()
    # True for what draws random numbers while training: it is called as ``layer(x, random)``.
    is_random: bool = False
    is_training: bool = True

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers by dotted name."""
        return {name: getattr(owner, attribute) for name, owner, attribute in self._places()}

    def parameters(self) -> dict[str, Tensor]:
        """What is learned, by dotted name."""
        return {n: getattr(o, a) for n, o, a in self._places() if a not in o.buffer_names}

    def buffers(self) -> dict[str, Tensor]:
        """What is kept but not learned, by dotted name."""
        return {n: getattr(o, a) for n, o, a in self._places() if a in o.buffer_names}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put the named tensors in place; each must exist and have the shape of the one it replaces."""
        places = {name: (owner, attribute) for name, owner, attribute in self._places()}
        for name, value in tensors.items():
            if name not in places:
                raise ShapeError(f"expected one of the tensors {', '.join(places)}; got '{name}'. To fix: check it.")
            owner, attribute = places[name]
            present: Tensor = getattr(owner, attribute)
            if present.shape != value.shape:
                raise ShapeError(f"expected {present.spec} for '{name}'; got {value.spec}. To fix: check the model.")
            setattr(owner, attribute, value)

    @contextmanager
    def holding(self, tensors: Mapping[str, Tensor]) -> Iterator[None]:
        """The module with other tensors for the length of the block: how a traced step gets placeholders in."""
        saved = self.tensors()
        self.load(tensors)
        try:
            yield
        finally:
            self.load(saved)

    def train(self, is_training: bool = True) -> None:
        """Switch this module and all below it between training and evaluation."""
        self.is_training = is_training
        for _, child in self._children():
            child.train(is_training)

    def num_weights(self) -> int:
        return sum(parameter.size for parameter in self.parameters().values())

    def module(self, name: str) -> Module:
        """The module of a dotted name, such as ``blocks.0.conv``; this one itself if that is empty."""
        for own, child in self._children():
            if f"{name}.".startswith(f"{own}."):
                return child.module(name[len(own) + 1 :])
        if name:
            raise KeyError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __call__")

    def _children(self) -> Iterator[tuple[str, Module]]:
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list):
                yield from ((f"{name}.{i}", child) for i, child in enumerate(value) if isinstance(child, Module))

    def _places(self) -> Iterator[tuple[str, Module, str]]:
        """(dotted name, module that holds it, attribute) of every tensor below."""
        for attribute, value in vars(self).items():
            if isinstance(value, Tensor):
                yield attribute, self, attribute
        for prefix, child in self._children():
            for name, owner, attribute in child._places():
                yield f"{prefix}.{name}", owner, attribute
