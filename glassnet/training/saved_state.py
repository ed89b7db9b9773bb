"""A training that went on elsewhere, in one file: a page that trains by itself saves it, and here it is a run again."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError, SettingsError
from glassnet.training import checkpoint as checkpoints
from glassnet.training.checkpoint import Checkpoint
from glassnet.training.run import Run, Writer, create
from glassnet.training.settings import Settings

KEY = "glassnet"  # of the metadata: step, elapsed_s, num_seen, settings and facts, in JSON


def unpack(file: Path, directory: Path) -> Run:
    """Make a run of the whole state in ``file``, with one checkpoint. Raises CheckpointError, of anything else."""
    tensors, told = _read(file)
    try:
        known = {field.name for field in fields(Settings)}
        settings = Settings(**{name: value for name, value in dict(told["settings"]).items() if name in known})
        facts = dict(told["facts"])
        step, elapsed_s = int(told["step"]), float(told["elapsed_s"])
        num_seen = None if told.get("num_seen") is None else int(told["num_seen"])
        if min(step, elapsed_s, num_seen or 0) < 0 or not np.isfinite(elapsed_s):
            raise ValueError(f"step {step} after {elapsed_s} s")
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        raise _refusal(file, f"something else ({error})") from error
    run = create(directory, settings, facts)
    with Writer(run):
        checkpoints.save(run.checkpoints, Checkpoint(step, elapsed_s, tensors, num_seen=num_seen))
    return run


def _read(file: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    try:
        with safe_open(file, "numpy") as opened:
            told = json.loads((opened.metadata() or {})[KEY])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118, it is no mapping
    except FileNotFoundError as error:
        raise _refusal(file, "none") from error
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refusal(file, f"something else ({error})") from error
    kinds = {name.partition("/")[0] for name in tensors}
    if not isinstance(told, dict) or not {"parameters", "averages"} <= kinds:
        raise _refusal(file, "the weights of a network alone, which --start of `glassnet train` takes")
    return tensors, told


def _refusal(file: Path, got: str) -> CheckpointError:
    return CheckpointError(
        f"expected a training in {file}, saved by a page that trains by itself; got {got}. To fix: choose another file."
    )
