"""Several processes that train together end where one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.several import alone, states

pytestmark = pytest.mark.slow
SETTINGS: dict[str, Any] = {"batch_size": 12, "steps": 5, "sync_batchnorm": True, "seed": 4}


@pytest.mark.parametrize("num", [2, 3, 4])
def test_in_float64_they_are_one(num: int, tmp_path: Path) -> None:
    case = {"is_exact": True, "runtime": "numpy", "settings": SETTINGS}
    found = states(num, case, tmp_path / "several")
    expected = alone(case, tmp_path)
    for name, array in expected.items():
        np.testing.assert_allclose(found[0][name], array, rtol=1e-12, atol=1e-14, err_msg=name)
        # What one process has they all have, to the last bit.
        assert all(np.array_equal(other[name], found[0][name]) for other in found), name


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_with_kernels_of_torch(optimizer: str, tmp_path: Path) -> None:
    case = {"is_exact": False, "runtime": "torch", "settings": {**SETTINGS, "optimizer": optimizer}}
    found = states(2, case, tmp_path / "several")
    expected = alone(case, tmp_path)
    for name, array in expected.items():
        np.testing.assert_allclose(found[0][name], array, rtol=1e-4, atol=1e-6, err_msg=name)
        assert np.array_equal(found[1][name], found[0][name]), name


@pytest.mark.parametrize(("num", "optimizer"), [(2, "adamw"), (3, "muon"), (4, "sgd")])
def test_in_float32_they_are_one_that_takes_as_many_pieces(num: int, optimizer: str, tmp_path: Path) -> None:
    shared = {**SETTINGS, "sync_batchnorm": False, "optimizer": optimizer, "steps": 20}
    found = states(num, {"is_exact": False, "runtime": "torch", "settings": shared}, tmp_path / "several")
    in_pieces = {"is_exact": False, "runtime": "torch", "settings": {**shared, "micro_batches": num}}
    (expected,) = states(1, in_pieces, tmp_path / "alone")  # a process of its own too, with one thread
    for name, array in expected.items():
        assert np.array_equal(found[0][name], array), name
