"""The training step as a user of PyTorch would write it: autograd and torch.optim.

Needs PyTorch, and of ours nothing but what a worker is: that is what makes a comparison worth something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from glassnet.baselines.torch_networks import load, torch_twin
from glassnet.baselines.torch_unet import TorchUNet
from glassnet.baselines.workers import Step

Batch = Mapping[str, NDArray[Any]]
# What a recipe writes that does not want to clip.
_NEVER_CLIPS = 1e6


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is trained and how, in plain values that need neither library."""

    network: str
    num_classes: int
    image_shape: tuple[int, int, int]
    optimizer: str
    momentum: float
    vector_ratio: float
    weight_decay: float
    max_gradient_norm: float
    ema_decay: float
    label_smoothing: float


def torch_step(
    recipe: Recipe,
    weights: Batch,
    batches: Sequence[Batch],
    *,
    is_channels_last: bool = False,
    is_compiled: bool = False,
    is_fused: bool = False,
    precision: str = "float32",
    device: str = "cpu",
) -> Step:
    """PyTorch's step from these first weights, on the batches in turn.

    In bfloat16 under torch.autocast. ``is_fused``: torch.optim's fused kernels, where the optimizer has any.
    """
    memory_format = torch.channels_last if is_channels_last else torch.contiguous_format
    model = twin_of(recipe)
    load(model, weights)
    model.to(device=device, memory_format=memory_format)  # type: ignore[call-overload]
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    update = updating(recipe, parameters, is_fused)
    averages = [parameter.detach().clone() for parameter in parameters] if recipe.ema_decay else []
    values = [parameter.detach() for parameter in parameters]
    network: Callable[..., Tensor] = torch.compile(model) if is_compiled else model
    smoothed = partial(classification_loss, label_smoothing=recipe.label_smoothing)
    loss_of: Callable[..., Tensor] = drawing_loss if recipe.network == "unet" else smoothed
    tensors = [{name: torch.from_numpy(array) for name, array in batch.items()} for batch in batches]
    # Where there is a GPU all examples wait on it, ours too; the step begins with picking some.
    held = {name: torch.cat([batch[name] for batch in tensors]).to(device) for name in tensors[0]}
    places = torch.arange(len(held["images"])).reshape(len(tensors), -1)
    upcoming = cycle(zip(tensors, places, strict=True))

    def step(learning_rate: float) -> float:
        given, indices = next(upcoming)
        if device == "cuda":
            at = indices.to(device)
            given = {name: tensor[at] for name, tensor in held.items()}
        batch = {name: _in(tensor, memory_format) for name, tensor in given.items()}
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_of(network, batch)
        model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.max_gradient_norm < _NEVER_CLIPS:
            nn.utils.clip_grad_norm_(parameters, recipe.max_gradient_norm)
        update(learning_rate)
        if averages:
            torch._foreach_lerp_(averages, values, 1.0 - recipe.ema_decay)
        return loss.item()

    return step


def twin_of(recipe: Recipe) -> nn.Module:
    if recipe.network == "unet":
        return TorchUNet()
    channels, height, width = recipe.image_shape
    return torch_twin(recipe.network, recipe.num_classes, (height, width), channels)


def classification_loss(network: Callable[..., Tensor], batch: Mapping[str, Tensor], label_smoothing: float) -> Tensor:
    return F.cross_entropy(network(batch["images"]), batch["labels"], label_smoothing=label_smoothing)


def drawing_loss(network: Callable[..., Tensor], batch: Mapping[str, Tensor]) -> Tensor:
    """Flow matching as in `glassnet.tasks.houses`: images (B, 28, 28), noise (B, 1, 28, 28), uniform (B,)."""
    x = batch["images"][:, None].float() * (2.0 / 255.0) - 1.0
    u = batch["uniform"]
    start, end = u.clamp(min=1e-6) ** (1 / 1.702), (1 - u).clamp(min=1e-6) ** (1 / 1.702)
    t = start / (start + end)
    column = t[:, None, None, None]
    x_t = batch["noise"] * (1 - column) + x * column
    return (((network(x_t, t) - x) / (1 - column).clamp(min=0.05)) ** 2).mean()


def updating(recipe: Recipe, parameters: Sequence[nn.Parameter], is_fused: bool) -> Callable[[float], None]:
    """A function that moves the parameters by their gradients, with the learning rate that it is given."""
    decayed = [parameter for parameter in parameters if parameter.ndim >= 2]
    plain = [parameter for parameter in parameters if parameter.ndim < 2]
    if recipe.optimizer == "muon":
        return _muon(recipe, decayed[:-1], decayed[-1:], plain, is_fused)
    groups = _groups(recipe, decayed, plain)
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "sgd":
        has_momentum = recipe.momentum > 0.0
        optimizer = torch.optim.SGD(groups, momentum=recipe.momentum, nesterov=has_momentum, fused=is_fused or None)
    else:
        optimizer = torch.optim.AdamW(groups, betas=(recipe.momentum, 0.999), fused=is_fused or None)

    def update(learning_rate: float) -> None:
        _take(optimizer, learning_rate)

    return update


def _muon(
    recipe: Recipe,
    kernels: Sequence[nn.Parameter],
    last: Sequence[nn.Parameter],
    plain: Sequence[nn.Parameter],
    is_fused: bool,
) -> Callable[[float], None]:
    """torch.optim.Muon takes matrices only, so it gets views of the kernels; their norm is brought back before."""
    # In the order that the memory has, which Muon does not mind: it moves columns alike whatever their order.
    orders = [(0, 1, 2, 3) if kernel.is_contiguous() else (0, 2, 3, 1) for kernel in kernels]
    matrices = [nn.Parameter(_as_matrix(k.detach(), order)) for k, order in zip(kernels, orders, strict=True)]
    muon = torch.optim.Muon(matrices, momentum=recipe.momentum, weight_decay=0.0)
    groups = _groups(recipe, last, plain)
    rest = torch.optim.SGD(groups, momentum=0.9, nesterov=True, fused=is_fused or None)

    def update(learning_rate: float) -> None:
        for kernel, order, matrix in zip(kernels, orders, matrices, strict=True):
            assert kernel.grad is not None
            matrix.grad = _as_matrix(kernel.grad, order)
            matrix.data.mul_(len(matrix) ** 0.5 / matrix.data.norm())
        _take(muon, learning_rate)
        _take(rest, learning_rate * recipe.vector_ratio)

    return update


def _as_matrix(kernel: Tensor, order: tuple[int, ...]) -> Tensor:
    """(O, C, kH, kW) -> (O, C kH kW), a view of the same memory if ``order`` is its own; a matrix as it is."""
    return kernel.permute(order).reshape(len(kernel), -1) if kernel.ndim == 4 else kernel


def _groups(recipe: Recipe, decayed: Sequence[Tensor], plain: Sequence[Tensor]) -> list[dict[str, Any]]:
    groups = [
        {"params": list(decayed), "weight_decay": recipe.weight_decay},
        {"params": list(plain), "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _take(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()


def _in(tensor: Tensor, memory_format: torch.memory_format) -> Tensor:
    return tensor.contiguous(memory_format=memory_format) if tensor.ndim == 4 else tensor


def matrix_product(size: int, precision: str, device: str) -> Step:
    """One product of two square matrices, which is about as fast as a machine can multiply."""
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    x, y = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(x)

    def step(learning_rate: float) -> float:
        torch.mm(x, y, out=out)
        return out[0, 0].item()

    return step
