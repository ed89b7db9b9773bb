"""The running statistics of `BatchNorm2d`, and how a step reads them back."""

import numpy as np
import torch

from glassnet import nn
from glassnet.autodiff import Tensor, placeholder


def test_running_statistics_follow_torch_over_several_batches() -> None:
    ours, theirs = nn.BatchNorm2d(3, momentum=0.3, dtype="float64"), torch.nn.BatchNorm2d(3, momentum=0.3).double()
    generator = np.random.default_rng(0)
    for batch_size in (4, 1, 7, 3):
        x = generator.normal(2.0, 3.0, (batch_size, 3, 2, 5))
        np.testing.assert_allclose(ours(Tensor(x)).numpy(), theirs(torch.from_numpy(x)).detach(), atol=1e-12)
        for name, statistic in ours.buffers().items():
            np.testing.assert_allclose(statistic.numpy(), theirs.state_dict()[name], atol=1e-12)
    ours.train(False)
    theirs.eval()
    x = generator.standard_normal((2, 3, 4, 4))
    before = ours.running_mean
    np.testing.assert_allclose(ours(Tensor(x)).numpy(), theirs(torch.from_numpy(x)).detach(), atol=1e-12)
    assert ours.running_mean is before


def test_new_statistics_are_read_back_before_the_old_return() -> None:
    layer = nn.Sequential(nn.BatchNorm2d(2))
    before = layer.buffers()
    with layer.holding({name: placeholder(x.spec) for name, x in layer.tensors().items()}):
        layer(placeholder(Tensor(np.zeros((3, 2, 4, 4), "float32")).spec))
        new = layer.buffers()
    assert list(new) == ["0.running_mean", "0.running_var"]
    assert all(new[name].is_symbolic and new[name].spec == before[name].spec for name in new)
    assert all(layer.buffers()[name] is before[name] for name in before)


def test_statistics_are_not_parameters() -> None:
    assert list(nn.BatchNorm2d(2).parameters()) == ["weight", "bias"]
    assert list(nn.BatchNorm2d(2, has_scale=False).parameters()) == ["bias"]
