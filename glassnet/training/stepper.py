"""What takes the steps: the compiled graph, the examples and random numbers that it is fed with, its state.

Of several processes the one that leads says what is done next, and the others do it as well, each on its part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, cast

from glassnet.autodiff import Array, Shape
from glassnet.ops import processes
from glassnet.optim import warmed_up_decay
from glassnet.runtimes import Executable, Runtime
from glassnet.training.batches import Batches
from glassnet.training.randomness import draw_inputs, generator
from glassnet.training.settings import Settings
from glassnet.training.step import TrainingStep, are_examples_held, build_step, under
from glassnet.training.task import Task

if TYPE_CHECKING:
    from glassnet.runtimes.parallel import Group


class Stepper:
    """Of one task, with a network of its own. It has to `load` a state before the first step."""

    def __init__(self, task: Task, settings: Settings, runtime: Runtime):
        self.model = task.model(generator(settings.seed, "initialization"))
        self.batches = Batches(task.training, settings.batch_size, settings.seed)
        self._task, self._settings, self._runtime = task, settings, runtime
        self.graph, self._executable = self._compiled(settings.batch_size)

    def load(self, named: Mapping[str, Array]) -> None:
        """Put a state in place, tensors by name."""
        self._executable.load(self.graph.packed(named))

    def state(self) -> dict[str, Array]:
        """The state as the last step left it, tensors by name."""
        return self.graph.named(self._executable.carried())

    def resize(self, batch_size: int, step: int) -> None:
        """From ``step`` on, batches of another size: another graph, with the same weights and the next examples."""
        state = self.state()
        self.batches.resize(batch_size, step, self.batches.num_seen(step))
        self.graph, self._executable = self._compiled(batch_size)
        self.load(state)

    def take(self, step: int, hyper: Mapping[str, float]) -> dict[str, Array]:
        """One step after ``step`` others; ``hyper``: numbers of the optimizer, where they are not its own."""
        return self._executable({**self._batch(step), **self._numbers(step, hyper), **self._random(step)})

    def close(self) -> None:
        """End what runs beside the training: the processes that read pictures."""
        self.batches.close()

    def _batch(self, step: int) -> dict[str, Array]:
        are_held = are_examples_held(self._task.training, self._settings)
        return under("batch", self.batches.part(step) if are_held else self.batches.batch(step))

    def _numbers(self, step: int, hyper: Mapping[str, float]) -> dict[str, Array]:
        settings = self._settings
        decay = warmed_up_decay(settings.ema_decay, step)
        return self.graph.scalars(step + 1, decay, settings.max_gradient_norm, **hyper)

    def _random(self, step: int) -> dict[str, Array]:
        """Drawn for the whole batch, so that it does not matter how many processes share it."""
        graph, source = self.graph.graph, generator(self._settings.seed, "step", step)
        specs, rank = graph.input_specs(), processes().rank
        drawn = draw_inputs(graph, source, self.graph.random_specs)
        return {name: _part(array, specs[name].shape, rank) for name, array in drawn.items()}

    def _compiled(self, batch_size: int) -> tuple[TrainingStep, Executable]:
        step = build_step(self._task, self.model, dataclasses.replace(self._settings, batch_size=batch_size))
        executable = self._runtime.compile(step.graph)
        if are_examples_held(self._task.training, self._settings):
            executable.hold(under("examples", self._task.training))
        return step, executable


class Leader(Stepper):
    """A stepper that tells the other processes what it does, before it does it."""

    def __init__(self, task: Task, settings: Settings, runtime: Runtime, group: Group):
        super().__init__(task, settings, runtime)
        self._group = group

    def load(self, named: Mapping[str, Array]) -> None:
        self._group.say({"kind": "load"})
        super().load(self._group.share(named))

    def resize(self, batch_size: int, step: int) -> None:
        self._group.say({"kind": "resize", "batch_size": batch_size, "step": step})
        super().resize(batch_size, step)

    def take(self, step: int, hyper: Mapping[str, float]) -> dict[str, Array]:
        self._group.say({"kind": "step", "step": step, "hyper": dict(hyper)})
        return super().take(step, hyper)

    def close(self) -> None:
        self._group.dismiss()
        super().close()


def stepper(task: Task, settings: Settings, runtime: Runtime) -> Stepper:
    """What takes the steps of a training that this process leads, alone or not."""
    group = processes()
    return (
        Stepper(task, settings, runtime) if group.size == 1 else Leader(task, settings, runtime, cast("Group", group))
    )


def follow(task: Task, settings: Settings, runtime: Runtime, group: Group) -> dict[str, Array]:
    """Take the steps of a training that another process leads; the state at its end. Raises PeerError."""
    with closing(Stepper(task, settings, runtime)) as mine:
        for order in group.orders():
            if order["kind"] == "load":
                mine.load(group.share(mine.graph.named(mine.graph.initial)))
            elif order["kind"] == "resize":
                mine.resize(order["batch_size"], order["step"])
            else:
                mine.take(order["step"], order["hyper"])
        return mine.state()


def _part(array: Array, shape: Shape, rank: int) -> Array:
    """What of numbers that were drawn for the whole batch is for this process: those that do not hang on it are all."""
    if array.shape == shape:
        return array
    return array[rank * shape[0] :][: shape[0]]
