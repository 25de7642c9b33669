"""Images chosen for the activations that they reach, and advice about those that lack some."""

from __future__ import annotations

import numpy as np

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.calibration.calibration_selection import covering_images
from edge_imgq.quantize.ranges.ranges import ChannelRange
from tests.quantize.build import photo, residual_network


def dull(seed: int, size: tuple[int, int] = (40, 40)) -> np.ndarray:
    return 100 + photo(seed, size) // 10


def test_the_images_that_reach_farthest_are_chosen() -> None:
    images = [dull(seed) for seed in range(60)]
    images[17], images[42] = photo(3, (40, 40)), 255 - photo(4, (40, 40)) // 8
    chosen = covering_images(residual_network(), images, 1.0, 8)
    assert len(chosen.positions) <= 8
    assert {17, 42} <= chosen.extremes
    assert list(chosen.positions) == sorted(set(chosen.positions))


def test_some_are_chosen_that_are_like_the_rest() -> None:
    images = [dull(seed) for seed in range(60)]
    images[17], images[42] = photo(3, (40, 40)), 255 - photo(4, (40, 40)) // 8
    chosen = covering_images(residual_network(), images, 1.0, 8)
    assert chosen.extremes < set(chosen.positions)
    assert not {17, 42} & (set(chosen.positions) - chosen.extremes)


def test_the_ranges_of_the_chosen_are_nearly_those_of_all() -> None:
    generator = np.random.default_rng(8)
    images = [
        (photo(seed, (40, 40)) * generator.uniform(0.2, 1)).astype(np.uint8) for seed in range(80)
    ]
    network = residual_network()
    chosen = [images[position] for position in covering_images(network, images, 1.0, 16).positions]
    every, few, first = (
        observe_channels(network, some, 1.0) for some in (images, chosen, images[:16])
    )

    def covered(some: dict[str, ChannelRange]) -> float:
        own, all_of_them = (
            np.concatenate([(seen[name].high - seen[name].low).reshape(-1) for name in every])
            for seen in (some, every)
        )
        moves = all_of_them > 0
        return float((own[moves] / all_of_them[moves]).min())

    assert covered(few) > 0.97
    assert covered(few) > covered(first)


def test_a_bright_corner_of_a_large_image_is_seen() -> None:
    images = [dull(seed, (300, 400)) for seed in range(30)]
    images[11][96:192, 192:288] = 255
    assert 11 in covering_images(residual_network(), images, 1.0, 4).extremes


def test_few_images_are_all_taken() -> None:
    chosen = covering_images(residual_network(), [photo(s) for s in range(3)], 1.0, 8)
    assert chosen.positions == (0, 1, 2)
    assert not chosen.extremes


def patches(*images: np.ndarray) -> np.ndarray:
    return np.concatenate([to_nchw(image, 1.0) for image in images])


def lamp(image: np.ndarray) -> np.ndarray:
    """Return a dark image with one light, of a hundredth of its pixels, in it."""
    lit = image.copy()
    lit[: image.shape[0] // 10, : image.shape[1] // 10] = 255
    return lit
