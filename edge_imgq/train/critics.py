"""Critics (discriminators) and their losses."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.train.losses import luma

SLOPE = 0.2
"""Negative slope of the leaky ReLUs."""

PENALTY = 10.0
"""Weight of the gradient penalty of Gulrajani et al., NeurIPS 2017."""


class TextureCritic(nn.Module):
    """DPED's discriminator: five convolutions on luma and two dense layers.

    Ignatov et al., ICCV 2017, figure 4, without batch normalisation: here a batch holds either true
    or restored patches, and normalisation would leak which. Returns logits (N, 1), positive for
    true images.

    Args:
        side: Height and width of the images, which the dense layers depend on.
    """

    LAYERS = ((48, 11, 4), (128, 5, 2), (192, 3, 1), (192, 3, 1), (128, 3, 2))
    """Channels, kernel size and stride of each convolution."""

    def __init__(self, side: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width, kernel, stride in self.LAYERS:
            layers += [nn.Conv2d(channels, width, kernel, stride, kernel // 2), nn.LeakyReLU(SLOPE)]
            channels, side = width, -(-side // stride)
        dense = [nn.Linear(channels * side * side, 1024), nn.LeakyReLU(SLOPE), nn.Linear(1024, 1)]
        self.body = nn.Sequential(*layers, nn.Flatten(), *dense)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N, 1), positive for true, of images (N, 1 or 3, side, side) in [0, 1].

        Three channels are RGB, of which only the luma counts.
        """
        logit: Tensor = self.body(luma(image))
        return logit


class PatchCritic(nn.Module):
    """DeblurGAN's critic: convolutions that score each patch of 70 x 70 pixels.

    Kupyn et al., CVPR 2018, after Isola et al., CVPR 2017; without batch normalisation, which the
    gradient penalty forbids. Returns scores (N, 1, h, w), higher for true images.

    Args:
        channels: Channels of the images.
        width: Channels of the first layer.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 8 * width)
        layers: list[nn.Module] = []
        for index, out in enumerate(widths):
            stride = 2 if index < len(widths) - 1 else 1
            layers += [nn.Conv2d(channels, out, 4, stride, 1), nn.LeakyReLU(SLOPE)]
            channels = out
        self.body = nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return scores (N, 1, h, w), higher for true, of images (N, channels, H, W) in [0, 1].

        h and w are about H / 8 and W / 8; a score is of 70 × 70 pixels.
        """
        answer: Tensor = self.body(image)
        return answer


CriticLoss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]
"""Loss of a critic from the critic, restored images, true images, and a uniform random number in
[0, 1) per image (N, 1, 1, 1).
"""


def classification_loss(
    critic: nn.Module, restored: Tensor, truth: Tensor, weights: Tensor
) -> Tensor:
    """Return half the sum of the mean cross-entropies of classifying true and restored images.

    A scalar tensor with gradients, 0 for a perfect critic and log 2 for one that guesses.

    Args:
        critic: critic whose loss it is; it returns logits, positive for true images.
        restored: images (N, C, H, W) in [0, 1].
        truth: true images of the same shape.
        weights: unused.
    """
    del weights
    loss: Tensor = 0.5 * (F.softplus(-critic(truth)).mean() + F.softplus(critic(restored)).mean())
    return loss


def wasserstein_loss(critic: nn.Module, restored: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return restored minus true mean score, plus 10 times (PENALTY) the gradient penalty.

    A scalar tensor with gradients, which may be negative. Gulrajani et al., NeurIPS 2017.

    Args:
        critic: critic whose loss it is; it returns scores of any range and shape (N, ...).
        restored: images (N, C, H, W) in [0, 1].
        truth: true images of the same shape.
        weights: interpolation weight of the true image in [0, 1), (N, 1, 1, 1).
    """
    distance: Tensor = critic(restored).mean() - critic(truth).mean()
    return distance + PENALTY * gradient_penalty(critic, restored, truth, weights)


def gradient_penalty(critic: nn.Module, restored: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of (|gradient| - 1)^2 at interpolations of restored and true images.

    The gradient is that of an image's mean score by its pixels, |gradient| its norm over all pixels
    and channels. A scalar tensor with gradients. Gulrajani et al., NeurIPS 2017.

    Args:
        critic: critic whose gradient is penalised.
        restored: images (N, C, H, W) in [0, 1].
        truth: true images of the same shape.
        weights: interpolation weight of the true image in [0, 1), (N, 1, 1, 1).
    """
    between = torch.lerp(restored, truth, weights).requires_grad_(True)
    answer = critic(between).flatten(1).mean(dim=1).sum()
    (gradient,) = torch.autograd.grad(answer, between, create_graph=True)
    penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1.0).square().mean()
    return penalty
