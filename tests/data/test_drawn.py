"""Generated houses: repeatable, all different, and in their ink like the real ones."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from glassnet.data.drawn import draw_houses


@pytest.fixture(scope="module")
def houses() -> NDArray[np.uint8]:
    return draw_houses(1000, seed=3)


def test_a_house_depends_on_seed_and_number_alone(houses: NDArray[np.uint8]) -> None:
    assert houses.shape == (1000, 28, 28)
    assert houses.dtype == np.uint8
    assert (draw_houses(17, seed=3) == houses[:17]).all()
    assert (draw_houses(300, seed=3) == houses[:300]).all()


def test_another_process_draws_the_same(houses: NDArray[np.uint8]) -> None:
    program = "import sys; from glassnet.data.drawn import draw_houses as d; sys.stdout.buffer.write(d(5, 3).tobytes())"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert ran.stdout == houses[:5].tobytes()


def test_all_are_different_also_from_those_of_other_seeds(houses: NDArray[np.uint8]) -> None:
    every = np.concatenate([houses, draw_houses(300, seed=4), draw_houses(300, seed=2**70)]).reshape(1600, -1)
    assert len(np.unique(every, axis=0)) == 1600


def test_no_two_are_nearly_the_same(houses: NDArray[np.uint8]) -> None:
    flat = houses[:150].reshape(150, -1).astype(np.float32) / 255
    distances = np.linalg.norm(flat[:, None] - flat[None], axis=2) + 99 * np.eye(150)
    assert distances.min() > 2


def test_they_fill_the_frame_and_leave_the_border_empty(houses: NDArray[np.uint8]) -> None:
    assert houses[:, 1:-1, 1:-1].any(axis=(1, 2)).all()
    assert houses[:, 1:-1, 1:-1].sum() == houses.sum(dtype=np.int64)
    width = (houses > 0).any(axis=1).sum(axis=1)
    height = (houses > 0).any(axis=2).sum(axis=1)
    assert (np.maximum(width, height) >= 25).all()
    assert (np.minimum(width, height) >= 9).all()


def test_their_ink_is_that_of_the_real_ones(houses: NDArray[np.uint8], real_houses: Path) -> None:
    real = np.load(real_houses / "quickdraw_house_rows_0_3498.npy")

    def share(images: NDArray[np.uint8], low: int, high: int) -> float:
        return float(((images >= low) & (images <= high)).mean())

    assert houses.mean() == pytest.approx(real.mean(), rel=0.2)
    assert share(houses, 255, 255) == pytest.approx(share(real, 255, 255), rel=0.35)
    assert share(houses, 1, 255) == pytest.approx(share(real, 1, 255), rel=0.2)
    spread = np.percentile(houses.mean(axis=(1, 2)), [10, 90]) / np.percentile(real.mean(axis=1), [10, 90])
    assert (abs(spread - 1) < 0.25).all()


def test_drawing_is_quick() -> None:
    start_s = time.process_time()
    draw_houses(400)
    assert time.process_time() - start_s < 1.5


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_no_house_and_no_seed_are_refused(count: int, seed: int) -> None:
    with pytest.raises(ValueError, match=f"expected count >= 1 and seed >= 0; got {count} and {seed}. To fix: "):
        draw_houses(count, seed)
