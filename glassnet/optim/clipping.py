"""Gradients kept from growing too long, their direction unchanged."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from functools import reduce

from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError
from glassnet.ops import minimum, sqrt, square, sum
from glassnet.optim.optimizer import Tensors


def global_norm(tensors: Mapping[str, Tensor]) -> Tensor:
    """The length of all the tensors laid end to end: the root of the sum of all squares, a scalar."""
    if not tensors:
        raise ShapeError("expected at least one tensor; got none. To fix: check that the model has parameters.")
    return sqrt(reduce(operator.add, [sum(square(x)) for x in tensors.values()]))


def clip_by_global_norm(gradients: Mapping[str, Tensor], max_norm: Tensor | float) -> tuple[Tensors, Tensor]:
    """The gradients times min(1, max_norm / norm), and the norm that they had.

    Pascanu et al. 2013 (https://arxiv.org/abs/1211.5063); 1e-6 is added to the norm as in PyTorch, so that
    gradients of zero stay zero.
    """
    norm = global_norm(gradients)
    scale = minimum(max_norm / (norm + 1e-6), 1.0)
    return {name: g * scale for name, g in gradients.items()}, norm
