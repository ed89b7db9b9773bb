"""Whose face it is: embeddings of a network, cosines with a gallery, and the threshold for strangers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glassnet.autodiff import Array
from glassnet.data.facecrop import Framing
from glassnet.data.people import People
from glassnet.data.pictures import Pictures
from glassnet.errors import CheckpointError, DataError, ShapeError
from glassnet.runtimes import NumpyRuntime, get_runtime
from glassnet.tasks import enrollment, recognition, settings_for
from glassnet.tasks.calibration import DEFAULT_THRESHOLD, FILE, Calibration, composed_faces, load_calibration
from glassnet.tasks.faces import facts_of, network
from glassnet.tasks.gallery import Gallery
from glassnet.tasks.recognition import (
    Recognizer,
    calibrated,
    identify,
    looks_like,
    matches,
    open_gallery,
    trained_persons,
)
from glassnet.training import Checkpoint, Run, create

NAMES = ("Avi", "Beth", "Chen")
GALLERY = Gallery(NAMES, np.eye(3, dtype=np.float32), (0, 1, 7), threshold=0.7, scale=4.0)
GENERATOR = np.random.default_rng(0)


def faces(num: int) -> Array:
    return np.random.default_rng(num).integers(0, 256, (num, 1, 80, 64), np.uint8)


PEOPLE = People(
    Pictures(faces(12), np.repeat(np.arange(3), 4)), Pictures(faces(0), np.zeros(0, np.int64)), (), (), NAMES,
    Framing("whole"), "noise", (),
)  # fmt: skip


def checkpoint(step: int = 0) -> Checkpoint:
    """Of a network that has learned nothing."""
    tensors = network(np.random.default_rng(step), facts_of(PEOPLE))
    arrays = {f"averages/{name}": tensor.numpy() for name, tensor in tensors.parameters().items()}
    return Checkpoint(step, 0.0, arrays | {f"buffers/{name}": t.numpy() for name, t in tensors.buffers().items()})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(recognition, "NUM_COMPOSED", 32)
    return create(tmp_path / "run", settings_for("faces", {}), facts_of(PEOPLE))


def test_embeddings(run: Run) -> None:
    """A face and its mirror image are the same, whatever is beside them and wherever it is computed."""
    recognizer = Recognizer(run, checkpoint(), get_runtime("onnx"))
    images = faces(40)
    embeddings = recognizer.embed(images)
    assert (embeddings.shape, embeddings.dtype) == ((40, 256), np.float32)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(recognizer.embed(images[..., ::-1]), embeddings, atol=1e-5)
    np.testing.assert_array_equal(recognizer.embed(images[35:36]), embeddings[35:36])
    assert recognizer.embed(images[:0]).shape == (0, 256)
    cosines = embeddings @ embeddings.T
    assert cosines[~np.eye(40, dtype=bool)].max() < 0.9999
    reference = Recognizer(run, checkpoint(), NumpyRuntime()).embed(images[:2])
    np.testing.assert_allclose(embeddings[:2], reference, atol=1e-4)


def test_faces_of_another_kind(run: Run) -> None:
    recognizer = Recognizer(run, checkpoint(), NumpyRuntime())
    for images in (faces(2).astype(np.float32), faces(2)[..., :63], faces(2)[0]):
        with pytest.raises(ShapeError, match=r"expected faces uint8 \(N, 1, 80, 64\).*; got .* To fix: "):
            recognizer.embed(images)


def test_what_is_no_run_of_faces(tmp_path: Path) -> None:
    other = create(tmp_path / "houses", settings_for("houses", {}), {})
    for use in (lambda: Recognizer(other, checkpoint(), NumpyRuntime()), lambda: open_gallery(other, checkpoint())):
        with pytest.raises(CheckpointError, match=r"expected a run that tells persons apart; got .*, one of houses"):
            use()


def test_answers() -> None:
    known, stranger = identify(np.array([[0.0, 0.6, 0.8], [0.64, 0.48, 0.6]], np.float32), GALLERY)
    assert (known.number, known.name, known.nearest, known.is_unknown) == (7, "Chen", "Chen", False)
    assert known.score == pytest.approx(0.8)
    assert known.probability == pytest.approx(1 / (1 + np.exp(-0.8) + np.exp(-3.2)), rel=1e-5)
    assert (stranger.number, stranger.name, stranger.nearest, stranger.is_unknown) == (None, None, "Avi", True)
    assert stranger.score == pytest.approx(0.64)
    assert identify(np.zeros((0, 3), np.float32), GALLERY) == []


def test_the_threshold_itself_is_known() -> None:
    score = float(np.float32(0.7))
    (answer,) = identify(np.array([[0.7, 0.0, 0.0]], np.float32), replace(GALLERY, threshold=score))
    assert not answer.is_unknown
    (answer,) = identify(np.array([[0.7, 0.0, 0.0]], np.float32), replace(GALLERY, threshold=np.nextafter(score, 1)))
    assert answer.is_unknown


def test_nobody_to_compare_with() -> None:
    with pytest.raises(DataError, match="expected known persons to compare with; got none"):
        identify(np.eye(3, dtype=np.float32), Gallery((), np.zeros((0, 3), np.float32), (), 0.5, 4.0))


def test_many_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    prototypes, probes = (np.random.default_rng(i).normal(size=(50, 8)).astype(np.float32) for i in range(2))
    gallery = Gallery(tuple(map(str, range(50))), prototypes, tuple(range(50)), 0.0, 4.0)
    at_once = matches(probes, gallery)
    monkeypatch.setattr(recognition, "_MOST_COSINES", 150)
    in_parts = matches(probes, gallery)
    for name in ("rows", "scores", "probabilities"):
        np.testing.assert_allclose(getattr(in_parts, name), getattr(at_once, name), rtol=1e-5)
    assert at_once.rows.tolist() == [int(np.argmax(prototypes @ probe)) for probe in probes]


def test_who_looks_like_somebody_else() -> None:
    photos = np.array([[0.1, 0.9, 0.1], [0.1, 0.9, -0.1]], np.float32)
    assert looks_like(photos, GALLERY, 7) == "Beth"
    assert looks_like(photos, GALLERY, 1) is None
    assert looks_like(photos, replace(GALLERY, threshold=0.999), 7) is None
    alone = Gallery(("Avi",), np.eye(3, dtype=np.float32)[:1], (0,), 0.5, 4.0)
    assert looks_like(photos, alone, 0) is None


def test_faces_of_nobody() -> None:
    """Bands of different persons, all of whom take part; as many as suit the number of persons."""
    for num_persons, num_bands in ((2, 2), (8, 2), (30, 4), (64, 5), (400, 5)):
        labels = np.repeat(np.arange(num_persons), 2)
        images = np.broadcast_to(labels[:, None, None, None] % 251, (len(labels), 1, 80, 64)).astype(np.uint8)
        composed = composed_faces(Pictures(images, labels), 300, np.random.default_rng(0))
        assert (composed.shape, composed.dtype) == ((300, 1, 80, 64), np.uint8)
        assert (composed == composed[..., :1]).all()
        rows = composed[:, 0, :, 0].astype(int)
        assert set((np.diff(rows, axis=1) != 0).sum(axis=1).tolist()) <= {num_bands - 1, *range(num_bands - 1)}
        assert np.median((np.diff(rows, axis=1) != 0).sum(axis=1)) == num_bands - 1
        assert len(np.unique(rows)) > 0.9 * min(num_persons, 251)


def test_the_more_persons_the_higher_the_threshold() -> None:
    calibration = Calibration(5, 0.1, 10, tuple(np.linspace(0, 1, 1001).tolist()))
    assert calibration.threshold(10) == pytest.approx(0.9, abs=0.002)
    assert calibration.threshold(10, fpir=0.3) == pytest.approx(0.7, abs=0.002)
    # Against 20, a stranger stays below t twice: t^2 = 0.9 where the scores against 10 are even.
    assert calibration.threshold(20) == pytest.approx(0.9**0.5, abs=0.002)
    assert calibration.threshold(5) == pytest.approx(0.9**2, abs=0.002)


def test_the_gallery_of_a_run(run: Run) -> None:
    gallery, notices = open_gallery(run, checkpoint())
    assert (gallery.names, gallery.numbers, gallery.threshold) == (NAMES, (0, 1, 2), DEFAULT_THRESHOLD)
    assert gallery.scale == run.settings.logit_scale
    np.testing.assert_allclose(np.linalg.norm(gallery.prototypes, axis=1), 1.0, rtol=1e-5)
    (notice,) = notices
    assert notice.startswith("the threshold for strangers was not set for the network at step 0, so it is 0.5: ")


def test_the_threshold_is_kept_with_the_step(run: Run) -> None:
    made = calibrated(run, checkpoint(), PEOPLE, get_runtime("onnx"), fpir=0.05)
    assert load_calibration(run.path) == made
    assert (made.step, made.fpir) == (0, 0.05)
    gallery, notices = open_gallery(run, checkpoint())
    assert (gallery.threshold, notices) == (made.threshold(3), [])
    assert open_gallery(run, checkpoint(), fpir=0.5)[0].threshold == made.threshold(3, 0.5) < gallery.threshold
    later, (notice,) = open_gallery(run, checkpoint(60))
    assert later.threshold == DEFAULT_THRESHOLD
    assert "at step 60" in notice


def test_a_higher_threshold_with_more_persons(run: Run) -> None:
    made = calibrated(run, checkpoint(), PEOPLE, get_runtime("onnx"), fpir=0.05)
    trained = trained_persons(run, checkpoint())
    for i in range(3):
        enrollment.enroll(run.path, trained, f"person {i}", GENERATOR.normal(size=(2, 256)).astype(np.float32))
    gallery, _ = open_gallery(run, checkpoint())
    assert gallery.numbers == (0, 1, 2, 3, 4, 5)
    assert gallery.threshold == made.threshold(6) > made.threshold(3)


def test_a_calibration_that_is_another_thing(run: Run) -> None:
    calibrated(run, checkpoint(), PEOPLE, get_runtime("onnx"), fpir=0.05)
    file = run.path / FILE
    whole = json.loads(file.read_bytes())
    for values in ({**whole, "format": 2}, {**whole, "more": 1}, {**whole, "stranger_scores": 3}, [1], 7):
        file.write_text(json.dumps(values))
        with pytest.raises(CheckpointError, match=r"expected the calibration of a run in .*; got something else"):
            load_calibration(run.path)
    file.write_bytes(b"\xff{")
    with pytest.raises(CheckpointError, match="To fix: delete it, and make it anew with `glassnet evaluate`"):
        load_calibration(run.path)
