"""What a runtime is: something that makes a graph run. The rest of the house knows only this page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from glassnet.autodiff import Array
from glassnet.graph import Graph


class Executable(Protocol):
    """A compiled graph that keeps its carried values (weights, optimizer state) to itself between calls."""

    def load(self, carried: Mapping[str, Array]) -> None:
        """Put all carried values in place, by name; needed once before the first call."""
        ...

    def carried(self) -> dict[str, Array]:
        """Copies of the carried values as the last call left them."""
        ...

    def hold(self, inputs: Mapping[str, Array]) -> None:
        """Keep these inputs where the graph runs, for all later calls, which then leave them out."""
        ...

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One step: takes the inputs that are neither carried nor held, renews what is carried, returns the rest."""
        ...


class Runtime(Protocol):
    """A way to run graphs."""

    name: str

    def compile(self, graph: Graph) -> Executable:
        """Raises MissingRuleError if the graph holds a primitive that this runtime cannot do."""
        ...
