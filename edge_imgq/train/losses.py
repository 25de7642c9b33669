"""Image losses: pixel errors, blurred colour, and total variation."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.images.blur import gaussian_kernel
from edge_imgq.train.choices import PixelLoss

# Squared errors of images in [0, 1] have gradients about 30 times smaller than absolute ones;
# Adam's second moments need not forget when the loss changes.
SQUARED_WEIGHT = 30.0
CHARBONNIER_EPSILON = 1e-3
MSE_OFFSET = 1e-5
"""Offset of the mean squared error of images in [0, 1], 50 dB; smaller errors gain nothing."""

LUMA = (0.299, 0.587, 0.114)
"""BT.601 luma weights; they sum to one."""

COLOUR_SIGMA = 3.0
"""Standard deviation, in pixels, of the blur under which DPED compares colours."""


def absolute_error(difference: Tensor) -> Tensor:
    """Return the mean of |d| over a difference of any shape, a scalar tensor with gradients."""
    return difference.abs().mean()


def charbonnier_error(difference: Tensor) -> Tensor:
    """Return the mean of sqrt(d^2 + e^2), a smooth absolute error, with e = 0.001.

    A scalar tensor with gradients, of a difference of any shape; at least e (CHARBONNIER_EPSILON).
    Lai et al., "LapSRN", CVPR 2017.
    """
    return (difference.square() + CHARBONNIER_EPSILON**2).sqrt().mean()


def squared_error(difference: Tensor) -> Tensor:
    """Return 30 times (SQUARED_WEIGHT) the mean of d^2 over a difference of any shape.

    A scalar tensor with gradients. The weight makes the gradients about as large as those of the
    absolute error, for images in [0, 1].
    """
    return SQUARED_WEIGHT * difference.square().mean()


def logarithmic_error(difference: Tensor) -> Tensor:
    """Return the mean over images of the natural log of the mean squared error plus 1e-5.

    The offset is MSE_OFFSET. That is PSNR up to a factor. Where some images are much harder than
    others, as with many noise levels, the squared error is dominated by the hard ones; here a
    decibel of each image counts the same. `difference` is (N, C, H, W), of images in [0, 1]; the
    result a scalar tensor with gradients, usually negative.
    """
    return (difference.square().mean(dim=(1, 2, 3)) + MSE_OFFSET).log().mean()


PIXEL_LOSSES: dict[PixelLoss, Callable[[Tensor], Tensor]] = {
    "absolute": absolute_error,
    "charbonnier": charbonnier_error,
    "squared": squared_error,
    "psnr": logarithmic_error,
}
"""Loss of the difference between restored image and ground truth, both in [0, 1]."""


def shared_loss(error: Callable[[Tensor], Tensor], difference: Tensor, luma_share: float) -> Tensor:
    """Return `luma_share` times the loss on luma plus the rest times the loss on the RGB channels.

    Args:
        error: pixel loss of a difference, such as a value of PIXEL_LOSSES.
        difference: (N, 1 or 3, H, W); with one channel, the loss is on that alone.
        luma_share: weight of the luma, 0 to 1.

    Returns:
        A scalar tensor with gradients.
    """
    if not luma_share or difference.shape[1] == 1:
        return error(difference)
    return luma_share * error(luma(difference)) + (1.0 - luma_share) * error(difference)


def luma(image: Tensor) -> Tensor:
    """Return the full-range BT.601 luma (N, 1, H, W) of RGB (N, 3, H, W); one channel unchanged.

    It has the range and dtype of the image: weights 0.299, 0.587 and 0.114 without offset.
    """
    if image.shape[1] == 1:
        return image
    weights = torch.tensor(LUMA, dtype=image.dtype, device=image.device).reshape(1, 3, 1, 1)
    return (image * weights).sum(dim=1, keepdim=True)


def colour_loss(restored: Tensor, truth: Tensor) -> Tensor:
    """Return the mean squared error after a Gaussian blur of 3 pixels: colour, not detail.

    A scalar tensor with gradients. Ignatov et al., ICCV 2017, section 3.1.1. Only positions where
    the kernel fits are counted. Images are (N, C, H, W) of one shape, at least 19 pixels high and
    wide.
    """
    kernel = torch.from_numpy(gaussian_kernel(COLOUR_SIGMA))[None, None].to(restored.device)
    difference = (restored - truth).flatten(0, 1)[:, None]
    return F.conv2d(difference, kernel).square().mean()


def total_variation(image: Tensor) -> Tensor:
    """Return the mean squared difference of vertical neighbours plus that of horizontal ones.

    `image` is (N, C, H, W), at least 2 pixels high and wide; the result a scalar tensor with
    gradients.
    """
    down = image[:, :, 1:] - image[:, :, :-1]
    across = image[..., 1:] - image[..., :-1]
    return down.square().mean() + across.square().mean()
