"""A photograph that is smooth with a few edges, for networks whose channels need a mean."""

from __future__ import annotations

import numpy as np


def photo(seed: int, size: tuple[int, int] = (96, 96)) -> np.ndarray:
    """A smooth picture with a few edges, so that channels have a mean and a slope."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(0, 255, (6, 6, 3))
    picture = np.kron(coarse, np.ones((16, 16, 1)))[: size[0], : size[1]]
    return (picture + generator.normal(0, 4, picture.shape)).clip(0, 255).astype(np.uint8)
