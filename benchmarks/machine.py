"""What a figure was measured on: processor, cores, versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def describe(extra: str = "") -> str:
    """One line to print above every result."""
    packages = ("glassnet", "numpy", "onnxruntime", "torch")
    versions = ", ".join(f"{package} {_version(package)}" for package in packages)
    return f"# {_processor()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, {versions}" + (
        f", {extra}" if extra else ""
    )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    family = [line.partition(":")[2].strip() for line in lines if line.startswith(("cpu family", "model\t"))][:2]
    return f"{names[0]} (family {'/'.join(family)})" if names else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
