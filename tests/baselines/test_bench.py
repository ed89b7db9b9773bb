"""What is made of the seconds: medians, ratios, shares, and the refusal of a step that computes something else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from glassnet.baselines.bench import Timing, agreeing, rows, table
from glassnet.baselines.workers import Memory, Variant
from glassnet.errors import GlassnetError
from tests.baselines import steps


def timing(
    name: str, seconds: Sequence[float], losses: Sequence[float], precision: str = "float32", may_fail: bool = False
) -> Timing:
    variant = Variant(name, precision, steps.falling, {}, may_fail=may_fail)
    return Timing(variant, 5, seconds, losses, Memory(300 * 2**20, 100 * 2**20))


def test_rows() -> None:
    ours = timing("ours", [0.1, 0.2, 0.4], [1.0])
    theirs = timing("theirs", [0.3, 0.2, 0.6], [1.0], "bfloat16")
    mine, other = rows([ours, theirs], 1e9, 10, {"float32": 20e9, "bfloat16": 1e9})
    assert (mine.ms, mine.images_per_s) == pytest.approx((200.0, 50.0))
    assert (mine.ratio, mine.ratio_min, mine.ratio_max) == (1.0, 1.0, 1.0)
    assert (mine.gflop_per_s, mine.share_of_peak) == pytest.approx((5.0, 0.25))
    assert (mine.peak_mib, mine.added_mib) == (300.0, 200.0)
    assert mine.rounds_ms == pytest.approx([100.0, 200.0, 400.0])
    assert (other.ratio, other.ratio_min, other.ratio_max) == pytest.approx((1.5, 1.0, 3.0))
    assert (other.ms, other.gflop_per_s, other.share_of_peak) == pytest.approx((300.0, 10 / 3, 10 / 3))
    head, first, second = table([mine, other]).splitlines()
    assert "time / ours" in head
    assert first.split()[:3] == ["ours", "200.00", "50"]
    assert "1.50 (1.00 to 3.00)" in second


def test_wrong_losses_are_refused() -> None:
    reference = timing("theirs", [1.0], [2.0, 1.9, 1.8])
    alike = [
        reference,
        timing("ours", [1.0], [2.001, 1.93, 1.77]),
        timing("half", [1.0], [2.04, 1.8, 1.9], "bfloat16"),
    ]
    assert agreeing(alike, reference) == (alike, {})
    for losses in ([2.01, 1.9, 1.8], [2.0, 1.9, 1.9], [2.0, float("nan"), 1.8]):
        with pytest.raises(GlassnetError, match=r"the losses of theirs, 2\.0000, .*; got .* from ours\. To fix"):
            agreeing([timing("ours", [1.0], losses)], reference)
    with pytest.raises(GlassnetError):
        agreeing([timing("half", [1.0], [2.0, float("nan"), 1.8], "bfloat16")], reference)


def test_wrong_losses_of_who_may_fail_are_told() -> None:
    reference = timing("theirs", [1.0], [2.0, 1.9, 1.8])
    wrong = timing("compiled", [1.0], [2.0, float("nan"), 1.8], may_fail=True)
    agreed, left_out = agreeing([reference, wrong], reference)
    assert agreed == [reference]
    assert "got 2.0000, nan, 1.8000 from compiled" in left_out["compiled"]
