"""ANR and A+: super-resolution by one linear map for each atom of a dictionary.

Timofte, De Smet and Van Gool, "Anchored Neighborhood Regression for Fast Example-Based
Super-Resolution", ICCV 2013, and "A+: Adjusted Anchored Neighborhood Regression for Fast
Super-Resolution", ACCV 2014; features and dictionary as in Zeyde, Elad and Protter, 2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.chroma import luma_of, recoloured
from edge_imgq.images.colour import to_pixels
from edge_imgq.images.resize import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Floats = NDArray[np.float32]

WINDOW = 3
"""Side of a patch in pixels of the low-resolution image."""


@dataclass(frozen=True)
class AnchoredRegression:
    """Linear regression from a patch's features to the residual of bicubic upscaling, per atom.

    A patch has 3 × 3 input pixels, p = (3 × scale)² upscaled ones and 4 p features.

    Attributes:
        scale: upscaling factor.
        basis: principal components of the features, float32 (4 p, d).
        atoms: unit-norm atoms, (K, d); a patch uses the atom of the largest absolute correlation.
        maps: linear map of each atom from components to the residual patch, (K, d, p).
    """

    scale: int
    basis: Floats
    atoms: Floats
    maps: NDArray[np.floating]

    def __call__(self, pixels: Pixels) -> Pixels:
        """Upscale luma (H, W, 1), or RGB (H, W, 3) with bicubic chroma, uint8.

        The result is uint8 (scale × H, scale × W, C), rounded and clipped.
        """
        if pixels.shape[2] == 3:
            return recoloured(pixels, self(luma_of(pixels)))
        smooth = enlarged(pixels[..., 0], self.scale)
        positions = patch_positions(smooth.shape, self.scale, stride=1)
        components = features_of(smooth, positions, self.scale) @ self.basis
        lacking = blended(self._patches(components), positions, smooth.shape, self.scale)
        return to_pixels((smooth + lacking)[..., None])

    def _patches(self, components: Floats) -> Floats:
        """Return the residual patches (N, patch) for components (N, d)."""
        nearest = np.abs(components @ self.atoms.T).argmax(axis=1)
        patches = np.empty((len(components), self.maps.shape[2]), np.float32)
        for atom in np.unique(nearest):
            own = nearest == atom
            patches[own] = components[own] @ self.maps[atom].astype(np.float32)
        return patches


def enlarged(luma: NDArray[np.uint8], scale: int) -> Floats:
    """Upscale luma (H, W) by bicubic interpolation to float32, without rounding.

    Pillow's bicubic kernel (a = −0.5), cut off and renormalised at the borders. The result is
    (scale × H, scale × W), in levels of 255, not clipped.
    """
    return resized(luma.astype(np.float32), (luma.shape[0] * scale, luma.shape[1] * scale))


def patch_positions(shape: tuple[int, ...], scale: int, stride: int) -> NDArray[np.int64]:
    """Return the start index of each patch in a flattened image (H, W), by `stride` input pixels.

    Patches have 3 × 3 input pixels. A border of one input pixel is left out, as in the papers.

    Args:
        shape: (H, W) of the upscaled image, in whose pixels indices count.
        scale: upscaling factor.
        stride: distance of patches in input pixels.

    Returns:
        int64 (N,), in row-major order, from 0; empty if no patch fits.
    """
    last = [length - scale * (WINDOW + 1) for length in shape]
    rows, columns = (np.arange(scale, end + 1, stride * scale) for end in last)
    return (rows[:, None] * shape[1] + columns).ravel()


def patch_offsets(shape: tuple[int, ...], scale: int) -> NDArray[np.int64]:
    """Return the offsets of a patch's pixels from its start, in a flattened image, int64 (p,).

    p = (3 × scale)², row by row; `shape` is (H, W) of the upscaled image.
    """
    reach = np.arange(WINDOW * scale)
    return (reach[:, None] * shape[1] + reach).ravel()


def blended(
    patches: Floats, positions: NDArray[np.int64], shape: tuple[int, ...], scale: int
) -> Floats:
    """Return the mean of overlapping patches, float32 (H, W); 0 where there is none.

    Args:
        patches: float32 (N, p), p = (3 × scale)² pixels row by row.
        positions: start index of each, (N,), as `patch_positions` returns them.
        shape: (H, W).
        scale: upscaling factor.
    """
    total = np.zeros(shape[0] * shape[1], np.float32)
    covered = np.zeros_like(total)
    for column, offset in enumerate(patch_offsets(shape, scale)):
        total[positions + offset] += patches[:, column]
        covered[positions + offset] += 1.0
    return (total / np.maximum(covered, 1.0)).astype(np.float32).reshape(shape)


def features_of(smooth: Floats, positions: NDArray[np.int64], scale: int) -> Floats:
    """Return first and second differences of upscaled patches along rows and columns, (N, 4 p).

    p is the number of pixels of a patch, (3 × scale)². Differences are taken between pixels one
    input pixel apart. Outside the image, values are taken as 0.

    Args:
        smooth: upscaled image, float32 (H, W).
        positions: start index of each patch, (N,), as `patch_positions` returns them.
        scale: upscaling factor.
    """
    padded = np.pad(smooth, scale)
    planes = []
    for axis in (1, 0):
        later = np.roll(padded, scale // 2 - scale, axis)
        planes.append(later - np.roll(padded, scale // 2, axis))
    for axis in (1, 0):
        around = np.roll(padded, scale, axis) + np.roll(padded, -scale, axis)
        planes.append(around / 2 - padded)
    inside = patch_offsets(smooth.shape, scale)
    kept = slice(scale, -scale)
    return np.concatenate(
        [plane[kept, kept].ravel()[positions[:, None] + inside] for plane in planes], axis=1
    )
