"""What is added to a run beside its training: a file, whole or not at all, by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from glassnet.errors import CheckpointError
from glassnet.training.checkpoint import flush_directory, write_durably

_PATIENCE_S = 5.0  # others who add something are done by then; a training is not


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """Nobody else writes to the run meanwhile. Raises CheckpointError if somebody does."""
    try:
        with FileLock(run / "lock", timeout=_PATIENCE_S):
            yield
    except Timeout as error:
        raise CheckpointError(
            f"expected to be the only one who writes to {run}; got another process that holds it, such as a training. "
            "To fix: wait until it has ended."
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"expected to write to the run directory {run}; got '{error.strerror}'. To fix: free space or permissions "
            "there."
        ) from error


def put(file: Path, data: bytes) -> None:
    """Write a file of a run, for which the caller is `alone`: whoever reads finds the old content or the new one."""
    temporary = file.with_name(f".{file.name}")
    write_durably(temporary, data)
    temporary.replace(file)
    flush_directory(file.parent)
