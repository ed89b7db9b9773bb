"""The known persons of a run: who they are after changes, and the file that keeps these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError, DataError
from glassnet.tasks import enrollment
from glassnet.tasks.enrollment import checked_name, enrolled, forgotten
from glassnet.tasks.gallery import (
    FILE,
    Changes,
    Person,
    Trained,
    known_persons,
    listed,
    load_changes,
    outdated,
    save_changes,
    unchanged,
)

AXES = np.eye(4, dtype=np.float32)
TRAINED = Trained(("Avi", "Beth", "Chen"), np.array([8, 2, 9]), AXES[:3], step=30)
LATER = Trained(TRAINED.names, TRAINED.photos, TRAINED.centers, step=60)


def with_dana(trained: Trained = TRAINED, embeddings: Array = AXES[3:]) -> Changes:
    return enrolled(trained, unchanged(trained), "Dana", embeddings)[0]


def prototype_of(trained: Trained, changes: Changes, name: str) -> list[float]:
    names, _, prototypes = known_persons(trained, changes)
    return prototypes[names.index(name)].tolist()


def test_nobody_enrolled() -> None:
    names, numbers, prototypes = known_persons(TRAINED, unchanged(TRAINED))
    assert (names, numbers.tolist()) == (("Avi", "Beth", "Chen"), [0, 1, 2])
    np.testing.assert_array_equal(prototypes, AXES[:3])


def test_a_prototype_is_the_direction_of_the_mean() -> None:
    changes = with_dana(embeddings=np.stack([AXES[3], AXES[3], AXES[0]]))
    names, numbers, prototypes = known_persons(TRAINED, changes)
    assert (names[3], numbers[3]) == ("Dana", 3)
    np.testing.assert_allclose(prototypes[3], [1 / 5**0.5, 0, 0, 2 / 5**0.5], rtol=1e-6)
    assert prototypes.dtype == np.float32


def test_photos_enrolled_one_by_one_count_as_if_together() -> None:
    together = with_dana(embeddings=AXES[[3, 3, 0, 1]])
    apart = unchanged(TRAINED)
    for embeddings in (AXES[[3]], AXES[[3, 0]], AXES[[1]]):
        apart, number = enrolled(TRAINED, apart, "Dana", embeddings)
        assert number == 3
    np.testing.assert_allclose(apart.means, together.means, rtol=1e-6)
    assert listed(TRAINED, apart) == listed(TRAINED, together)
    assert listed(TRAINED, apart)[3] == Person(3, "Dana", "enrolled", 4, False)


def test_photos_of_a_trained_person_count_beside_those_of_the_training() -> None:
    changes, number = enrolled(TRAINED, unchanged(TRAINED), "Beth", AXES[[3]])
    assert number == 1
    np.testing.assert_allclose(prototype_of(TRAINED, changes, "Beth"), [0, 2 / 5**0.5, 0, 1 / 5**0.5], rtol=1e-6)
    assert prototype_of(TRAINED, changes, "Avi") == AXES[0].tolist()
    assert listed(TRAINED, changes)[1] == Person(1, "Beth", "trained", 3, False)
    assert TRAINED.centers[1].tolist() == AXES[1].tolist()


def test_numbers_are_never_used_twice() -> None:
    changes = with_dana()
    changes, number = forgotten(TRAINED, changes, "Dana")
    assert number == 3
    changes, number = enrolled(TRAINED, changes, "Eve", AXES[[3]])
    assert number == 4
    changes, number = enrolled(TRAINED, changes, "Dana", AXES[[3]])
    assert number == 5


def test_a_forgotten_person_of_the_training() -> None:
    changes, _ = enrolled(TRAINED, unchanged(TRAINED), "Beth", AXES[[3]])
    changes, number = forgotten(TRAINED, changes, "Beth")
    assert number == 1
    names, numbers, prototypes = known_persons(TRAINED, changes)
    assert (names, numbers.tolist()) == (("Avi", "Chen"), [0, 2])
    np.testing.assert_array_equal(prototypes, AXES[[0, 2]])
    assert changes.means.size == 0
    with pytest.raises(DataError, match="expected the name of a known person; got Beth"):
        forgotten(TRAINED, changes, "Beth")
    changes, number = enrolled(TRAINED, changes, "Beth", AXES[[3]])
    assert number == 3
    assert listed(TRAINED, changes)[-1] == Person(3, "Beth", "enrolled", 1, False)


def test_somebody_stays() -> None:
    changes = unchanged(TRAINED)
    for name in ("Avi", "Beth"):
        changes, _ = forgotten(TRAINED, changes, name)
    with pytest.raises(DataError, match="got Chen as the last one"):
        forgotten(TRAINED, changes, "Chen")


def test_nearest_names_are_offered() -> None:
    for wrong, right in (("dana", "Dana"), ("BETH", "Beth"), ("Avl", "Avi")):
        with pytest.raises(DataError, match=f"got {wrong}. To fix: choose among {right}."):
            forgotten(TRAINED, with_dana(), wrong)
    with pytest.raises(DataError, match="`glassnet people` lists who is known"):
        forgotten(TRAINED, with_dana(), "Zacharias")


def test_other_weights_do_not_know_who_was_enrolled() -> None:
    changes, _ = enrolled(TRAINED, with_dana(), "Beth", AXES[[0]])
    names, _, prototypes = known_persons(LATER, changes)
    assert names == ("Avi", "Beth", "Chen")
    np.testing.assert_array_equal(prototypes, AXES[:3])
    dana, beth = outdated(LATER, changes)
    assert dana.startswith("Dana was enrolled with step 30, the network is at step 60: enroll again")
    assert "without these photos" in beth
    assert outdated(TRAINED, changes) == []
    assert listed(LATER, changes)[1] == Person(1, "Beth", "trained", 2, False)
    assert listed(LATER, changes)[3] == Person(3, "Dana", "enrolled", 1, True)


def test_enrolled_again_with_other_weights() -> None:
    changes, number = enrolled(LATER, with_dana(), "Dana", AXES[[1]])
    assert number == 3
    assert prototype_of(LATER, changes, "Dana") == AXES[1].tolist()
    assert listed(LATER, changes)[3] == Person(3, "Dana", "enrolled", 1, False)


def test_names() -> None:
    assert checked_name("  Dana Levi\t") == "Dana Levi"
    assert checked_name("Ame\N{COMBINING ACUTE ACCENT}lie") == "Amélie"
    for name in (
        "דָּנָה",
        "محمد",
        "山田太郎",
        "O'Brien (II.)",
        "-x",
        "👩🏽",
        "نمی\N{ZERO WIDTH NON-JOINER}خواهم",
        "x" * 200,
    ):
        assert checked_name(checked_name(name)) == checked_name(name) != ""
    for name, got in {"": "none", " \t": "none", "x" * 201: "201 letters"}.items():
        with pytest.raises(DataError, match=f"expected a name of 1 to 200 letters; got {got}"):
            checked_name(name)
    for letter in "\n\x00\x1b\x7f\N{RIGHT-TO-LEFT OVERRIDE}\N{LINE SEPARATOR}\N{ZERO WIDTH SPACE}\udce9":
        with pytest.raises(DataError, match=rf"letters that can be seen; got U\+{ord(letter):04X}"):
            checked_name(f"Da{letter}na")


def test_one_person_however_the_name_is_typed() -> None:
    composed, decomposed = "Amélie", "Ame\N{COMBINING ACUTE ACCENT}lie"
    changes, number = enrolled(TRAINED, unchanged(TRAINED), decomposed, AXES[[3]])
    assert enrolled(TRAINED, changes, f" {composed} ", AXES[[3]])[1] == number
    assert forgotten(TRAINED, changes, decomposed)[1] == number
    from_a_mac = Trained((decomposed, "Beth"), TRAINED.photos[:2], AXES[:2], 30)
    assert enrolled(from_a_mac, unchanged(from_a_mac), composed, AXES[[3]])[1] == 0
    assert forgotten(from_a_mac, unchanged(from_a_mac), composed)[1] == 0


def test_written_and_read(tmp_path: Path) -> None:
    assert load_changes(tmp_path, TRAINED).next_number == 3
    enrollment.enroll(tmp_path, TRAINED, "דנה", AXES[[3, 0]])
    enrollment.forget(tmp_path, TRAINED, "Avi")
    person = enrollment.enroll(tmp_path, TRAINED, "Eve", AXES[[3]])
    assert person == Person(4, "Eve", "enrolled", 1, False)
    assert enrollment.forget(tmp_path, TRAINED, "Eve") == person
    changes = load_changes(tmp_path, TRAINED)
    assert (changes.names, changes.next_number) == (("דנה",), 5)
    names, numbers, prototypes = known_persons(TRAINED, changes)
    assert (names, numbers.tolist()) == (("Beth", "Chen", "דנה"), [1, 2, 3])
    np.testing.assert_allclose(prototypes[2], [0.5**0.5, 0, 0, 0.5**0.5], rtol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "lock") == [FILE]


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    enrollment.enroll(tmp_path, TRAINED, "Dana", AXES[[3]])
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(DataError):
        enrollment.forget(tmp_path, TRAINED, "Zoe")
    with pytest.raises(DataError):
        enrollment.enroll(tmp_path, TRAINED, "\n", AXES[[3]])
    assert (tmp_path / FILE).read_bytes() == before


def test_a_file_that_is_another_thing(tmp_path: Path) -> None:
    save_changes(tmp_path, with_dana())
    whole = (tmp_path / FILE).read_bytes()
    smaller = Trained(("Avi",), np.array([1]), np.eye(2, dtype=np.float32)[:1], 30)
    for content, trained in ((whole[:-3], TRAINED), (b"", TRAINED), (b"{}" * 50, TRAINED), (whole, smaller)):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(CheckpointError, match=r"expected the enrolled persons of a run in .*; got something else"):
            load_changes(tmp_path, trained)
    (tmp_path / FILE).write_bytes(whole.replace(b'"format":"1"', b'"format":"2"'))
    with pytest.raises(CheckpointError, match="format 2 instead of 1"):
        load_changes(tmp_path, TRAINED)


def test_a_hundred_thousand(tmp_path: Path) -> None:
    """Kept, read and laid out as arrays, in the order in which they came."""
    num = 100_000
    means = np.random.default_rng(0).normal(size=(num, 4)).astype(np.float32)
    names, numbers = tuple(f"person {i}" for i in range(num)), np.arange(3, num + 3)
    ones, none = np.ones(num, np.int64), np.zeros(0, np.int64)
    save_changes(tmp_path, Changes(names, numbers, ones, 30 * ones, means, none, num + 3))
    known, known_numbers, prototypes = known_persons(TRAINED, load_changes(tmp_path, TRAINED))
    assert known == (*TRAINED.names, *names)
    assert (known_numbers == np.arange(num + 3)).all()
    np.testing.assert_allclose(np.linalg.norm(prototypes, axis=1), 1.0, rtol=1e-5)
