"""What is looked into: a run with its data and its network, and a picture to show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.baselines.flops import count_flops
from glassnet.data.facecrop import Framing, cut_face
from glassnet.data.pictures import decode, quiet, read_content
from glassnet.errors import CheckpointError, DataError
from glassnet.graph import trace
from glassnet.nn import Module
from glassnet.runtimes import Runtime
from glassnet.tasks import houses, open_task
from glassnet.training import Checkpoint, Run, Task
from glassnet.training.batches import Batches
from glassnet.training.randomness import generator
from glassnet.training.step import weights_of

_KINDS = ("classes", "people")  # by what the facts of a run call its names


@dataclass(frozen=True)
class Subject:
    """A run with its task, and its network after ``step`` steps.

    The network holds the averaged weights of the checkpoint; at a moment of which the weights alone were kept, for
    which there is no checkpoint, these.
    """

    run: Run
    step: int
    checkpoint: Checkpoint | None
    runtime: Runtime
    task: Task
    model: Module

    @property
    def title(self) -> str:
        settings = self.run.settings
        return f"{settings.task}, {settings.model}, {self.model.num_weights():,} weights"

    @property
    def when(self) -> str:
        return f"after {self.step:,} steps"


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
    load(run, task, model, weights_of(checkpoint.tensors))
    return Subject(run, checkpoint.step, checkpoint, runtime, task, model)


def load(run: Run, task: Task, model: Module, weights: Mapping[str, Array]) -> None:
    """Put weights of the run into a network that was made for the data of now."""
    shapes = {name: tensor.shape for name, tensor in model.tensors().items()}
    if shapes != {name: array.shape for name, array in weights.items()}:
        raise CheckpointError(
            f"expected the data that {run.path} was trained on; got {task.source}, for which the network has other "
            "shapes. To fix: put the data back as they were."
        )
    if not has_names_of(run, task):
        raise CheckpointError(
            f"expected the classes that {run.path} has learned to tell apart; got others in {task.source}. "
            "To fix: put the data back as it was."
        )
    model.load({name: Tensor(array) for name, array in weights.items()})


def has_names_of(run: Run, task: Task) -> bool:
    """Whether the data of now have the classes or persons that the run was trained on."""
    facts = run.facts
    return all(task.facts.get(kind) == facts.get(kind) for kind in _KINDS)


def names_of(run: Run) -> list[str]:
    """The classes or persons that the network tells apart; none of one that does something else."""
    facts = run.facts
    return [str(name) for kind in _KINDS for name in facts.get(kind, ())]


def read_example(subject: Subject, path: Path | None) -> Example:
    """The picture at ``path``, or else the first that was held out of the training."""
    if path is not None:
        with quiet():
            return Example(decode_example(subject.run, path, read_content(path)), None, str(path))
    if len(subject.task.validation["images"]):
        return held_out(subject, 0)
    examples = first_examples(subject, 1)
    return _example(examples, 0, "the first picture of the training")


def held_out(subject: Subject, number: int) -> Example:
    """One of the pictures that were held out of the training, counted from 0."""
    examples = subject.task.validation
    num = len(examples["images"])
    if number >= num:
        raise DataError(f"expected a picture from 0 to {num - 1}; got {number}. To fix: there are {num} held out.")
    source = "the first picture" if number == 0 else f"picture {number + 1}"
    return _example(examples, number, f"{source} that was held out of the training")


def _example(examples: Mapping[str, Array], number: int, source: str) -> Example:
    image = examples["images"][number]
    label = int(examples["labels"][number]) if "labels" in examples else None
    return Example(image if image.ndim == 3 else image[None], label, source)


def decode_example(run: Run, path: Path, content: bytes) -> Array:
    """What the network of the run sees of a picture, uint8 (C, H, W); ``path`` names it. Hold `quiet`.

    Raises DataError, of photos for a network of faces also if there is no face in it.
    """
    facts = run.facts
    if "people" in facts:
        face = cut_face(path, content, Framing.from_json(facts["framing"]))
        if face is None:
            raise DataError(f"expected a face in {path}; got none. To fix: choose another photo.")
        return face
    if "classes" in facts:
        channels, size_px, _ = facts["image_shape"]
        return decode(path, content, size_px, channels)
    drawing = decode(path, content, houses.SIZE, 1)
    # Drawings are ink 255 on 0; on paper it is the other way round.
    return 255 - drawing if drawing.mean() > 127 else drawing


def first_examples(subject: Subject, num: int) -> dict[str, Array]:
    """The first examples of the training."""
    batches = Batches(subject.task.training, min(num, len(subject.task.training["images"])), subject.run.settings.seed)
    batch = batches.batch(0)
    batches.close()
    return batch


def flops_of(subject: Subject) -> int:
    """How much arithmetic the loss of one example of the training takes, without its gradient."""
    # Two, since a batch normalization has nothing to learn from one.
    specs = {name: ArraySpec((2, *a.shape[1:]), a.dtype) for name, a in subject.task.training.items()}
    specs["epoch"] = ArraySpec((2,), np.dtype(np.float32))
    model = subject.model
    model.train(True)
    with model.holding(model.tensors()):  # a normalization would go on with statistics of placeholders
        graph = trace(lambda batch, random: {"loss": subject.task.loss(model, batch, random)}, specs)
    return count_flops(graph) // 2
