"""The tape: a list of what was done, in order; knows nothing of derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glassnet.autodiff.tensor import Tensor

if TYPE_CHECKING:
    from glassnet.autodiff.primitive import Primitive


@dataclass(frozen=True, slots=True)
class Call:
    """One application of a primitive: ``output = primitive(*inputs, **params)``."""

    primitive: Primitive
    inputs: tuple[Tensor, ...]
    params: Mapping[str, Any]
    output: Tensor


@dataclass(slots=True)
class Tape:
    """Records every call made inside its ``with`` block. Tapes nest; each one hears everything."""

    calls: list[Call] = field(default_factory=list)

    def __enter__(self) -> Tape:
        _listening.set((*_listening.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        _listening.set(tuple(tape for tape in _listening.get() if tape is not self))


# A context variable, so that two threads (or two tasks of a server) never write on each other's tapes.
_listening: ContextVar[tuple[Tape, ...]] = ContextVar("listening", default=())


def record(call: Call) -> None:
    """Write ``call`` on all tapes that are listening."""
    for tape in _listening.get():
        tape.calls.append(call)
