"""Persons join the known ones of a run, and leave them, without training."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array
from glassnet.errors import DataError
from glassnet.tasks.additions import alone
from glassnet.tasks.gallery import Changes, Person, Trained, listed, load_changes, save_changes

MOST_LETTERS = 200
# Parts of words in Persian and in the languages of India; all other letters that cannot be seen are refused.
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


def checked_name(name: str) -> str:
    """The name as it is kept: in composed form (NFC), without blanks around it. Raises DataError if it is none."""
    normal = _normal(name)
    if not normal or len(normal) > MOST_LETTERS:
        raise DataError(
            f"expected a name of 1 to {MOST_LETTERS} letters; got {f'{len(normal)} letters' if normal else 'none'}. "
            "To fix: choose another name."
        )
    hidden = [letter for letter in normal if unicodedata.category(letter)[0] == "C" and letter not in _JOINERS]
    hidden += [letter for letter in normal if unicodedata.category(letter) in ("Zl", "Zp")]
    if hidden:
        raise DataError(
            f"expected a name of letters that can be seen; got U+{ord(hidden[0]):04X} in it. To fix: leave it out."
        )
    return normal


def enroll(run: Path, trained: Trained, name: str, embeddings: Array) -> Person:
    """Add the person to the run directory, or photos to somebody it knows; ``embeddings`` (N, D) are of the photos."""
    with alone(run):
        changes, number = enrolled(trained, load_changes(run, trained), name, embeddings)
        save_changes(run, changes)
    return next(person for person in listed(trained, changes) if person.number == number)


def forget(run: Path, trained: Trained, name: str) -> Person:
    """Take the person out of the run directory."""
    with alone(run):
        before = load_changes(run, trained)
        changes, number = forgotten(trained, before, name)
        save_changes(run, changes)
    return next(person for person in listed(trained, before) if person.number == number)


def enrolled(trained: Trained, changes: Changes, name: str, embeddings: Array) -> tuple[Changes, int]:
    """The changes with a person more, or with more photos of one who is known, and the number of the person.

    Photos that were enrolled with other weights than those of ``trained`` do not count any more. Raises DataError for
    what cannot be a name.
    """
    name = checked_name(name)
    row, number = _row(changes, name), _trained_number(trained, changes, name)
    photos, total = len(embeddings), embeddings.sum(axis=0)
    if row is not None:
        number = int(changes.numbers[row])
        if changes.steps[row] == trained.step:
            photos, total = photos + int(changes.photos[row]), total + changes.photos[row] * changes.means[row]
        changes = _without(changes, row)
    elif number is None:
        number = changes.next_number
        changes = replace(changes, next_number=number + 1)
    return replace(
        changes,
        names=(*changes.names, name),
        numbers=np.append(changes.numbers, number),
        photos=np.append(changes.photos, photos),
        steps=np.append(changes.steps, trained.step),
        means=np.concatenate([changes.means, (total / photos).astype(np.float32)[None]]),
    ), number


def forgotten(trained: Trained, changes: Changes, name: str) -> tuple[Changes, int]:
    """The changes without the person, and the number, which nobody gets again. Raises DataError for an unknown name."""
    row, number = _row(changes, _normal(name)), _trained_number(trained, changes, _normal(name))
    if row is not None:
        number = int(changes.numbers[row])
        changes = _without(changes, row)
    if number is None:
        raise _unknown(name, [person.name for person in listed(trained, changes)])
    if number < len(trained.names):
        changes = replace(changes, forgotten=np.append(changes.forgotten, number))
    if not listed(trained, changes):
        raise DataError(
            f"expected somebody to be known still; got {name} as the last one. To fix: delete the whole run directory."
        )
    return changes, number


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _row(changes: Changes, name: str) -> int | None:
    return changes.names.index(name) if name in changes.names else None


def _trained_number(trained: Trained, changes: Changes, name: str) -> int | None:
    """Of a trained person who is called that and was not forgotten."""
    found = [k for k, known in enumerate(trained.names) if _normal(known) == name and k not in changes.forgotten]
    return found[0] if found else None


def _without(changes: Changes, row: int) -> Changes:
    others = np.arange(len(changes.names)) != row
    return replace(
        changes,
        names=changes.names[:row] + changes.names[row + 1 :],
        numbers=changes.numbers[others],
        photos=changes.photos[others],
        steps=changes.steps[others],
        means=changes.means[others],
    )


def _unknown(name: str, known: Sequence[str]) -> DataError:
    by_letters = {one.casefold(): one for one in known}
    close = [by_letters[found] for found in get_close_matches(_normal(name).casefold(), by_letters)]
    fix = f"choose among {', '.join(close)}" if close else "`glassnet people` lists who is known"
    return DataError(f"expected the name of a known person; got {name}. To fix: {fix}.")
