"""Networks that tell restored images from true ones, and what each of them learns from."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.train.losses import luma

SLOPE = 0.2
"""Of the leaky ReLUs."""

PENALTY = 10.0
"""Weight of the gradient penalty of Gulrajani et al., NeurIPS 2017."""


class TextureCritic(nn.Module):
    """DPED's discriminator: five convolutions on grayscale and two dense layers.

    Ignatov et al., ICCV 2017, figure 4, without its batch normalisation: a batch holds true and
    restored patches apart here, and normalisation would tell them apart by itself. Its answer is a
    logit for each image (N, 1), above 0 for a true one.

    Args:
        side: Height and width of the images, as the dense layers need to know.
    """

    LAYERS = ((48, 11, 4), (128, 5, 2), (192, 3, 1), (192, 3, 1), (128, 3, 2))
    """Channels, side of the kernel and stride."""

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
        """Judge images in [0, 1], by their luma."""
        logit: Tensor = self.body(luma(image))
        return logit


class PatchCritic(nn.Module):
    """DeblurGAN's critic: convolutions that judge every patch of 70 x 70 pixels for itself.

    Kupyn et al., CVPR 2018, after Isola et al., CVPR 2017; without normalisation over the batch,
    which the gradient penalty forbids. Its answer is (N, 1, h, w), higher for true images.

    Args:
        channels: Of the images.
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
        """Judge images in [0, 1]."""
        answer: Tensor = self.body(image)
        return answer


CriticLoss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]
"""What a critic learns from: itself, restored images, true ones, and a random number in [0, 1)
for each of them (N, 1, 1, 1)."""


def classification_loss(
    critic: nn.Module, restored: Tensor, truth: Tensor, places: Tensor
) -> Tensor:
    """Cross-entropy of telling true from restored images; chance plays no part."""
    del places
    loss: Tensor = 0.5 * (F.softplus(-critic(truth)).mean() + F.softplus(critic(restored)).mean())
    return loss


def wasserstein_loss(critic: nn.Module, restored: Tensor, truth: Tensor, places: Tensor) -> Tensor:
    """Restored minus true answers, and the penalty that keeps the slope between them near one."""
    distance: Tensor = critic(restored).mean() - critic(truth).mean()
    return distance + PENALTY * gradient_penalty(critic, restored, truth, places)


def gradient_penalty(critic: nn.Module, restored: Tensor, truth: Tensor, places: Tensor) -> Tensor:
    """Mean of (|gradient| - 1)^2 at random points between restored and true images."""
    between = torch.lerp(restored, truth, places).requires_grad_(True)
    answer = critic(between).flatten(1).mean(dim=1).sum()
    (gradient,) = torch.autograd.grad(answer, between, create_graph=True)
    penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1.0).square().mean()
    return penalty
