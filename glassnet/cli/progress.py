"""A training as a person sees it in a terminal: one bar, or a line now and then where there is no terminal."""

from __future__ import annotations

import signal
import time
from collections.abc import Generator
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from glassnet.errors import GlassnetError
from glassnet.training.events import Adjusted, Evaluated, Event, Finished, Noticed, Started, Stepped

_LINE_INTERVAL_S = 10.0


def follow(training: Generator[Event | None]) -> Finished:
    """Draw the events as they come, and return the last one. Ctrl-C closes the training, which then saves itself.

    In place of an event None says that the training is paused.
    """
    interrupted: list[int] = []

    def interrupt(signum: int, frame: FrameType | None) -> None:
        if interrupted:
            raise KeyboardInterrupt  # the second time: now, whatever is lost
        interrupted.append(signum)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    view = _View()
    try:
        with view.progress:
            for event in training:
                view.show(event) if event is not None else view.pause()
                if isinstance(event, Finished):
                    return event
                if interrupted:
                    training.close()
                    return view.stopped()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    raise GlassnetError("expected the training to say that it finished; got no such event. To fix: report this.")


class _View:
    """What has been seen of a training, and how it is drawn."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self.progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("step {task.fields[step]:>5}  loss {task.fields[loss]:.4f}{task.fields[test]}"),
            TextColumn("{task.fields[rate]:>5.0f} images/s  {task.fields[left]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._smoothed: dict[str, float] = {}
        self._last = Stepped(0, float("nan"), 0.0, 0.0, 0.0, 0.0, 0.0)
        self._validation_loss: float | None = None
        self._accuracy: float | None = None
        self._printed_at = time.monotonic()
        self._is_paused = False

    def show(self, event: Event) -> None:
        self._is_paused = False
        if isinstance(event, Started):
            self._last = Stepped(event.step, float("nan"), 0.0, 0.0, 0.0, event.elapsed_s, 0.0)
            self._say(
                f"{event.num_weights:,} weights, {event.num_examples:,} examples, runtime {event.runtime}"
                + (f", going on from step {event.step:,}" if event.step else "")
            )
            self._bar = self.progress.add_task(
                "", total=1.0, step=event.step, loss=float("nan"), test="", rate=0.0, left="? left"
            )
        elif isinstance(event, Noticed):
            self._say(event.message)
        elif isinstance(event, Adjusted):
            self._say(_in_words(event))
        elif isinstance(event, Evaluated):
            self._validation_loss = min(self._validation_loss or event.validation_loss, event.validation_loss)
            self._accuracy = event.accuracy
        elif isinstance(event, Stepped):
            self._step(event)

    def pause(self) -> None:
        """Say so, once for each pause."""
        if self._is_paused:
            return
        self._is_paused = True
        if self._bar is not None:
            self.progress.update(self._bar, left="paused")
        if not self._console.is_terminal:
            self._say(f"paused at step {self._last.step:,}")

    def stopped(self) -> Finished:
        """What to report after Ctrl-C."""
        return Finished(
            self._last.step, self._last.elapsed_s, "stopped", self._smoothed.get("loss"), self._validation_loss,
            self._accuracy,
        )  # fmt: skip

    def _step(self, event: Stepped) -> None:
        self._last = event
        loss, rate = self._smooth("loss", event.loss), self._smooth("rate", event.images_per_s)
        rest = _duration(event.elapsed_s * (1.0 - event.progress) / event.progress) if event.progress else "?"
        left = f"{rest} left"
        test = "" if self._accuracy is None else f"  test {100.0 * self._accuracy:.1f} %"
        if self._bar is not None:
            self.progress.update(
                self._bar, completed=event.progress, step=f"{event.step:,}", loss=loss, test=test, rate=rate, left=left
            )
        if not self._console.is_terminal and time.monotonic() - self._printed_at > _LINE_INTERVAL_S:
            self._printed_at = time.monotonic()
            self._say(f"step {event.step:,}  loss {loss:.4f}{test}  {rate:.0f} images/s  {left}")

    def _smooth(self, name: str, value: float) -> float:
        self._smoothed[name] = value if name not in self._smoothed else 0.9 * self._smoothed[name] + 0.1 * value
        return self._smoothed[name]

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _in_words(event: Adjusted) -> str:
    """What is in force now, and nothing of what is as in the settings."""
    names = ("learning_rate", "momentum", "weight_decay", "batch_size")
    given = {name: getattr(event, name) for name in names if getattr(event, name) is not None}
    said = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in given.items())
    return f"from step {event.step + 1:,} on: {said or 'all as in the settings'}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
