"""The loop: a training as a generator of events.

Pausing is not asking for the next event, stepping is asking for one, stopping is closing the generator; then the
state is saved. Nobody reaches in.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from glassnet.autodiff import Array
from glassnet.errors import DivergedError, PeerError
from glassnet.ops import num_processes
from glassnet.optim import Schedule, constant, cosine, linear_warmup, one_cycle
from glassnet.runtimes import Runtime
from glassnet.training import checkpoint as checkpoints
from glassnet.training import history
from glassnet.training.adjusting import hyper_of, possible
from glassnet.training.budget import Budget
from glassnet.training.checkpoint import Checkpoint
from glassnet.training.control import Controls, nothing_asked
from glassnet.training.events import (
    Adjusted,
    Checkpointed,
    Evaluated,
    Event,
    Finished,
    Noticed,
    Pictured,
    Started,
    Stepped,
)
from glassnet.training.pictures import keep_pictures
from glassnet.training.run import Run, Writer
from glassnet.training.settings import Settings
from glassnet.training.start import check_newest, first_state
from glassnet.training.step import below, weights_of
from glassnet.training.stepper import stepper
from glassnet.training.task import Task
from glassnet.training.validation import Validation

CHECKPOINT_INTERVAL_S = 30.0
NUM_EVALUATIONS = 40  # in the course of a budget
_LOSSES_AVERAGED = 50  # losses of single batches are noisy; the last ones together say where the training stands


def train(
    task: Task, run: Run, runtime: Runtime, resume: bool = False, controls: Callable[[], Controls] = nothing_asked
) -> Generator[Event | None]:
    """Train ``task`` as ``run.settings`` say, in ``run``; each event is written there before it is yielded.

    With ``resume`` it goes on from the newest whole checkpoint, and on the same CPU ends with the very weights
    that an uninterrupted training of the same settings has. ``controls`` is asked before every step which numbers
    are to replace those of the settings, and whether to wait: then None is yielded instead of a step. To stop is up to
    the caller (see `steering`). Raises DivergedError when the loss is no longer a number, CheckpointError when the run
    cannot be written; what was saved before stays.
    """
    with Writer(run) as writer, closing(_Training(task, run, runtime, resume, controls)) as training:
        try:
            for event in training.events():
                if event is not None:
                    writer.write(event)
                paused_at = time.monotonic()
                yield event
                training.clock.started_at += time.monotonic() - paused_at
        except (GeneratorExit, PeerError):
            for last in training.stop():
                writer.write(last)
            raise


@dataclass(slots=True)
class _Clock:
    """Seconds of training, over all the processes that took part; pauses are no training."""

    elapsed_before_s: float
    started_at: float

    def elapsed_s(self) -> float:
        return self.elapsed_before_s + time.monotonic() - self.started_at


class _Training:
    """The state that lasts from step to step, and the few things that happen to it."""

    def __init__(self, task: Task, run: Run, runtime: Runtime, resume: bool, controls: Callable[[], Controls]):
        self._called_at = time.monotonic()
        self._task, self._run, self._runtime, self._controls = task, run, runtime, controls
        self._settings: Settings = run.settings
        self._stepper = stepper(task, self._settings, runtime)
        self._batches = self._stepper.batches
        self._budget = Budget.of(self._settings, self._batches.num_examples)
        self._schedule = schedule_of(self._settings)
        self._asked = self._in_force = nothing_asked()
        self._validation = Validation(task, self._stepper.model, runtime, self._settings.seed)
        self._notices: list[str] = []
        start = self._newest() if resume else Checkpoint(0, 0.0, self._first())
        self._stepper.load(start.tensors)
        self.step = start.step
        if start.num_seen is not None:
            self._batches.resize(self._settings.batch_size, start.step, start.num_seen)
        self.saved_step = start.step if resume else -1
        self._best, self._since_best = start.best_validation_loss, start.evaluations_since_best
        self._num_evaluations = start.num_evaluations
        self._accuracy: float | None = None
        self._is_over = False
        self._losses: deque[float] = deque(maxlen=_LOSSES_AVERAGED)
        history.forget_after(run.history, self.step)
        self.clock = _Clock(start.elapsed_s, time.monotonic())

    def events(self) -> Iterator[Event | None]:
        """Everything that happens until the budget is spent or nothing improves any more; None in a pause."""
        yield self._started()
        yield from (Noticed(self.step, notice) for notice in self._notices)
        if self.step == 0:
            yield from self._look()
            yield self.save()
        # Under a larger budget than before, fewer evaluations are due.
        self._num_evaluations = min(self._num_evaluations, self._num_due())
        next_look = next_picture_step(self.step)
        saved_at = time.monotonic()
        reason = "budget spent"
        while (progress := self._progress()) < 1.0:
            yield from self._wait()
            yield from self._obey()
            yield self._take_step(progress)
            yield from (Noticed(self.step, notice) for notice in self._batches.notices())
            if self.step >= next_look and self._progress() < 1.0:
                yield from self._look()
                next_look = next_picture_step(self.step)
            if self._num_due() > self._num_evaluations:
                yield self._evaluate()
                if self._settings.patience is not None and self._since_best >= self._settings.patience:
                    reason = "nothing improves any more"
                    break
            if time.monotonic() - saved_at > CHECKPOINT_INTERVAL_S:
                yield self.save()
                saved_at = time.monotonic()
        if self.step > self.saved_step:
            yield self.save()
        yield from self._look()
        self._is_over = True
        yield self._finished(reason)

    def close(self) -> None:
        """End what runs beside the training: the processes that read pictures."""
        self._stepper.close()

    def stop(self) -> Iterator[Event]:
        """What there is to tell when it goes on no further; nothing if it is over already."""
        if self._is_over:
            return
        if self.step > self.saved_step:
            yield self.save()
        yield self._finished("stopped")

    def save(self) -> Checkpointed:
        """Put the whole state on disk."""
        elapsed_s = self.clock.elapsed_s()
        tensors = self._stepper.state()
        if not all(np.isfinite(array).all() for array in tensors.values()):
            raise self._diverged("weights that are none")
        state = Checkpoint(
            self.step, elapsed_s, tensors, self._best, self._since_best, self._num_evaluations,
            self._batches.num_seen(self.step),
        )  # fmt: skip
        path = checkpoints.save(self._run.checkpoints, state)
        self.saved_step = self.step
        return Checkpointed(self.step, elapsed_s, str(path.relative_to(self._run.path)))

    def _finished(self, reason: str) -> Finished:
        loss = float(np.mean(self._losses)) if self._losses else None
        return Finished(self.step, self.clock.elapsed_s(), reason, loss, self._best, self._accuracy)

    def _first(self) -> dict[str, Array]:
        named, words = first_state(self._stepper.graph, self._stepper.model, self._settings.start)
        self._notices = [f"starting from {words}"] if words else []
        return named

    def _newest(self) -> Checkpoint:
        newest, complaints = self._run.newest_checkpoint()
        self._notices = [f"{line} Going on from step {newest.step}." for line in complaints]
        before = self._run.last(Started)
        if before is not None and before.source != self._task.source:
            self._notices.append(f"this run has learned from {before.source}; now it goes on with {self._task.source}")
        check_newest(self._run, newest, self._task, self._stepper.graph)
        return newest

    def _wait(self) -> Iterator[Event | None]:
        """As long as a pause is asked for; the checkpoint is for whoever looks at the network meanwhile."""
        while self._controls().is_paused_at(self.step):
            if self.step > self.saved_step:
                yield self.save()
            yield None

    def _obey(self) -> Iterator[Event]:
        """Put in force what is asked now, if that has changed."""
        before, asked = self._asked, self._controls()
        self._asked = asked
        if asked is before or asked.lasting() == before.lasting():
            return
        now, notices = possible(
            asked, self._in_force, self._hyperparameters(), self._batches.num_examples,
            num_processes() * self._settings.micro_batches,
        )  # fmt: skip
        yield from (Noticed(self.step, notice) for notice in notices)
        if now != self._in_force:
            before, self._in_force = self._in_force, now
            if now.batch_size != before.batch_size:
                self._stepper.resize(now.batch_size or self._settings.batch_size, self.step)
            yield Adjusted(
                self.step, self.clock.elapsed_s(), now.learning_rate, now.momentum, now.weight_decay, now.batch_size
            )

    def _progress(self) -> float:
        # As many epochs are as many examples, however many a step has.
        is_epochs = self._settings.epochs is not None
        steps = self._batches.num_seen(self.step) / self._settings.batch_size if is_epochs else self.step
        return self._budget.progress(steps, self.clock.elapsed_s())

    def _learning_rate(self, progress: float) -> float:
        given = self._in_force.learning_rate
        return self._settings.learning_rate * self._schedule(progress) if given is None else given

    def _num_due(self) -> int:
        """How many evaluations there should have been by now; none without examples to try it on."""
        return 0 if self._validation.num_examples == 0 else math.floor(self._progress() * NUM_EVALUATIONS)

    def _started(self) -> Started:
        setup_s = time.monotonic() - self._called_at
        return Started(
            self._task.name, self._task.source, self._batches.num_examples, self._stepper.model.num_weights(),
            self._runtime.name, self.step, self.clock.elapsed_before_s, setup_s,
        )  # fmt: skip

    def _take_step(self, progress: float) -> Stepped:
        began = time.monotonic()
        learning_rate = self._learning_rate(progress)
        outputs = self._stepper.take(self.step, self._hyper(learning_rate))
        self.step += 1
        loss, norm = float(outputs["loss"]), float(outputs["gradient_norm"])
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise self._diverged(f"loss {loss:g} and gradient norm {norm:g}")
        self._losses.append(loss)
        took_s = time.monotonic() - began
        return Stepped(
            self.step, loss, norm, learning_rate, self._progress(), self.clock.elapsed_s(),
            self._batches.batch_size / max(took_s, 1e-9),  # some clocks tick seldom
        )  # fmt: skip

    def _hyper(self, learning_rate: float) -> dict[str, float]:
        """What the optimizer is told at this step."""
        given = hyper_of(self._in_force, self._hyperparameters())
        return {"learning_rate": learning_rate, "weight_decay": self._settings.weight_decay, **given}

    def _hyperparameters(self) -> Mapping[str, float]:
        return self._stepper.graph.hyperparameters

    def _look(self) -> Iterator[Event]:
        state = self._stepper.state()
        history.keep(self._run.history, self.step, below(state, "parameters"), below(state, "buffers"))
        images = self._task.pictures(weights_of(state))
        if images is not None:
            file = keep_pictures(self._run.pictures, self.step, images)
            yield Pictured(self.step, self.clock.elapsed_s(), str(file.relative_to(self._run.path)))

    def _evaluate(self) -> Evaluated:
        measured = self._validation.measure(weights_of(self._stepper.state()))
        loss, self._accuracy = measured["loss"], measured.get("accuracy")
        if not math.isfinite(loss):
            raise self._diverged(f"validation loss {loss:g}")
        is_better = self._best is None or loss < self._best
        self._best, self._since_best = (loss, 0) if is_better else (self._best, self._since_best + 1)
        self._num_evaluations = self._num_due()
        return Evaluated(self.step, self.clock.elapsed_s(), loss, self._accuracy)

    def _diverged(self, got: str) -> DivergedError:
        learning_rate = self._in_force.learning_rate or self._settings.learning_rate
        return DivergedError(
            f"expected finite numbers; got {got} at step {self.step}. To fix: lower --learning-rate (now "
            f"{learning_rate:g}) or check the data for extreme values; the checkpoint of step "
            f"{self.saved_step} is kept in {self._run.path}."
        )


def schedule_of(settings: Settings) -> Schedule:
    """The learning rate's course, from progress (0 to 1) to a factor."""
    shapes = {"constant": constant(), "linear": lambda progress: 1.0 - progress, "cosine": cosine()}
    if settings.schedule == "one_cycle":
        return one_cycle()
    return linear_warmup(settings.warmup, shapes[settings.schedule]) if settings.warmup else shapes[settings.schedule]


def next_picture_step(step: int) -> int:
    """1, 2, 3, 4, 6, 8, 12, 16, 24...: much happens early, so the steps that are kept thin out."""
    power = 2 ** max(0, step.bit_length() - 1)
    return step + 1 if step < 3 else (power * 3 // 2 if step < power * 3 // 2 else power * 2)
