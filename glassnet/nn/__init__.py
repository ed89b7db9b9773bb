"""Layers, losses and first weights: what networks are put together from; knows nothing of training."""

from glassnet.nn import init
from glassnet.nn.activation import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from glassnet.nn.augmentation import (
    alternating_flips,
    blur,
    cutout,
    jitter,
    random_flips,
    random_shifts,
    shift_and_flip,
)  # fmt: skip
from glassnet.nn.container import Residual, Sequential
from glassnet.nn.convolution import Conv2d, ConvTranspose2d
from glassnet.nn.cosine import Cosine, draw_classes, unit
from glassnet.nn.dropout import Dropout
from glassnet.nn.embedding import Embedding
from glassnet.nn.linear import Linear
from glassnet.nn.losses import (
    accuracy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    margin_cross_entropy,
    mse_loss,
    sampled_margin_cross_entropy,
)
from glassnet.nn.module import Module
from glassnet.nn.normalization import BatchNorm2d, GroupNorm, LayerNorm
from glassnet.nn.pooling import AvgPool2d, Flatten, GlobalAvgPool, GlobalMaxPool, MaxPool2d, Upsample
from glassnet.nn.standardize import Standardize
from glassnet.nn.warping import warp
from glassnet.nn.whitening import PatchWhitening, whitening_filters

__all__ = [
    "GELU", "AvgPool2d", "BatchNorm2d", "Conv2d", "ConvTranspose2d", "Cosine", "Dropout", "Embedding", "Flatten",
    "GlobalAvgPool", "GlobalMaxPool", "GroupNorm", "LayerNorm", "LeakyReLU", "Linear", "MaxPool2d", "Module",
    "PatchWhitening", "ReLU", "Residual", "Sequential", "SiLU", "Sigmoid", "Standardize", "Tanh", "Upsample",
    "accuracy", "alternating_flips", "binary_cross_entropy_with_logits", "blur", "cross_entropy", "cutout",
    "draw_classes", "init", "jitter", "margin_cross_entropy", "mse_loss", "random_flips", "random_shifts",
    "sampled_margin_cross_entropy", "shift_and_flip", "unit", "warp", "whitening_filters",
]  # fmt: skip
