"""What is learned from photographs, at published figures where the photographs are there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from edge_imgq.images.files import list_images, read_image
from edge_imgq.images.resize import crop_to_multiple, downscale, upscale
from edge_imgq.metrics.psnr import psnr
from edge_imgq.pipeline.evaluate.learn_regression import learn_regression, principal_components

PUBLISHED = {
    2: {
        ("ANR", "Set5"): 35.83,
        ("A+", "Set5"): 36.55,
        ("ANR", "Set14"): 31.80,
        ("A+", "Set14"): 32.28,
    },
    3: {
        ("ANR", "Set5"): 31.92,
        ("A+", "Set5"): 32.59,
        ("ANR", "Set14"): 28.65,
        ("A+", "Set14"): 29.13,
    },
    4: {
        ("ANR", "Set5"): 29.69,
        ("A+", "Set5"): 30.28,
        ("ANR", "Set14"): 26.85,
        ("A+", "Set14"): 27.32,
    },
}
"""PSNR at each scale, Timofte et al., ACCV 2014, table 3."""


@pytest.mark.parametrize("scale", [2, 3])
def test_both_beat_bicubic_on_another_part_of_a_photograph(scale: int) -> None:
    photo = data.camera()[..., None]
    anr, aplus = learn_regression([photo[:240, 128:384]], scale, atoms=32)
    truth = crop_to_multiple(photo[256:, 128:384], scale)
    small = downscale(truth, scale)
    bicubic = psnr(truth, upscale(small, scale), shave=scale)
    gains = [psnr(truth, method(small), shave=scale) - bicubic for method in (anr, aplus)]
    assert min(gains) > 0.3


def test_the_same_photographs_give_the_same_maps() -> None:
    photo = data.camera()[100:180, 200:300, None]
    first, again = (learn_regression([photo], 2, atoms=16) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.maps, other.maps)


def test_components_hold_all_but_a_thousandth_of_the_energy() -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(500, 6)) * [30, 10, 3, 0.2, 0.1, 0.05]).astype(np.float32)
    basis = principal_components(features)
    assert basis.shape == (6, 3)
    kept = ((features @ basis) ** 2).sum() / (features**2).sum()
    assert kept >= 0.999


@pytest.mark.slow
@pytest.mark.parametrize("scale", sorted(PUBLISHED))
def test_published_figures(shared_data: Path, scale: int) -> None:
    if not os.environ.get("EDGE_IMGQ_PUBLISHED"):
        pytest.skip("it takes minutes: make published")
    photos = [read_image(file, "y") for file in list_images(shared_data / "T91")]
    methods = dict(zip(("ANR", "A+"), learn_regression(photos, scale), strict=True))
    for (name, folder), published in PUBLISHED[scale].items():
        found = []
        for file in list_images(shared_data / folder):
            truth = crop_to_multiple(read_image(file, "y"), scale)
            found.append(psnr(truth, methods[name](downscale(truth, scale)), shave=scale))
        assert np.mean(found) == pytest.approx(published, abs=0.1), (name, folder)
