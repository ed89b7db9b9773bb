"""The loop that yields events, the run directory, and checkpoints."""

from glassnet.training.checkpoint import Checkpoint
from glassnet.training.loop import train
from glassnet.training.pictures import write_film
from glassnet.training.run import Run, create, find_runs
from glassnet.training.settings import Settings
from glassnet.training.task import Task

__all__ = ["Checkpoint", "Run", "Settings", "Task", "create", "find_runs", "train", "write_film"]
