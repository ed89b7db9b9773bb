"""Many small tensors laid end to end as few long ones: an update is then a handful of calls, not hundreds."""

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

    @staticmethod
    def by(group: Callable[[str, ArraySpec], str], specs: Mapping[str, ArraySpec]) -> Packing:
        """One pack for each name that ``group(name, spec)`` gives."""
        packs: dict[str, dict[str, ArraySpec]] = {}
        for name, spec in specs.items():
            packs.setdefault(group(name, spec), {})[name] = spec
        return Packing(packs)

    def specs(self) -> dict[str, ArraySpec]:
        """The spec of each pack: one axis, as long as all its tensors together."""
        return {
            pack: ArraySpec((sum(spec.size for spec in members.values()),), next(iter(members.values())).dtype)
            for pack, members in self.packs.items()
        }

    def pack(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The named tensors end to end."""
        return {
            pack: _end_to_end([reshape(tensors[name], (-1,)) for name in members])
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
        """`pack` for plain arrays."""
        return {
            pack: np.concatenate([arrays[name].reshape(-1) for name in members]) for pack, members in self.packs.items()
        }

    def unpack_arrays(self, packed: Mapping[str, Array]) -> dict[str, Array]:
        """`unpack` for plain arrays (views of the packs)."""
        return {
            name: packed[pack][start : start + spec.size].reshape(spec.shape)
            for pack, members in self.packs.items()
            for name, (start, spec) in _places(members).items()
        }


def _end_to_end(parts: list[Tensor]) -> Tensor:
    return concatenate(parts) if len(parts) > 1 else parts[0]


def _part(pack: Tensor, start: int, size: int) -> Tensor:
    return slice_axis(pack, 0, start, start + size) if size < pack.size else pack


def _places(members: Mapping[str, ArraySpec]) -> dict[str, tuple[int, ArraySpec]]:
    places, start = {}, 0
    for name, spec in members.items():
        places[name] = (start, spec)
        start += prod(spec.shape)
    return places
