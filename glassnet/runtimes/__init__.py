"""Where a graph runs: the reference on NumPy, and kernel libraries that agree with it."""

from glassnet.errors import RuntimeUnavailableError
from glassnet.runtimes.numpy import NumpyRuntime
from glassnet.runtimes.runtime import Executable, Runtime


def get_runtime(name: str, device: str = "auto") -> Runtime:
    """The runtime of that name; ``auto`` is onnx. Raises RuntimeUnavailableError."""
    if device == "cuda":
        raise RuntimeUnavailableError(
            "expected a runtime for --device cuda; got only runtimes for the CPU. To fix: leave --device out."
        )
    if name == "numpy":
        return NumpyRuntime()
    if name in ("auto", "onnx"):
        from glassnet.runtimes.onnx import OnnxRuntime

        return OnnxRuntime()
    raise RuntimeUnavailableError(f"expected --runtime onnx or numpy; got {name}. To fix: choose one of them.")


__all__ = ["Executable", "NumpyRuntime", "Runtime", "get_runtime"]
