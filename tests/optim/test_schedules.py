"""Every schedule starts, ends, rises and falls as it says, and agrees with PyTorch where that has the same."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from glassnet import optim
from glassnet.errors import SettingsError
from glassnet.optim import Schedule, constant, cosine, linear_warmup, one_cycle, schedules

# A schedule, and the corners (progress, factor) between which it rises, falls or stays.
CASES: dict[str, list[tuple[Schedule, list[tuple[float, float]]]]] = {
    "constant": [(constant(), [(0.0, 1.0), (1.0, 1.0)])],
    "linear_warmup": [
        (linear_warmup(0.2, constant()), [(0.0, 0.0), (0.1, 0.5), (0.2, 1.0), (1.0, 1.0)]),
        (linear_warmup(0.5, cosine(0.1)), [(0.0, 0.0), (0.5, 1.0), (0.75, 0.55), (1.0, 0.1)]),
        (linear_warmup(0.0, cosine()), [(0.0, 1.0), (1.0, 0.0)]),
    ],
    "cosine": [
        (cosine(), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)]),
        (cosine(0.2), [(0.0, 1.0), (0.5, 0.6), (1.0, 0.2)]),
    ],
    "one_cycle": [(one_cycle(0.25, 0.1, 0.01), [(0.0, 0.1), (0.25, 1.0), (1.0, 0.01)])],
}
EVERY = [case for cases in CASES.values() for case in cases]


def test_every_schedule_has_a_case() -> None:
    assert set(CASES) == set(schedules.__all__)
    assert set(schedules.__all__) <= set(optim.__all__)


@pytest.mark.parametrize(("schedule", "corners"), EVERY)
def test_goes_from_corner_to_corner_without_turning(schedule: Schedule, corners: list[tuple[float, float]]) -> None:
    for (start, low), (end, high) in pairwise(corners):
        factors = [schedule(progress) for progress in np.linspace(start, end, 50).tolist()]
        assert factors[0] == pytest.approx(low, abs=1e-12)
        assert factors[-1] == pytest.approx(high, abs=1e-12)
        assert np.all(np.diff(factors) * np.sign(high - low) >= 0.0)
        if low == high:
            assert set(factors) == {low}


@pytest.mark.parametrize(("schedule", "corners"), EVERY)
def test_over_time_stays_at_the_end(schedule: Schedule, corners: list[tuple[float, float]]) -> None:
    assert schedule(1.3) == pytest.approx(corners[-1][1], abs=1e-12)


def torch_optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def test_cosine_is_that_of_torch() -> None:
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(torch_optimizer(), T_max=30, eta_min=0.05)
    for step in range(31):
        assert cosine(0.05)(step / 30) == pytest.approx(theirs.get_last_lr()[0], abs=1e-12)
        theirs.optimizer.step()  # PyTorch warns if a schedule moves before its optimizer
        theirs.step()


def test_one_cycle_is_that_of_torch() -> None:
    theirs = torch.optim.lr_scheduler.OneCycleLR(torch_optimizer(), max_lr=1.0, total_steps=41, pct_start=0.3)
    ours = one_cycle(rise_share=(0.3 * 41 - 1) / 40)  # torch counts its phases one step short
    for step in range(41):
        assert ours(step / 40) == pytest.approx(theirs.get_last_lr()[0], abs=1e-12)
        if step < 40:
            theirs.optimizer.step()
            theirs.step()


def test_shares_have_their_range() -> None:
    with pytest.raises(SettingsError, match=r"^expected 0 <= warmup_share < 1; got 1\.0\. To fix: try 0\.05\.$"):
        linear_warmup(1.0, constant())
    with pytest.raises(SettingsError, match=r"^expected 0 < rise_share < 1; got 0\.0\. To fix: try 0\.3\.$"):
        one_cycle(0.0)
