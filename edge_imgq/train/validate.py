"""PSNR of a network on held-out images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from edge_imgq.metrics.psnr import psnr
from edge_imgq.train.device import device_of
from edge_imgq.train.learner import training_forward

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from edge_imgq.train.pairs import Pair


def restore(network: nn.Module, degraded: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Run a network on one image, uint8 (H, W, C); return its output in 8 bits.

    The result is uint8 (scale × H, scale × W, C'), rounded half to even and clipped. The network
    gets float32 (1, C, H, W) in [0, 1] on its own device; its mode is not changed.
    """
    image = torch.from_numpy(degraded.transpose(2, 0, 1)[None].astype(np.float32) / 255.0)
    image = image.to(device_of(network))
    with torch.inference_mode():
        output = training_forward(network)(image)[0].cpu().numpy()
    return np.clip(np.rint(output.transpose(1, 2, 0) * 255.0), 0, 255).astype(np.uint8)


def mean_psnr(network: nn.Module, pairs: tuple[Pair, ...], *, shave: int) -> float:
    """Return the mean over the images of the PSNR in dB of 8-bit outputs against the truth.

    PSNR is over all pixels and channels of an image.

    Args:
        network: network to evaluate.
        pairs: inputs and ground truth, at least one.
        shave: output pixels ignored at each border.

    Raises:
        ValueError: an output has another shape than its truth, or nothing is left after shaving.
    """
    return float(np.mean([psnr(p.truth, restore(network, p.degraded), shave=shave) for p in pairs]))
