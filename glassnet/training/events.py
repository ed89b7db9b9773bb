"""What a training tells: the vocabulary that the terminal, the run directory and the pages share."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Started:
    """A training begins, or goes on after ``step`` steps."""

    task: str
    source: str  # where the examples are from, in words
    num_examples: int
    num_weights: int
    runtime: str
    step: int
    elapsed_s: float
    setup_s: float  # from the call of `train` to here


@dataclass(frozen=True, slots=True)
class Stepped:
    """One update of the weights."""

    step: int  # 1 after the first update
    loss: float
    gradient_norm: float
    learning_rate: float
    progress: float  # share of the budget that is used up
    elapsed_s: float
    images_per_s: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The averaged weights, tried on examples that they never learned from."""

    step: int
    elapsed_s: float
    validation_loss: float
    accuracy: float | None = None  # share of the examples that it names rightly; None where there is nothing to name


@dataclass(frozen=True, slots=True)
class Pictured:
    """Pictures were kept, to show how far the network is."""

    step: int
    elapsed_s: float
    file: str  # relative to the run directory; an .npy with a .png beside it


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """The whole state is safe on disk."""

    step: int
    elapsed_s: float
    directory: str  # relative to the run directory


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that a person should know, and that does not end the training."""

    step: int
    message: str


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Other numbers than before are in force from here on, until the next of these or of `Started`.

    None: as the settings say, the learning rate by the schedule.
    """

    step: int  # taken before
    elapsed_s: float
    learning_rate: float | None
    momentum: float | None  # of adamw its beta1
    weight_decay: float | None
    batch_size: int | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The training is over."""

    step: int
    elapsed_s: float
    reason: str  # "budget spent", "nothing improves any more" or "stopped"
    loss: float | None  # mean over the last steps; None if there were none
    validation_loss: float | None  # the best; None if there was no evaluation
    accuracy: float | None = None  # the last


Event: TypeAlias = Started | Stepped | Evaluated | Pictured | Checkpointed | Noticed | Adjusted | Finished
EVENT_TYPES = {kind.__name__.lower(): kind for kind in Event.__args__}


def to_json(event: Event) -> str:
    """One line of ``events.jsonl``."""
    return json.dumps({"event": type(event).__name__.lower(), **dataclasses.asdict(event)}, allow_nan=False)


def from_json(line: str | bytes) -> Event | None:
    """The event that `to_json` wrote; None if the line is something else."""
    try:
        values = json.loads(line)
        return EVENT_TYPES[values.pop("event")](**values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
