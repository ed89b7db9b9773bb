"""How far apart a training in a tab and the same one in Python are at their end.

    glassnet export --web cifar10 site/ --steps 200 --optimizer sgd --learning-rate 0.001 --schedule constant
    python benchmarks/browser/agreement.py site/ [--engine wasm-1]

Both train to the end of the budget, from the same weights, on the same batches and random numbers. Printed: the
distance of the parameters as a share of their length; and, to see what other kernels make of the same training, that
between onnxruntime and PyTorch in Python. It needs Chromium, PyTorch, and the data.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from safetensors.numpy import load_file
from serving import served

from glassnet.baselines.machine import describe
from glassnet.runtimes import get_runtime
from glassnet.tasks import open_task
from glassnet.training import Settings, create, train
from glassnet.training.events import Stepped


def in_tab(site: Path, engine: str, file: Path) -> None:
    """Train to the end, and save the state."""
    chromium = os.environ.get("GLASSNET_CHROMIUM") or shutil.which("chromium")
    with served({"": site}) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{address}/?lang=en&engine={engine}")
        page.locator("[data-state=finished]").first.wait_for(timeout=1_200_000)
        with page.expect_download() as download:
            page.get_by_role("button", name="Save everything").click()
        download.value.save_as(file)
        browser.close()


def in_python(settings: Settings, where: Path, name: str) -> tuple[dict[str, np.ndarray], float]:
    runtime = get_runtime(name)
    task = open_task(settings, runtime)
    run = create(where / name, settings, task.facts)
    for _ in train(task, run, runtime):
        pass
    last = run.last(Stepped)
    assert last is not None
    return dict(run.newest_checkpoint()[0].tensors), last.loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--engine", default="wasm-1")
    options = parser.parse_args()
    settings = Settings(**json.loads((options.site / "network" / "manifest.json").read_bytes())["settings"])
    rule = f"{settings.optimizer} at {settings.learning_rate:g}, {settings.schedule}"
    print(describe(f"{settings.model}, {settings.steps} steps of {settings.batch_size}, {rule}, {options.engine}"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state.safetensors"
        in_tab(options.site, options.engine, file)
        found = load_file(file)
        expected, loss = in_python(settings, Path(folder), "onnx")
        other, _ = in_python(settings, Path(folder), "torch")
    print(f"tab and Python: {apart(found, expected):.2g} of the length of the parameters; loss {loss:.4f}")
    print(f"onnxruntime and PyTorch, both in Python: {apart(other, expected):.2g}")


def apart(one: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float:
    names = [name for name in expected if name.startswith("parameters/")]
    a, b = (np.concatenate([state[name].ravel().astype(np.float64) for name in names]) for state in (one, expected))
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


if __name__ == "__main__":
    main()
