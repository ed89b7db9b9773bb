"""The classifier: what it learns from, in whatever form X comes, and that it fits into scikit-learn's tools."""

from __future__ import annotations

import doctest
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import glassnet.sklearn
from glassnet.autodiff import Array
from glassnet.errors import DivergedError, SettingsError, ShapeError
from glassnet.sklearn import ImageClassifier
from glassnet.sklearn.rows import padded


def stripes(num: int, seed: int, size_px: int = 8) -> tuple[Array, Array]:
    """Pictures (N, 3, H, W), bright above or bright below, in noise; and which."""
    drawn = np.random.default_rng(seed)
    is_below = np.arange(num) % 2
    images = drawn.integers(0, 120, (num, 3, size_px, size_px))
    images[is_below == 0, :, : size_px // 2] += 100
    images[is_below == 1, :, size_px // 2 :] += 100
    return images.astype(np.uint8), np.array(["on top", "below"])[is_below]


def quick(**given: object) -> ImageClassifier:
    return ImageClassifier(**{"epochs": 5, "random_state": 0, **given})


IMAGES, LABELS = stripes(48, 0)
RESNET = pytest.param("resnet", 8, 2, marks=pytest.mark.slow)
UNSEEN, TRUE_LABELS = stripes(40, 1)


@pytest.mark.parametrize(
    ("model", "size_px", "epochs"),
    [("auto", 8, 5), ("mlp", 8, 5), ("batchnorm", 8, 2), ("fast", 16, 2), RESNET],
)
def test_every_network_learns(model: str, size_px: int, epochs: int) -> None:
    learned = quick(model=model, epochs=epochs).fit(*stripes(48, 0, size_px))
    assert learned.score(*stripes(40, 1, size_px)) > 0.9
    assert learned.image_shape_ == (3, size_px, size_px)
    assert learned.classes_.tolist() == ["below", "on top"]
    assert len(learned.loss_curve_) == epochs * 48 / 16
    assert learned.loss_curve_[-1] < 0.8 * learned.loss_curve_[0]


def test_pictures_come_in_any_order_of_axes_and_as_rows() -> None:
    expected = quick().fit(IMAGES, LABELS).predict_proba(UNSEEN)
    channels_last = [np.moveaxis(images, 1, 3) for images in (IMAGES, UNSEEN)]
    rows = [images.reshape(len(images), -1) for images in (IMAGES, UNSEEN)]
    folded = quick(image_shape=(3, 8, 8)).fit(rows[0], LABELS)
    for found in (
        quick().fit(channels_last[0], LABELS).predict_proba(channels_last[1]),
        folded.predict_proba(rows[1]),
        folded.predict_proba(UNSEEN),
        quick(image_shape=(8, 8, 3)).fit(channels_last[0].reshape(48, -1), LABELS).predict_proba(channels_last[1]),
    ):
        np.testing.assert_array_equal(found, expected)
    gray = quick().fit(IMAGES[:, 0], LABELS)
    np.testing.assert_array_equal(gray.predict(UNSEEN[:, 0]), gray.predict(UNSEEN[:, 0].reshape(40, -1)))
    assert gray.score(UNSEEN[:, 0], TRUE_LABELS) == 1.0


def test_the_training_says_what_is_black_and_white() -> None:
    """Floats from 0 to 1 become the bytes that they stand for; what is beyond is black or white."""
    bytes_ = IMAGES.copy()
    bytes_[0, 0, 0, :2] = 0, 255
    learned = quick().fit(bytes_, LABELS)
    floats = quick().fit(bytes_ / 255.0, LABELS)
    for name, array in learned.weights_.items():
        np.testing.assert_array_equal(array, floats.weights_[name], err_msg=name)
    beyond = np.where(UNSEEN < 20, -3.0, UNSEEN / 255.0)
    within = np.where(UNSEEN < 20, 0, UNSEEN).astype(np.uint8)
    np.testing.assert_array_equal(floats.predict_proba(beyond), learned.predict_proba(within))
    flat = quick().fit(np.full((16, 8, 8), 0.5), LABELS[:16])
    assert np.isfinite(flat.predict_proba(np.zeros((2, 8, 8)))).all()


def test_sides_are_padded_to_what_the_poolings_want() -> None:
    images, labels = (part[:, :, 1:, 3:] if part.ndim > 1 else part for part in stripes(48, 0, 16))
    assert images.shape[2:] == (15, 13)
    wide = padded(images)
    assert wide.shape[2:] == (16, 16)
    np.testing.assert_array_equal(wide[:, :, :15, :13], images)
    np.testing.assert_array_equal(wide[:, :, 15, 15], images[:, :, 14, 12])
    assert quick().fit(images, labels).score(images, labels) == 1.0


@pytest.mark.parametrize(("model", "size_px"), [("convnetjs", 8), ("fast", 16)])
def test_an_answer_does_not_depend_on_what_else_is_asked(model: str, size_px: int) -> None:
    learned = quick(model=model, epochs=1).fit(*stripes(48, 0, size_px))
    unseen, _ = stripes(40, 1, size_px)
    together = learned.predict_proba(np.concatenate([unseen, unseen]))
    assert together.shape == (80, 2)
    np.testing.assert_allclose(together.sum(1), 1.0, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(together[:40], together[40:])
    np.testing.assert_array_equal(learned.predict_proba(unseen[7:8]), together[7:8])


def test_the_recipe_of_a_network_counts() -> None:
    """`fast` is taught to be 90 % sure of one of two classes: its loss cannot fall below that of 0.9 and 0.1."""
    least = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    losses = quick(model="fast", epochs=3).fit(*stripes(48, 0, 16)).loss_curve_
    assert least < min(losses) < 1.3 * least


def test_the_random_state_decides_everything() -> None:
    def weights(random_state: object) -> bytes:
        learned = quick(epochs=1, random_state=random_state).fit(IMAGES, LABELS)
        return b"".join(array.tobytes() for array in learned.weights_.values())

    assert weights(3) == weights(3) == weights(np.random.RandomState(3))
    assert weights(3) != weights(4)
    assert weights(None) != weights(None)


def test_the_runtimes_learn_the_same() -> None:
    found = [quick(runtime=name, epochs=1).fit(IMAGES, LABELS).predict_proba(UNSEEN) for name in ("auto", "numpy")]
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)
    assert not np.array_equal(found[0], found[1])


def test_a_pickle_holds_the_weights_and_not_what_was_compiled() -> None:
    learned = quick().fit(IMAGES, LABELS)
    before = pickle.dumps(learned)
    expected = learned.predict_proba(UNSEEN)
    assert len(pickle.dumps(learned)) == len(before) < 4 * sum(a.size for a in learned.weights_.values()) + 10_000
    np.testing.assert_array_equal(pickle.loads(before).predict_proba(UNSEEN), expected)
    assert not hasattr(clone(learned), "classes_")


def test_rows_of_numbers_are_standardized() -> None:
    """So shifts and scales change nothing, and a column that never varies does no harm."""
    x, y = load_iris(return_X_y=True)
    x = x.astype(np.float32).astype(np.float64)
    learned = quick().fit(x, y)
    assert learned.image_shape_ is None
    constant = np.full(len(x), 0.1)
    assert constant.std() > 0.0  # by rounding
    moved = np.column_stack([x * 4.0 + 2.0**20, constant])
    wider = quick().fit(moved, y)
    assert wider.score(moved, y) > 0.9
    moved[:, 4] += 1e-6
    assert wider.score(moved, y) > 0.9
    scaled = quick().fit(x * 4.0 + 2.0**20, y)
    np.testing.assert_allclose(scaled.predict_proba(x * 4.0 + 2.0**20), learned.predict_proba(x), atol=1e-3)


def test_cross_validation_pipeline_and_grid_search() -> None:
    x, y = load_iris(return_X_y=True)
    assert cross_val_score(ImageClassifier(random_state=0), x, y).min() > 0.9
    pipeline = make_pipeline(StandardScaler(), quick(image_shape=(8, 8)))
    gray = [images[:, 0].reshape(len(images), -1) for images in (IMAGES, UNSEEN)]
    assert pipeline.fit(gray[0], LABELS).score(gray[1], TRUE_LABELS) == 1.0
    search = GridSearchCV(quick(), {"learning_rate": [1e-9, 0.01], "batch_size": [16]}, cv=3).fit(x, y)
    assert search.best_params_ == {"learning_rate": 0.01, "batch_size": 16}
    assert search.cv_results_["mean_test_score"][1] > 0.85


def test_batches_fit_the_examples() -> None:
    """Unless told otherwise, a batch is a quarter of the examples at most; told otherwise, all of them at most."""
    x, y = load_iris(return_X_y=True)
    steps = [len(quick(epochs=4, batch_size=size).fit(x[::num], y[::num]).loss_curve_) for size, num in (
        (None, 1), (None, 2), (None, 10), (5, 1), (1000, 1))]  # fmt: skip
    assert steps == [round(4 * 150 / 32), round(4 * 75 / 18), 4, 4 * 30, 4]


def test_wrong_usage() -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(SettingsError, match=r"^expected the model auto, mlp, convnetjs, batchnorm, fast, resnet; got "):
        quick(model="gpt").fit(x, y)
    with pytest.raises(SettingsError, match=r"^expected pictures for the model fast; got rows of numbers\. To fix: "):
        quick(model="fast").fit(x, y)
    with pytest.raises(SettingsError, match=r"^expected pictures .* of the 4 numbers in a row; got .*\(2, 3\)\."):
        quick(image_shape=(2, 3)).fit(x, y)
    with pytest.raises(SettingsError, match=r"with C 1 or 3, .* got the shape \(4, 8, 6\)\. To fix: "):
        quick().fit(np.zeros((6, 4, 8, 6)), y[:6])
    with pytest.raises(ShapeError, match=r"^expected .* image_shape \(8, 24\); got \(3, 8, 8\)\. To fix: "):
        quick(image_shape=(8, 24)).fit(IMAGES, LABELS)
    learned = quick(epochs=1).fit(IMAGES, LABELS)
    with pytest.raises(ShapeError, match=r"^expected rows, or pictures of the shape \(3, 8, 8\); got \(8, 8, 3\)\."):
        learned.predict(np.moveaxis(IMAGES, 1, 3))
    with pytest.raises(SettingsError, match=r"^expected --epochs to be a number above 0; got -1\."):
        quick(epochs=-1).fit(x, y)
    with pytest.raises(DivergedError, match=r"^expected finite numbers; .* lower learning_rate \(now 1e\+30\)"):
        quick(learning_rate=1e30).fit(x, y)


@pytest.mark.slow
def test_the_example() -> None:
    assert doctest.testmod(glassnet.sklearn, raise_on_error=True) == (0, 5)
