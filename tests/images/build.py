"""Photographs of one scene by several cameras."""

from __future__ import annotations

import numpy as np
from skimage import data as skimage_data
from skimage.transform import ProjectiveTransform, warp


def photo(name: str = "coffee") -> np.ndarray:
    return getattr(skimage_data, name)()[..., :3]


def seen_by(pixels: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return what a camera sees whose pixel p shows the photograph at `matrix` p."""
    seen = warp(pixels, ProjectiveTransform(matrix), output_shape=size, order=3, mode="edge")
    return np.clip(np.rint(seen * 255), 0, 255).astype(np.uint8)


def turned(degrees: float, zoom: float, shift: tuple[float, float], tilt: float) -> np.ndarray:
    """A camera that is turned about the photograph's corner, nearer, aside, and tilted."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]], [tilt, -tilt / 2, 1.0]])


CAMERAS = {
    "aside": turned(0.0, 1.0, (31.0, 17.0), 0.0),
    "nearer": turned(0.0, 0.7, (60.5, 40.25), 0.0),
    "turned": turned(4.0, 0.8, (70.0, 25.0), 0.0),
    "tilted": turned(-3.0, 0.75, (50.0, 60.0), 2e-4),
}
