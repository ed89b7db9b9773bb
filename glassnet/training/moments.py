"""The network of a run at any moment that can still be had: the newest checkpoint, or one that the history kept."""

from __future__ import annotations

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError
from glassnet.training import history
from glassnet.training.run import Run
from glassnet.training.step import weights_of


def network_at(run: Run, step: int | None = None) -> tuple[int, dict[str, Array]]:
    """The step that was found, and weights and buffers by their names in the model. Raises CheckpointError.

    Of the newest checkpoint, if ``step`` is None, the averaged weights; else the learned weights that were kept at that
    step, or last before it. Buffers are missing from a history that an older version wrote.
    """
    if step is None:
        newest, _ = run.newest_checkpoint()
        return newest.step, weights_of(newest.tensors)
    kept = history.last_before(run, step)
    if kept is None:
        raise CheckpointError(
            f"expected weights that {run.path} kept up to step {step}; got none. To fix: choose a later step, or none "
            "at all for the newest."
        )
    at, path = kept
    return at, {**history.load(path), **history.load_buffers(path)}
