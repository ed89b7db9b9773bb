"""What the layers of a network hold and say, found on the tape."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.autodiff import Tensor, value_and_grad
from glassnet.insight.layers import KINDS, OTHER, Layer, inspect
from glassnet.models import FaceNet, UNet, classifier
from glassnet.models.convnetjs import ConvNetJS
from glassnet.nn import BatchNorm2d, Conv2d, Linear, Module, ReLU, Sequential, cross_entropy
from glassnet.ops import mean, reshape, square

NUMBERS = np.random.default_rng(0)


def by_name(layers: list[Layer]) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers}


def images(*shape: int) -> Tensor:
    return Tensor(NUMBERS.integers(0, 256, shape, np.uint8))


@pytest.fixture(scope="module")
def convnetjs() -> tuple[ConvNetJS, float, dict[str, Layer]]:
    model = ConvNetJS(np.random.default_rng(1))
    picture, labels = images(1, 3, 32, 32), Tensor(np.array([4]))
    loss, layers = inspect(model, lambda: cross_entropy(model(picture), labels))
    assert [layer.name for layer in layers] == ["standardize", "conv1", "conv2", "conv3", "linear"]

    def again(weights: dict[str, Tensor]) -> Tensor:
        with model.holding(weights):
            return cross_entropy(model(picture), labels)

    value, gradients = value_and_grad(again)(model.parameters())
    assert loss == value.item()
    for layer in layers[1:]:
        for signal in layer.held:
            assert signal.gradient is not None
            np.testing.assert_array_equal(signal.gradient, gradients[f"{layer.name}.{signal.name}"].numpy())
    return model, loss, by_name(layers)


def test_gradients_of_activations(convnetjs: tuple[ConvNetJS, float, dict[str, Layer]]) -> None:
    """A bias is added to every place of its channel, so its gradient is the sum of theirs."""
    for name in ("conv1", "conv2", "conv3", "linear"):
        layer = convnetjs[2][name]
        bias, out = layer.held[1].gradient, layer.said[0].gradient
        assert bias is not None
        assert out is not None
        np.testing.assert_allclose(out.sum((0, 2, 3)) if out.ndim == 4 else out[0], bias, atol=1e-6)


def test_what_is_said(convnetjs: tuple[ConvNetJS, float, dict[str, Layer]]) -> None:
    model, loss, layers = convnetjs
    first = layers["conv1"]
    assert [(signal.name, signal.values.shape) for signal in first.said] == [
        ("out", (1, 16, 32, 32)),
        ("after max pooling and relu", (1, 16, 16, 16)),
    ]
    picture = layers["standardize"].said[0].values
    np.testing.assert_array_equal(model.conv1(Tensor(picture)).numpy(), first.said[0].values)
    pooled = first.said[0].values.reshape(1, 16, 16, 2, 16, 2).max((3, 5))
    np.testing.assert_array_equal(np.maximum(pooled, 0), first.said[1].values)
    logits = layers["linear"].said[0].values
    assert cross_entropy(Tensor(logits), Tensor(np.array([4]))).item() == pytest.approx(loss)


def test_what_is_not_learned_has_no_gradient(convnetjs: tuple[ConvNetJS, float, dict[str, Layer]]) -> None:
    held = convnetjs[2]["standardize"].held
    assert [(signal.name, signal.gradient) for signal in held] == [("mean", None), ("std", None)]


def test_which_image_a_matrix_looks_at(convnetjs: tuple[ConvNetJS, float, dict[str, Layer]]) -> None:
    assert convnetjs[2]["linear"].input_shape == (20, 4, 4)
    assert convnetjs[2]["conv1"].input_shape is None
    model = UNet(np.random.default_rng(0))
    x, t = Tensor(NUMBERS.standard_normal((1, 1, 28, 28), np.float32)), Tensor(np.full(1, 0.5, np.float32))
    layers = by_name(inspect(model, lambda: mean(square(model(x, t))))[1])
    assert layers["mixers.0.linear1"].input_shape == (7, 7)
    assert layers["mixers.0.linear2"].input_shape is None
    assert layers["time.linear"].input_shape is None
    assert layers["places"].held[0].values.shape == (1, 48, 14, 14)


def networks() -> dict[str, tuple[Module, Tensor]]:
    numbers = np.random.default_rng(0)
    sample = numbers.integers(0, 256, (4, 3, 32, 32), np.uint8)
    named = {
        name: (classifier(name, numbers, 3, sample), images(1, 3, 32, 32)) for name in ("batchnorm", "fast", "resnet")
    }
    return {**named, "facenet": (FaceNet(numbers, 3), images(1, 1, 80, 64))}


@pytest.mark.parametrize("name", ["batchnorm", "fast", "resnet", "facenet"])
def test_every_layer_is_found(name: str) -> None:
    model, picture = networks()[name]
    model.train(False)
    _, layers = inspect(model, lambda: cross_entropy(model(picture), Tensor(np.array([1]))))
    assert {layer.name for layer in layers} == {name.rpartition(".")[0] for name in model.tensors()}
    for layer in layers:
        for signal in layer.said:
            assert signal.gradient is not None
            assert signal.gradient.shape == signal.values.shape


def test_a_layer_that_is_asked_twice_shows_the_last_time() -> None:
    layer = Linear(3, 3, generator=np.random.default_rng(0))
    x = Tensor(np.ones((1, 3), np.float32))
    _, (found,) = inspect(layer, lambda: mean(layer(layer(x))))
    np.testing.assert_array_equal(found.said[0].values, layer(layer(x)).numpy())


def test_relu_passes_gradients_where_it_is_on() -> None:
    numbers = np.random.default_rng(0)
    layers = (Conv2d(1, 4, 3, generator=numbers), BatchNorm2d(4), ReLU(), Linear(6, 2, generator=numbers))
    model = Sequential(*layers)
    model.train(False)
    x = Tensor(numbers.standard_normal((1, 1, 4, 8), np.float32))

    def loss() -> Tensor:
        h = layers[2](layers[1](layers[0](x)))
        return mean(square(layers[3](reshape(h, (-1, 6)))))

    found = by_name(inspect(model, loss)[1])
    before, after = found["1"].said
    assert before.gradient is not None
    assert after.gradient is not None
    np.testing.assert_allclose(before.gradient, after.gradient * (before.values > 0))
    assert [signal.name for signal in found["1"].held] == ["weight", "bias", "running_mean", "running_var"]


@pytest.mark.parametrize("name", ["convnetjs", "batchnorm", "fast", "resnet"])
def test_every_layer_has_a_kind_and_counts_its_weights(name: str) -> None:
    sample = NUMBERS.integers(0, 256, (40, 3, 32, 32), np.uint8)
    model = classifier(name, np.random.default_rng(1), 10, sample)
    model.train(False)
    _, layers = inspect(model, lambda: cross_entropy(model(images(1, 3, 32, 32)), Tensor(np.array([4]))))
    assert {layer.kind for layer in layers} <= set(KINDS.values())
    assert layers[-1].kind == "linear"
    assert sum(layer.num_weights for layer in layers) == model.num_weights()


def test_the_kind_of_what_belongs_to_the_network_itself() -> None:
    model = UNet(np.random.default_rng(1))
    x, t = Tensor(NUMBERS.standard_normal((1, 1, 28, 28), np.float32)), Tensor(np.array([0.5], np.float32))
    _, layers = inspect(model, lambda: mean(square(model(x, t))))
    assert [layer.name for layer in layers if layer.kind == OTHER] == ["places"]
    assert model.module("blocks.1.conv1") is model.blocks[1].conv1
    with pytest.raises(KeyError):
        model.module("blocks.2.conv1")
