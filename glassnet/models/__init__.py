"""The networks that are trained; each page is one architecture."""

from glassnet.models.unet import UNet

__all__ = ["UNet"]
