"""What a figure was measured on: processor, cores, versions."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("glassnet", "numpy", "onnxruntime", "torch")
# Of x86 and of ARM, as Linux calls them: what decides how fast matrices are multiplied.
_INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16")


def machine() -> dict[str, Any]:
    """Facts by name; ``load_average`` is how many programs wanted a core in the minute before."""
    fields = _processor_fields()
    flags = fields.get("flags", fields.get("Features", "")).split()
    return {
        "processor": fields.get("model name") or platform.processor() or platform.machine(),
        "family": "/".join(fields[name] for name in ("cpu family", "model") if name in fields),
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
    }


def describe(extra: str = "") -> str:
    """The facts, and what else there is to know of a measurement, as one line to print above its results."""
    facts = machine()
    packages = ", ".join(f"{package} {facts[package]}" for package in _PACKAGES)
    return (
        f"# {facts['processor']} (family {facts['family'] or 'unknown'}; {' '.join(facts['instructions'])}), "
        f"{facts['cores']} cores, load {facts['load_average']}, Python {facts['python']}, {packages}"
        + (f", {extra}" if extra else "")
    )


def _processor_fields() -> dict[str, str]:
    """Of the first processor, by the names that Linux gives them; none elsewhere."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    parts = [line.partition(":") for line in text.split("\n\n")[0].splitlines()]
    return {name.strip(): value.strip() for name, _, value in parts}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
