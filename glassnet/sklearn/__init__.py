"""The networks as scikit-learn's estimators: they train in memory, and keep nothing on disk.

>>> from sklearn.datasets import load_digits
>>> from sklearn.model_selection import cross_val_score
>>> digits = load_digits()
>>> scores = cross_val_score(ImageClassifier(epochs=10, random_state=0), digits.images, digits.target, cv=3)
>>> bool(scores.min() > 0.9)
True
"""

from glassnet.sklearn.faces import FaceIdentifier
from glassnet.sklearn.images import ImageClassifier

__all__ = ["FaceIdentifier", "ImageClassifier"]
