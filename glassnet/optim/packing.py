"""Many small tensors laid end to end as few long ones: an update is then a handful of calls, not hundreds.

A rule that looks at whole matrices needs them whole: such a pack is one tensor, with all axes but the first as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.ops import concatenate, reshape, slice_axis


@dataclass(frozen=True, slots=True)
class Packing:
    """Which named tensors lie end to end in which pack, in order."""

    packs: Mapping[str, Mapping[str, ArraySpec]]
    matrices: frozenset[str] = frozenset()  # packs of one tensor (O, ...), kept as (O, rest)

    @staticmethod
    def by(
        group: Callable[[str, ArraySpec], str],
        specs: Mapping[str, ArraySpec],
        is_matrix: Callable[[str], bool] = lambda pack: False,
    ) -> Packing:
        """One pack for each name that ``group(name, spec)`` gives; those for which ``is_matrix`` holds keep an axis."""
        packs: dict[str, dict[str, ArraySpec]] = {}
        for name, spec in specs.items():
            packs.setdefault(group(name, spec), {})[name] = spec
        matrices = frozenset(filter(is_matrix, packs))
        assert all(len(packs[pack]) == 1 for pack in matrices), packs
        return Packing(packs, matrices)

    def specs(self) -> dict[str, ArraySpec]:
        """The spec of each pack: one axis, as long as all its tensors together, or a matrix."""
        return {pack: ArraySpec(self._shape(pack), self._first(pack).dtype) for pack in self.packs}

    def pack(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The named tensors end to end."""
        return {
            pack: _end_to_end([reshape(tensors[name], self._shape_in(pack)) for name in members])
            for pack, members in self.packs.items()
        }

    def unpack(self, packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The named tensors again, in their shapes."""
        return {
            name: reshape(_part(packed[pack], start, spec.size), spec.shape)
            for pack, members in self.packs.items()
            for name, (start, spec) in _places(members).items()
        }

    def pack_arrays(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """`pack` for plain arrays; of a pack of one tensor a view, which may be most of the network."""
        return {
            pack: _arrays_end_to_end([arrays[name].reshape(self._shape_in(pack)) for name in members])
            for pack, members in self.packs.items()
        }

    def unpack_arrays(self, packed: Mapping[str, Array]) -> dict[str, Array]:
        """`unpack` for plain arrays (views of the packs)."""
        return {
            name: packed[pack].reshape(-1)[start : start + spec.size].reshape(spec.shape)
            for pack, members in self.packs.items()
            for name, (start, spec) in _places(members).items()
        }

    def _first(self, pack: str) -> ArraySpec:
        return next(iter(self.packs[pack].values()))

    def _shape(self, pack: str) -> tuple[int, ...]:
        """Of the whole pack."""
        if pack in self.matrices:
            rows = self._first(pack).shape[0]
            return rows, self._first(pack).size // rows
        return (sum(spec.size for spec in self.packs[pack].values()),)

    def _shape_in(self, pack: str) -> tuple[int, ...]:
        """Of a tensor in the pack."""
        return self._shape(pack) if pack in self.matrices else (-1,)


def _end_to_end(parts: list[Tensor]) -> Tensor:
    return concatenate(parts) if len(parts) > 1 else parts[0]


def _arrays_end_to_end(parts: list[Array]) -> Array:
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _part(pack: Tensor, start: int, size: int) -> Tensor:
    return slice_axis(pack, 0, start, start + size) if size < pack.size else pack


def _places(members: Mapping[str, ArraySpec]) -> dict[str, tuple[int, ArraySpec]]:
    places, start = {}, 0
    for name, spec in members.items():
        places[name] = (start, spec)
        start += prod(spec.shape)
    return places
