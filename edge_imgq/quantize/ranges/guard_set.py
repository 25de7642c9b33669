"""Images on which the quantizer evaluates ranges, and changes that are exact only in float.

They are patches of the calibration photographs, and images unlike them
(`edge_imgq.quantize.ranges.ood_images`): drawings with ground truths, and photographs of changed
contrast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.patch_sampler import PatchSampler
from edge_imgq.quantize.ranges.ood_images import stress_images, varied
from edge_imgq.scale import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Batch = NDArray[np.float32]

CONTRASTS = 4
"""Number of photographs that are also used with changed contrast."""


@dataclass(frozen=True)
class GuardSet:
    """Images on which a choice of ranges is evaluated.

    Attributes:
        photos: photographs that must gain, (N, C, H, W), 0 … peak.
        stress: drawings that must not lose, (M, C, H, W), 0 … peak.
        truths: desired outputs of the drawings, (M, C, H × scale, W × scale); None if the task is
            unknown.
        peak: float value of pixel 255.
        one_by_one: whether the graph takes one image at a time.
    """

    photos: Batch
    stress: Batch
    truths: Batch | None
    peak: float
    one_by_one: bool = False

    @property
    def unlike(self) -> Batch:
        """Drawings, four photos at full contrast, and their negatives: (K, C, H, W), 0 … peak."""
        return np.concatenate([self.stress, varied(self.photos[:CONTRASTS], self.peak)])


def guard_of(contract: ImageContract, patches: PatchSampler, *, one_by_one: bool) -> GuardSet:
    """Assemble patches of photographs and drawings with their truths, all 0 … peak.

    Args:
        contract: pixel contract of the network.
        patches: patches of the calibration images.
        one_by_one: whether the graph takes one image at a time.
    """
    photos = patches.batch(contract.peak)
    height, width = patches.size
    if patches.is_free and contract.scale > 1:
        # Same output size as for other networks: the cost grows with the output.
        unit = scaled(contract.multiple, contract.scale)
        height, width = (-(-length // unit) * contract.multiple for length in (height, width))
        photos = photos[:, :, :height, :width]
    drawn = stress_images(contract, (height, width))
    inputs = [to_nchw(image.pixels, contract.peak) for image in drawn]
    truths = [to_nchw(i.truth, contract.peak) for i in drawn if i.truth is not None]
    return GuardSet(
        photos,
        np.concatenate(inputs),
        np.concatenate(truths) if truths else None,
        contract.peak,
        one_by_one,
    )
