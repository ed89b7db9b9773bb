"""What is looked into: a run with its data and its network, and a picture to show it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from glassnet.autodiff import Array, Tensor
from glassnet.data import people
from glassnet.data.facecrop import Framing
from glassnet.data.pictures import read_picture
from glassnet.errors import CheckpointError, DataError
from glassnet.nn import Module
from glassnet.runtimes import Runtime
from glassnet.tasks import houses, open_task
from glassnet.training import Checkpoint, Run, Task
from glassnet.training.batches import Batches
from glassnet.training.randomness import generator
from glassnet.training.step import weights_of


@dataclass(frozen=True)
class Subject:
    """A run with its task and its network, which holds the averaged weights of the checkpoint."""

    run: Run
    checkpoint: Checkpoint
    runtime: Runtime
    task: Task
    model: Module

    @property
    def title(self) -> str:
        settings = self.run.settings
        return f"{settings.task}, {settings.model}, {self.model.num_weights():,} weights"

    @property
    def when(self) -> str:
        return f"after {self.checkpoint.step:,} steps"


@dataclass(frozen=True)
class Example:
    """One picture as the network learns from it, uint8 (C, H, W), and the number of its class if it is known."""

    image: Array
    label: int | None
    source: str


def open_subject(run: Run, checkpoint: Checkpoint, runtime: Runtime) -> Subject:
    """The run with its data, which must be where they were in the training."""
    task = open_task(run.settings, runtime)
    model = task.model(generator(run.settings.seed, "initialization"))
    subject = Subject(run, checkpoint, runtime, task, model)
    weights = weights_of(checkpoint.tensors)
    shapes = {name: tensor.shape for name, tensor in model.tensors().items()}
    if shapes != {name: array.shape for name, array in weights.items()}:
        raise CheckpointError(
            f"expected the data that {run.path} was trained on; got {task.source}, for which the network has other "
            "shapes. To fix: put the data back as they were."
        )
    model.load({name: Tensor(array) for name, array in weights.items()})
    return subject


def read_example(subject: Subject, path: Path | None) -> Example:
    """The picture at ``path``, or else the first that was held out of the training."""
    if path is not None:
        return Example(_read(subject, path), None, str(path))
    held_out = subject.task.validation
    if len(held_out["images"]):
        examples, source = held_out, "the first picture that was held out of the training"
    else:
        examples, source = first_examples(subject, 1), "the first picture of the training"
    image = examples["images"][0]
    number = int(examples["labels"][0]) if "labels" in examples else None
    return Example(image if image.ndim == 3 else image[None], number, source)


def _read(subject: Subject, path: Path) -> Array:
    facts = subject.run.facts
    if "people" in facts:
        (face,) = people.read_faces([path], Framing.from_json(facts["framing"]))
        if isinstance(face, str):
            raise DataError(f"expected a face in {path}; got {face}. To fix: choose another photo.")
        return face
    if "classes" in facts:
        channels, size_px, _ = facts["image_shape"]
        return read_picture(path, size_px, channels)
    drawing = read_picture(path, houses.SIZE, 1)
    # Drawings are ink 255 on 0; on paper it is the other way round.
    return 255 - drawing if drawing.mean() > 127 else drawing


def first_examples(subject: Subject, num: int) -> dict[str, Array]:
    """The first examples of the training."""
    batches = Batches(subject.task.training, min(num, len(subject.task.training["images"])), subject.run.settings.seed)
    batch = batches.batch(0)
    batches.close()
    return batch
