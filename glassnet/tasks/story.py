"""The story of one weight of a run of any task."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError
from glassnet.insight.chain_rule import Term
from glassnet.insight.landscape import Around
from glassnet.insight.weight_story import EPSILON, NUM_POINTS, Outcome, Place, WeightStory, check_epsilon, find, tell
from glassnet.runtimes import get_runtime
from glassnet.tasks.scene import Scene, open_scene
from glassnet.tasks.subject import Example, Subject, names_of, open_subject, read_example
from glassnet.training import Checkpoint, Run, history
from glassnet.training.step import below


@dataclass(frozen=True)
class Told:
    """A story, and where it is told. averaged: the weight as answers are given by, None where that was not kept."""

    story: WeightStory
    scene: Scene
    averaged: float | None


def explain(
    run: Run,
    checkpoint: Checkpoint,
    weight: str,
    *,
    picture: Path | None = None,
    batch_size: int | None = None,
    epsilon: float = EPSILON,
) -> Told:
    """The story of ``weight``, such as ``conv1.weight[3,0,2,2]``, at the checkpoint and the scene of that picture or of
    so many examples; see `open_scene`. Raises GlassnetError.
    """
    check_epsilon(epsilon)
    learned = below(checkpoint.tensors, "parameters")
    place = find(weight, {n: a.shape for n, a in learned.items()}, list(below(checkpoint.tensors, "buffers")))
    subject = open_subject(run, checkpoint, get_runtime("numpy"))
    example = None if picture is None else _example(subject, picture)
    return tell_of(open_scene(subject, example, batch_size), place, epsilon=epsilon)


def tell_of(
    scene: Scene,
    place: Place,
    *,
    around: Around | None = None,
    epsilon: float = EPSILON,
    num_points: int = NUM_POINTS,
) -> Told:
    """``around``: the loss around the weights of the scene, of one who tells several."""
    story = tell(
        scene.landscape,
        scene.weights,
        scene.gradient,
        place,
        loss=scene.loss,
        batch_size=scene.batch_size,
        step=scene.update,
        around=around,
        epsilon=epsilon,
        num_points=num_points,
        history=_history(scene, place),
    )
    return Told(story, scene, None if scene.averages is None else float(scene.averages[place.name][place.index]))


def facts(told: Told) -> dict[str, Any]:
    """The story as JSON has it."""
    story, scene, settings = told.story, told.scene, told.scene.run.settings
    nudges, terms = story.nudges, story.sum
    return {
        "task": settings.task, "model": settings.model, "step": scene.step,
        "weight": str(story.place), "tensor": story.place.name, "index": list(story.place.index),
        "shape": list(story.shape), "weights": story.num_weights,
        "value": story.value, "averaged": told.averaged, "share_smaller": story.share_smaller,
        "history": [{"step": step, "value": value} for step, value in story.history],
        "examples": scene.examples, "batch_size": scene.batch_size, "notices": list(scene.notices),
        "epsilon": nudges.epsilon, "loss": nudges.loss, "loss_up": nudges.up, "loss_down": nudges.down,
        "curve": {"value": (story.value + nudges.amounts).tolist(), "loss": nudges.losses.tolist()},
        "slope_by_nudge": nudges.by_nudge, "slope_by_backpropagation": nudges.by_backpropagation,
        "corners": nudges.corners, "doubts": list(nudges.doubts),
        "chain_rule": {
            "calls": list(terms.calls), "terms": terms.num_terms, "nonzero": terms.num_nonzero,
            "positive": terms.positive, "negative": terms.negative, "sum": terms.total,
            "by_example": None if terms.by_example is None else terms.by_example.tolist(),
            "largest": [_term(told, term) for term in terms.largest],
        },
        "optimizer": settings.optimizer,
        **_outcome(story.outcome),
    }  # fmt: skip


def _outcome(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        nothing = ("change", "expected_change_of_loss", "loss_after", "loss_after_this_weight_alone")
        return {"parts": [], **dict.fromkeys(nothing)}
    return {
        "parts": [dataclasses.asdict(part) for part in outcome.parts],
        "change": outcome.change, "expected_change_of_loss": outcome.expected,
        "loss_after": outcome.loss, "loss_after_this_weight_alone": outcome.loss_alone,
    }  # fmt: skip


def _term(told: Told, term: Term) -> dict[str, Any]:
    labels = told.scene.labels
    label = labels[term.example] if labels and term.example is not None else None
    return {
        "example": term.example, "label": label, "place": list(term.index), "signal": term.signal, "blame": term.blame,
        "term": term.value, "patch": None if term.patch is None else list(term.patch),
    }  # fmt: skip


def _example(subject: Subject, path: Path) -> Example:
    """The picture with the class of its folder, if that is one of the run."""
    folder, names = path.absolute().parent.name, names_of(subject.run)
    label = names.index(folder) if folder in names else None
    return dataclasses.replace(read_example(subject, path), label=label, source=path.name)


def _history(scene: Scene, place: Place) -> list[tuple[int, float]]:
    """What the weight was, up to the scene."""
    now: Array = scene.weights[place.name]
    points = []
    for step, path in history.snapshots(scene.run):
        if step >= scene.step:
            break
        weights = history.load(path)
        if place.name not in weights or weights[place.name].shape != now.shape:
            raise CheckpointError(f"expected {place.name} in {path}; got other weights. To fix: delete that file.")
        points.append((step, float(weights[place.name][place.index])))
    return [*points, (scene.step, float(now[place.index]))]
