"""What a network of pictures of one size asks of them."""

from __future__ import annotations

from glassnet.autodiff import Tensor
from glassnet.errors import SettingsError, ShapeError


def check_sides(image_size: tuple[int, int], factor: int) -> None:
    """Raise SettingsError unless height and width can be divided by ``factor``, to which pooling reduces them."""
    if any(side < factor or side % factor for side in image_size):
        raise SettingsError(f"expected sides that are multiples of {factor}; got {image_size}. To fix: resize them.")


def check_size(images: Tensor, image_size: tuple[int, int]) -> None:
    """Raise ShapeError unless these are images (B, C, H, W) of the size (H, W)."""
    if images.shape[2:] != image_size:
        height, width = image_size
        raise ShapeError(f"expected images (B, C, {height}, {width}); got {images.spec}. To fix: resize them.")
