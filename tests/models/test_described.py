"""Networks described by a line of text: what is built, that PyTorch's twin agrees, and that mistakes are explained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from glassnet.autodiff import Tensor
from glassnet.baselines.torch_networks import load, torch_twin
from glassnet.errors import SettingsError, ShapeError
from glassnet.models import classifier
from glassnet.models.described import EXAMPLE, MOST_LAYERS, Described, is_description, parse, plan
from glassnet.ops import EagerRandom
from glassnet.tasks import settings_for
from glassnet.tasks.classification import RECIPES
from tests.models.test_classifiers import assert_close, outputs, pictures

CIFAR10 = (3, 32, 32)
CONVNETJS = "conv 16 5x5, relu, pool 2, conv 20 5x5, relu, pool 2, conv 20 5x5, relu, pool 2, linear 10"
LINES = {
    "convnetjs": CONVNETJS,
    "norms": "conv 8 3x3, norm, gelu, average 2, conv 6 3x5 stride 2, norm, tanh, linear 5, sigmoid",
    "overlapping": "conv 4 2x2 padding 0, relu, pool 3 stride 2, linear 9, relu, linear 7",
    "linear": "linear 12, relu",
}


def described(text: str, num_classes: int = 7, seed: int = 0) -> Described:
    model = classifier(text, np.random.default_rng(seed), num_classes, pictures(20))
    assert isinstance(model, Described)
    return model


@pytest.mark.parametrize("line", LINES)
def test_a_step_agrees_with_torch(line: str) -> None:
    model, images, labels = described(LINES[line]), pictures(8), np.arange(8) % 7
    model.load({n: Tensor(t.numpy().astype(np.float64)) for n, t in model.tensors().items()})
    twin = torch_twin(LINES[line], 7, (24, 16)).double()
    load(twin, {n: t.numpy() for n, t in model.tensors().items()})
    found = outputs(model, {**model.tensors(), "images": Tensor(images), "labels": Tensor(labels)})
    logits = twin(torch.from_numpy(images))
    loss: torch.Tensor = F.cross_entropy(logits, torch.from_numpy(labels))
    loss.backward()
    assert_close(found["logits"].numpy(), logits, "logits", 1e-9)
    for name, parameter in twin.named_parameters():
        assert parameter.grad is not None
        assert_close(found[f"gradient/{name}"].numpy(), parameter.grad, name, 1e-9)
    for name in model.buffers():
        assert_close(found[name].numpy(), twin.state_dict()[name], name, 1e-9)


def test_the_demos_network_is_that_of_its_name() -> None:
    sample = np.zeros((1, 3, 32, 32), np.uint8)
    own = classifier(CONVNETJS, np.random.default_rng(0), 10, sample)
    named = classifier("convnetjs", np.random.default_rng(0), 10, sample)
    assert own.num_weights() == named.num_weights() == 22_466
    ours, theirs = own.tensors(), named.tensors()
    assert [t.shape for t in ours.values()] == [t.shape for t in theirs.values()]
    own.load(dict(zip(ours, theirs.values(), strict=True)))
    images = Tensor(np.random.default_rng(1).integers(0, 256, (3, 3, 32, 32), np.uint8))
    np.testing.assert_allclose(own(images).numpy(), named(images).numpy(), rtol=1e-5, atol=1e-5)


def test_layers_are_called_by_their_words_and_numbers() -> None:
    names = list(described("conv 8 3x3, norm, relu, pool 2, conv 8 3x3, relu, linear 20").parameters())
    assert names == [
        "conv1.weight", "norm1.weight", "norm1.bias", "conv2.weight", "conv2.bias", "linear1.weight", "linear1.bias",
        "linear2.weight", "linear2.bias",
    ]  # fmt: skip


def test_the_last_layer_is_added_unless_it_is_there() -> None:
    assert [layer.layer.text for layer in plan("relu, linear 10", 10, CIFAR10)] == ["relu", "linear 10"]
    assert [layer.layer.text for layer in plan("linear 10, relu", 10, CIFAR10)] == ["linear 10", "relu", "linear 10"]
    assert [layer.layer.text for layer in plan("linear 11", 10, CIFAR10)] == ["linear 11", "linear 10"]


@pytest.mark.parametrize("text", [*LINES.values(), EXAMPLE, "conv 5 4x4 stride 3, max pool 2x2, batch norm, relu,"])
def test_what_is_planned_is_what_is_built(text: str) -> None:
    model, planned = described(text), plan(text, 7, (3, 24, 16))
    assert model.num_weights() == sum(layer.num_weights for layer in planned)
    x = model.standardize(Tensor(pictures(2)))
    model.train(False)
    for (_, layer), step in zip(model._named, planned, strict=True):
        x = layer(Tensor(x.numpy().reshape(2, *step.before)))
        assert x.shape == (2, *step.after)


def test_spelling_is_free() -> None:
    one, other = parse(" Conv 8  3x3,Batch Norm,max pool 2x2 ,RELU, "), parse("conv 8 3x3, norm, pool 2, relu")
    assert [(layer.word, layer.said) for layer in one] == [(layer.word, layer.said) for layer in other]


def test_what_is_a_description() -> None:
    assert all(map(is_description, (*LINES.values(), "relu", "conv 8 3x3", "con 8")))
    assert not any(map(is_description, (*RECIPES, "resnet-50", "unet", "default")))


def test_dropout_drops_in_training_only() -> None:
    model = described("dropout .5, conv 4 3x3, relu")
    images = Tensor(pictures(3))
    one = model(images, EagerRandom(np.random.default_rng(0))).numpy()
    other = model(images, EagerRandom(np.random.default_rng(1))).numpy()
    assert not np.allclose(one, other)
    model.train(False)
    np.testing.assert_array_equal(model(images).numpy(), model(images).numpy())


MISTAKES = {
    "word": ("conv 16 5x5, relu, con 16", "one of conv N KxK .*; got 'con 16' as layer 3"),
    "form": ("conv 16 5x5, relu, conv 16", r"expected conv N KxK \[stride S\] \[padding P\]; got 'conv 16' as layer 3"),
    "nothing": ("relu,,pool 2", "got '' as layer 2"),
    "zero": ("pool 0", "expected pool K .*; got 'pool 0' as layer 1"),
    "share": ("dropout 1.5", "expected dropout P; got 'dropout 1.5'"),
    "pool": ("pool 8, relu, pool 5", "at most 4 x 4 numbers, .*; got 'pool 5' as layer 3"),
    "window": ("pool 16, conv 4 9x9 padding 0", "at most 2 x 2 numbers, .*; got 'conv 4 9x9 padding 0' as layer 2"),
    "picture": ("linear 20, conv 4 3x3", "conv before the first linear layer, .*; got 'conv 4 3x3' as layer 2"),
    "normed": ("linear 20, norm", "norm before the first linear layer"),
    "weights": ("linear 20000", "at most 50,000,000 weights; got 61,660,010, 61,460,000 of them in 'linear 20000'"),
    "numbers": ("conv 30000 1x1, average 32", "at most 20,000,000 numbers .*; got 30,750,010, 30,720,000 of them"),
    "layers": ("relu, " * (MOST_LAYERS + 1), "at most 100 layers; got 101"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained_before_anything_is_built(mistake: str) -> None:
    text, message = MISTAKES[mistake]
    with pytest.raises(SettingsError, match=rf"(?s)^(?=expected ).*{message}.*\. To fix: \w.*\.$") as caught:
        plan(text, 10, CIFAR10)
    assert "\n" not in str(caught.value)


def test_a_mistake_is_told_before_data_are_read() -> None:
    with pytest.raises(SettingsError, match="got 'con 16' as layer 1"):
        settings_for("cifar10", {"model": "con 16"})


def test_other_pictures_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"images \(B, C, 24, 16\)"):
        described("relu")(Tensor(np.zeros((1, 3, 8, 8), np.uint8)))


def test_its_recipe_is_the_default_models() -> None:
    own, default = settings_for("cifar10", {"model": CONVNETJS}), settings_for("cifar10", {})
    assert own.differences(default) == {"model": (CONVNETJS, "convnetjs")}
