"""scikit-learn's own checks of estimators."""

from __future__ import annotations

from collections.abc import Callable
from unittest import SkipTest

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from glassnet.sklearn import FaceIdentifier, ImageClassifier

pytestmark = pytest.mark.slow


@parametrize_with_checks([FaceIdentifier(random_state=0), ImageClassifier(random_state=0)])
def test_scikit_learns_checks(
    estimator: BaseEstimator, check: Callable[[BaseEstimator], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it one of the checks is skipped
    try:
        check(estimator)
    except SkipTest as skipped:
        # The end of one check; everything before it has run.
        if "pandas is not installed" not in str(skipped):
            raise
