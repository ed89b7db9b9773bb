"""The classifiers by name or by their layers, fitted before the first step to the pictures they will be trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from glassnet.autodiff import Array, Tensor
from glassnet.errors import SettingsError, ShapeError
from glassnet.models.batchnorm import BatchNormNet
from glassnet.models.convnetjs import ConvNetJS
from glassnet.models.described import Described, is_description
from glassnet.models.fast import WIDTHS, Fast
from glassnet.models.resnet import ResNet
from glassnet.nn import Module, Standardize, whitening_filters

# As many as Jordan 2024 takes.
_WHITENING_IMAGES = 5_000
_COUNTED_AT_ONCE = 256


def classifier(name: str, generator: np.random.Generator, num_classes: int, sample: Array) -> Module:
    """The network called ``name``: images (B, C, H, W), uint8 or floats from 0 to 255 -> logits (B, num_classes).

    ``name`` may be a list of layers instead, as `Described` takes it.
    ``sample``: uint8 (N, C, H, W), pictures to train on. From them come the sizes, the mean and standard deviation of
    each channel, and filters. A network whose tensors will be loaded may be made from zeros of the right shape.
    """
    if name not in CLASSIFIERS and not is_description(name):
        raise SettingsError(f"expected a classifier out of {', '.join(CLASSIFIERS)}; got '{name}'. To fix: choose one.")
    if sample.ndim != 4 or sample.dtype != np.uint8 or len(sample) == 0:
        raise ShapeError(
            f"expected a sample of pictures uint8 (N, C, H, W); got {sample.dtype} {sample.shape}. "
            "To fix: give some of the pictures to train on, as they are kept."
        )
    if name in CLASSIFIERS:
        return CLASSIFIERS[name](generator, num_classes, sample)
    height, width = sample.shape[2:]
    return Described(name, generator, num_classes, standardize=_standardize(sample), image_size=(height, width))


def _convnetjs(generator: np.random.Generator, num_classes: int, sample: Array) -> Module:
    height, width = sample.shape[2:]
    return ConvNetJS(generator, num_classes, standardize=_standardize(sample), image_size=(height, width))


def _batchnorm(generator: np.random.Generator, num_classes: int, sample: Array) -> Module:
    height, width = sample.shape[2:]
    return BatchNormNet(generator, num_classes, standardize=_standardize(sample), image_size=(height, width))


def _resnet(generator: np.random.Generator, num_classes: int, sample: Array) -> Module:
    return ResNet(generator, num_classes, standardize=_standardize(sample))


def fast(generator: np.random.Generator, num_classes: int, sample: Array, widths: tuple[int, ...] = WIDTHS) -> Module:
    """`Fast` of any widths, with the filters of the pictures uint8 (N, C, H, W)."""
    model = Fast(generator, num_classes, standardize=_standardize(sample), widths=widths)
    pictures = model.standardize(Tensor(sample[:_WHITENING_IMAGES])).numpy()
    model.load({"whiten.weight": Tensor(whitening_filters(pictures, model.whiten.weight.shape[-1]))})
    return model


CLASSIFIERS: Mapping[str, Callable[[np.random.Generator, int, Array], Module]] = {
    "convnetjs": _convnetjs,
    "batchnorm": _batchnorm,
    "fast": fast,
    "resnet": _resnet,
}


def _standardize(sample: Array) -> Standardize:
    """By the mean and standard deviation of each channel, white being 1; a constant channel keeps its range."""
    # How often each byte occurs is all it takes; the pictures as floats would fill gigabytes.
    counts = np.zeros((sample.shape[1], 256))
    for start in range(0, len(sample), _COUNTED_AT_ONCE):
        channels = np.swapaxes(sample[start : start + _COUNTED_AT_ONCE], 0, 1)
        counts += [np.bincount(channel.reshape(-1), minlength=256) for channel in channels]
    shares, values = counts / counts[0].sum(), np.arange(256) / 255.0
    mean = shares @ values
    std = np.sqrt((shares * (values - mean[:, None]) ** 2).sum(1))
    return Standardize(mean, np.where(std > 0.0, std, 1.0))
