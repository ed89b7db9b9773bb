"""The identifier: who it is, who is a stranger, who joins later; on rows of numbers, drawn pictures and real faces."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from glassnet.autodiff import Array
from glassnet.data.facecrop import FACE_SHAPE
from glassnet.errors import DataError, SettingsError
from glassnet.sklearn import FaceIdentifier
from glassnet.sklearn.rows import as_faces

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def att() -> tuple[Array, Array]:
    """Twelve persons of AT&T, ten photos (112, 92) of each: (12, 10, 112, 92), and their names (12,)."""
    base = Path(os.environ.get("GLASSNET_DATA") or ROOT.parent / "shared" / "data") / "faces" / "att_faces"
    if not (base / "s1" / "1.pgm").is_file():
        pytest.skip("needs $GLASSNET_DATA or ../shared/data")
    names = [f"s{i}" for i in range(1, 13)]
    photos = [[np.asarray(Image.open(base / name / f"{i}.pgm")) for i in range(1, 11)] for name in names]
    return np.array(photos), np.array(names)


def clouds(num: int, seed: int) -> tuple[Array, Array]:
    """Rows (N, 8) around six places, and whose they are."""
    places = np.eye(8)[:6] * 10.0
    rows, numbers = make_blobs(num, centers=places, cluster_std=1.0, random_state=seed)
    return rows, np.array(["ann", "bob", "cay", "dan", "eve", "fay"])[numbers]


def identifier(**given: object) -> FaceIdentifier:
    return FaceIdentifier(**{"random_state": 0, **given})


def among(labels: Array, *names: str) -> Array:
    return np.isin(labels, names)


def test_persons_join_later() -> None:
    rows, labels = clouds(300, 0)
    is_known = among(labels, "ann", "bob", "cay", "dan")
    learned = identifier().fit(rows[is_known], labels[is_known])
    unseen, true = clouds(300, 1)
    is_eve, was_known = among(true, "eve"), among(true, "ann", "bob", "cay", "dan")
    assert learned.score(unseen[was_known], true[was_known]) > 0.95
    assert learned.enroll("eve", rows[labels == "eve"][:5]) is learned
    assert learned.classes_.tolist() == ["ann", "bob", "cay", "dan", "eve"]
    assert learned.score(unseen[is_eve], true[is_eve]) > 0.9
    assert learned.score(unseen[was_known], true[was_known]) > 0.9
    probabilities = learned.predict_proba(unseen)
    assert probabilities.shape == (300, 5)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, atol=1e-12)
    np.testing.assert_array_equal(learned.classes_[probabilities.argmax(1)], learned.predict(unseen))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(learned)).predict(unseen), learned.predict(unseen))


def test_strangers_set_the_threshold_and_are_not_learned() -> None:
    rows, labels = clouds(600, 0)
    labels = np.where(among(labels, "eve", "fay"), "nobody", labels)
    is_stranger = labels == "nobody"
    learned = identifier(unknown_label="nobody", fpir=0.05).fit(rows, labels)
    assert learned.classes_.tolist() == ["ann", "bob", "cay", "dan"]
    assert np.mean(learned.predict(rows[is_stranger]) != "nobody") <= 0.05
    assert np.mean(learned.predict(rows[is_stranger]) != "nobody") > 0.03
    unseen, true = clouds(600, 1)
    true = np.where(among(true, "eve", "fay"), "nobody", true)
    assert np.mean(learned.predict(unseen[true == "nobody"]) != "nobody") < 0.15
    assert learned.score(unseen[true != "nobody"], true[true != "nobody"]) > 0.8
    without = identifier().fit(rows[~is_stranger], labels[~is_stranger])
    for name, array in without.weights_.items():
        np.testing.assert_array_equal(array, learned.weights_[name], err_msg=name)
    assert "nobody" not in without.predict(rows)
    stricter = identifier(unknown_label="nobody", fpir=0.01).fit(rows, labels)
    assert stricter.threshold_ > learned.threshold_ > without.threshold_


def test_embeddings_are_directions() -> None:
    rows, labels = clouds(60, 0)
    learned = identifier().fit(rows, labels)
    embeddings = learned.embed(rows)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)
    for k, name in enumerate(learned.classes_):
        own = embeddings[labels == name].sum(0)
        np.testing.assert_allclose(learned.prototypes_[k], own / np.linalg.norm(own), atol=1e-5)


def test_wrong_usage() -> None:
    rows, labels = clouds(60, 0)
    learned = identifier(epochs=1).fit(rows, labels)
    with pytest.raises(SettingsError, match=r"^expected a name that is new, and a str .*; got 'bob'\. To fix: "):
        learned.enroll("bob", rows[:2])
    with pytest.raises(SettingsError, match=r"^expected a name that is new, and a str .*; got 7\. To fix: "):
        learned.enroll(7, rows[:2])
    mixed = identifier(epochs=1).fit(rows, labels.astype(object))
    assert mixed.enroll("george", rows[:2]).classes_[-1] == "george"
    for wrong in (labels, np.full(60, "nobody")):
        with pytest.raises(DataError, match=r"^expected faces of known persons, and some of strangers .* 'nobody';"):
            identifier(unknown_label="nobody").fit(rows, wrong)


def test_pictures_become_faces() -> None:
    """The middle is kept, colors become gray by how bright they are."""
    wide = np.zeros((2, 1, 40, 96), np.uint8)
    wide[0, :, :, 30:66] = 200
    wide[1, :, 20:, 30:66] = 200
    faces = as_faces(wide)
    assert (faces.shape, faces.dtype) == ((2, 1, *FACE_SHAPE), np.uint8)
    assert (abs(faces[0].astype(int) - 200) < 20).all()
    assert (faces[1, 0, :32] == 0).all()
    assert (faces[1, 0, 48:, 8:-8] == 200).all()
    colors = np.zeros((3, 3, 80, 64), np.uint8)
    colors[range(3), range(3)] = 255
    assert as_faces(colors)[:, 0, 40, 32].tolist() == [76, 150, 29]


@pytest.mark.slow
def test_real_faces(att: tuple[Array, Array]) -> None:
    photos, names = att
    faces, labels = photos[:5, :5].reshape(-1, 112, 92), np.repeat(names[:5], 5)
    learned = identifier(epochs=6).fit(faces, labels)
    assert learned.image_shape_ == (112, 92)
    unseen, true = photos[:5, 5:9].reshape(-1, 112, 92), np.repeat(names[:5], 4)
    assert learned.score(unseen, true) > 0.8  # 1 in 5 by chance
    np.testing.assert_array_equal(learned.predict(unseen.reshape(20, -1)), learned.predict(unseen))
    np.testing.assert_allclose(learned.embed(unseen), learned.embed(unseen[:, :, ::-1]), atol=1e-3)
    learned.enroll("s12", photos[11, :5])
    assert learned.score(photos[11, 5:], np.repeat("s12", 5)) >= 0.6
    assert learned.score(unseen, true) > 0.7


@pytest.mark.slow
def test_principal_components_of_real_faces(att: tuple[Array, Array]) -> None:
    photos, names = att
    rows = photos[:, :, ::4, ::4].reshape(12, 10, -1) / 255.0
    pipeline = make_pipeline(PCA(20, whiten=True, random_state=0), identifier())
    pipeline.fit(rows[:, :7].reshape(84, -1), np.repeat(names, 7))
    assert pipeline.score(rows[:, 7:].reshape(36, -1), np.repeat(names, 3)) > 0.8  # 1 in 12 by chance
