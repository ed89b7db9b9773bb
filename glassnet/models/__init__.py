"""The networks that are trained; each page is one architecture."""

from glassnet.models.batchnorm import BatchNormNet
from glassnet.models.classifiers import CLASSIFIERS, classifier
from glassnet.models.convnetjs import ConvNetJS
from glassnet.models.facenet import FaceNet
from glassnet.models.fast import Fast
from glassnet.models.resnet import ResNet
from glassnet.models.unet import UNet

__all__ = ["CLASSIFIERS", "BatchNormNet", "ConvNetJS", "FaceNet", "Fast", "ResNet", "UNet", "classifier"]
