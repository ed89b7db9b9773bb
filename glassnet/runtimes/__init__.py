"""Where a graph runs: the reference on NumPy, and kernel libraries that agree with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.errors import RuntimeUnavailableError, SettingsError
from glassnet.runtimes.numpy import NumpyRuntime
from glassnet.runtimes.runtime import Executable, Runtime

if TYPE_CHECKING:
    from glassnet.runtimes.parallel import Group

_HALF = ("bfloat16", "float16")


def get_runtime(name: str, device: str = "auto", precision: str = "auto") -> Runtime:
    """The runtime of that name; ``auto`` is onnx, or torch where only that can do what is asked.

    device      auto (the CPU), cpu, or cuda
    precision   of activations: auto (float32), float32, bfloat16 or float16; weights are always kept in float32

    Raises RuntimeUnavailableError, which says what is missing on this machine; SettingsError if the three do not fit.
    """
    precision = "float32" if precision == "auto" else precision
    if name == "auto":
        name = "torch" if device == "cuda" or precision in _HALF else "onnx"
    if name == "torch":
        return _torch(device, precision)
    for option, value in (("device", device), ("precision", precision)):
        if value in ("cuda", *_HALF):
            raise SettingsError(
                f"expected --runtime torch for --{option} {value}; got --runtime {name}. To fix: leave one of them out."
            )
    if name == "numpy":
        return NumpyRuntime()
    if name == "onnx":
        from glassnet.runtimes.onnx import OnnxRuntime

        return OnnxRuntime()
    raise SettingsError(f"expected --runtime auto, onnx, torch or numpy; got {name}. To fix: choose one of them.")


def get_group(device: str, shares_batches: bool = True) -> Group:
    """The processes that `torchrun` started, on GPUs (cuda) or CPUs. Raises PeerError.

    shares_batches: whether, within its block, each of them has a part of every batch.
    """
    try:
        from glassnet.runtimes.parallel import Group
    except ModuleNotFoundError as error:
        raise _without_torch("several processes", error) from error
    return Group(device, shares_batches)


def _torch(device: str, precision: str) -> Runtime:
    try:
        from glassnet.runtimes.torch import TorchRuntime
    except ModuleNotFoundError as error:
        raise _without_torch("--runtime torch", error) from error
    return TorchRuntime("cuda" if device == "cuda" else "cpu", precision)


def _without_torch(what: str, error: ModuleNotFoundError) -> RuntimeUnavailableError:
    return RuntimeUnavailableError(
        f"expected PyTorch for {what}; got no package '{error.name}'. "
        "To fix: pip install 'glassnet[torch]', or do without."
    )


__all__ = ["Executable", "NumpyRuntime", "Runtime", "get_group", "get_runtime"]
