"""What of the numbers that are asked for a training can be put in force, and under which names its step takes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from glassnet.training.control import Controls
from glassnet.training.events import Adjusted, Started
from glassnet.training.run import Run
from glassnet.training.settings import Settings


def possible(
    asked: Controls, in_force: Controls, hyperparameters: Mapping[str, float], num_examples: int, num_parts: int = 1
) -> tuple[Controls, list[str]]:
    """What can be in force from now on, and a line for what cannot.

    hyperparameters: of the optimizer. num_parts: so many equal parts a batch must have.
    """
    can, notices = asked.lasting(), [] if asked.complaint is None else [asked.complaint]
    if asked.momentum is not None and _momentum_of(hyperparameters) is None:
        can = dataclasses.replace(can, momentum=None)
        notices.append(
            f"expected no momentum for a training that was started with --momentum 0; got {asked.momentum:g}. "
            "It goes on without."
        )
    if asked.batch_size is not None and asked.batch_size > num_examples:
        can = dataclasses.replace(can, batch_size=in_force.batch_size)
        notices.append(
            f"expected a batch size of at most {num_examples}, the number of training examples; got "
            f"{asked.batch_size}. It goes on with the size it has."
        )
    elif asked.batch_size is not None and asked.batch_size % num_parts:
        can = dataclasses.replace(can, batch_size=in_force.batch_size)
        notices.append(
            f"expected a batch size that can be shared in {num_parts} equal parts; got {asked.batch_size}. It goes on "
            "with the size it has."
        )
    return dataclasses.replace(can, complaint=None), notices


def hyper_of(in_force: Controls, hyperparameters: Mapping[str, float]) -> dict[str, float]:
    """Weight decay and momentum by their names among the ``hyperparameters``, where they are not as in the settings."""
    name = _momentum_of(hyperparameters)
    given = {"weight_decay": in_force.weight_decay, **({name: in_force.momentum} if name else {})}
    return {name: value for name, value in given.items() if value is not None}


def in_force_at(run: Run, step: int) -> tuple[Settings, float | None]:
    """The settings by which a run took the step after ``step``, and the learning rate, if it was given by hand."""
    now: Adjusted | None = None
    for event in run.events():
        if isinstance(event, Started):  # from then on the settings, until it is said otherwise
            now = None
        elif isinstance(event, Adjusted) and event.step <= step:
            now = event
    if now is None:
        return run.settings, None
    given = {name: getattr(now, name) for name in ("momentum", "weight_decay", "batch_size")}
    known = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(run.settings, **known), now.learning_rate


def _momentum_of(hyperparameters: Mapping[str, float]) -> str | None:
    return next((name for name in ("momentum", "beta1") if name in hyperparameters), None)
