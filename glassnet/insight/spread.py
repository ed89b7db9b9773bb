"""A sweep of nudges divided over several processes: one leads the race, the others nudge what it asks for.

Which process does which piece of the work hangs on who is free, what comes out does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glassnet.autodiff import Array
from glassnet.insight.landscape import Landscape, Nudge, Nudged, Weights

if TYPE_CHECKING:
    from glassnet.runtimes.parallel import Group


def spread_over(group: Group) -> Nudge:
    """What does as `Landscape.nudge`, with the help of the others; for the process that leads."""

    def nudge(landscape: Landscape, weights: Weights, epsilon: float, is_counting: bool) -> Nudged:
        group.say({"kind": "nudge", "epsilon": epsilon, "is_counting": is_counting})
        return _together(landscape, weights, epsilon, is_counting, group)

    return nudge


def help_to_nudge(landscape: Landscape, weights: Weights, group: Group) -> None:
    """Nudge what the leader asks for, until it says that it is over. Of the arguments only shapes matter."""
    for order in group.orders():
        _together(landscape, weights, order["epsilon"], order["is_counting"], group)


def _together(landscape: Landscape, weights: Weights, epsilon: float, is_counting: bool, group: Group) -> Nudged:
    there, moved = landscape.at(group.share(landscape.with_weights(weights)))
    part = there.nudge(moved, epsilon, is_counting, group.portion)
    sides = (part.up, part.down, part.crossed)
    # One message: each costs time, however short it is.
    summed = group.sum(np.concatenate([side[name].ravel() for side in sides for name in weights]))
    up, down, crossed = (_apart(flat, weights) for flat in np.split(summed, len(sides)))
    return Nudged(up, down, {name: counts.astype(np.int64) for name, counts in crossed.items()})


def _apart(flat: Array, weights: Weights) -> dict[str, Array]:
    ends = np.cumsum([array.size for array in weights.values()])[:-1]
    parts = zip(weights.items(), np.split(flat, ends), strict=True)
    return {name: part.reshape(array.shape) for (name, array), part in parts}
