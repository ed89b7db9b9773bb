"""The loop that yields events, the run directory, and checkpoints."""

from glassnet.training.checkpoint import Checkpoint
from glassnet.training.control import Controls, read_controls, unpause, write_controls
from glassnet.training.loop import train
from glassnet.training.moments import network_at
from glassnet.training.pictures import write_film
from glassnet.training.run import Run, create, find_runs, new_directory
from glassnet.training.settings import Settings
from glassnet.training.start import check_start
from glassnet.training.steering import steered
from glassnet.training.task import Task

__all__ = [
    "Checkpoint", "Controls", "Run", "Settings", "Task", "check_start", "create", "find_runs", "network_at",
    "new_directory", "read_controls", "steered", "train", "unpause", "write_controls", "write_film",
]  # fmt: skip
