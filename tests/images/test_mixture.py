"""Mixed degradations: seeded, in order, and as strong as they say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from skimage import data

from edge_imgq.images.blur import disc_kernel, gaussian_kernel, motion_kernel
from edge_imgq.images.mixture import PIECES, SCENARIOS, degrade, draw_scenario, expose, kernel_shape
from edge_imgq.images.mixture import mixture as draw_mixture

PHOTO = data.astronaut()[:120, :160]
GRAY = PHOTO[..., 1:2]


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("photo", [PHOTO, GRAY], ids=["rgb", "gray"])
def test_the_same_seed_degrades_alike_and_another_does_not(name: str, photo: np.ndarray) -> None:
    first, again, other = (degrade(photo, (name,), np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert first[0].shape[:2] == photo.shape[:2]
    assert (first[0] != other[0]).any()


def test_nothing_is_done_to_a_clean_photograph() -> None:
    same, severity = degrade(PHOTO, (), np.random.default_rng(0))
    np.testing.assert_array_equal(same, PHOTO)
    assert (severity.noise, severity.jpeg_quality, severity.blur) == (0.0, 100.0, 0.0)
    assert (severity.upscaling, severity.exposure) == (1.0, 0.0)


@pytest.mark.parametrize("name", ["noise", "grain"])
def test_the_noise_is_as_strong_as_it_says(name: str) -> None:
    flat = np.full((128, 128, 3), 128, np.uint8)
    noisy, severity = degrade(flat, (name,), np.random.default_rng(5))
    rounding = 1 / 12
    assert noisy.std() ** 2 == pytest.approx(severity.noise**2 + rounding, rel=0.1, abs=0.05)


def test_the_exposure_is_the_light_that_is_missing() -> None:
    flat = np.full((64, 64, 3), 100, np.uint8)
    dark, severity = degrade(flat, ("exposure",), np.random.default_rng(3))
    stops = np.log2((dark.mean() / 100) ** 2.2)
    assert severity.exposure == pytest.approx(stops, abs=0.03)
    assert expose(flat, -1.0).mean() == pytest.approx(100 * 0.5 ** (1 / 2.2), abs=0.5)


def test_the_shape_of_a_kernel_is_that_of_its_moments() -> None:
    assert kernel_shape(gaussian_kernel(2.0)) == pytest.approx((2.0, 0.0), abs=0.05)
    assert kernel_shape(disc_kernel(6.0)) == pytest.approx((3.0, 0.0), abs=0.05)
    line = np.zeros((13, 13), np.float32)
    line[6] = 1 / 13
    assert kernel_shape(line) == pytest.approx((np.sqrt((13**2 - 1) / 12), 1.0), abs=1e-3)
    shaken = motion_kernel(np.random.default_rng(0), 20.0)
    assert kernel_shape(shaken) == pytest.approx(kernel_shape(shaken.T), abs=1e-4)


def test_scenarios_come_as_often_as_the_table_says() -> None:
    rng = np.random.default_rng(11)
    drawn = [
        tuple(n for n in draw_scenario(rng) if n not in ("grain", "stored")) for _ in range(4000)
    ]
    alone = Counter(names[0] if names else "clean" for names in drawn if len(names) < 2)
    for name in set(SCENARIOS) - {"mixture"}:
        assert alone[name] / len(drawn) == pytest.approx(SCENARIOS[name], abs=0.025), name
    assert sum(SCENARIOS.values()) == pytest.approx(1.0)


def test_a_mixture_is_two_or_three_in_the_order_of_light_lens_sensor_and_file() -> None:
    rng = np.random.default_rng(12)
    order = list(PIECES)
    for _ in range(100):
        names = draw_mixture(rng)
        assert len(names) in (2, 3)
        assert sorted(names, key=order.index) == list(names)
        assert not {"defocus", "motion"} <= set(names)
