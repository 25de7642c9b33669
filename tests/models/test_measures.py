"""The outputs of the network that assesses, and what they mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from edge_imgq.models.assessor import (
    COSINE_STEPS,
    LUMA,
    WHOLE_TONES,
    DegradationNet,
    border_filters,
    cosine_filters,
    difference_filters,
)
from edge_imgq.models.measures import (
    COUNT,
    DETAIL_GAINS,
    MEASURES,
    OF_WHOLE,
    PORT,
    REPAIRS,
    TONE_GAINS,
    outputs_port,
    to_outputs,
    values_and_uncertainties,
)
from edge_imgq.models.zoo import ASSESSORS, ZOO, zoo_entry

VALUES = {"noise": 13.0, "jpeg_quality": 40.0, "blur": 1.5, "upscaling": 3.0, "exposure": -1.0}


def test_outputs_are_scaled_and_what_is_unknown_is_nan() -> None:
    outputs = dict(zip([measure.name for measure in MEASURES], to_outputs(VALUES), strict=True))
    assert outputs["noise"] == pytest.approx((13 - 25) / 25)
    assert outputs["upscaling"] == pytest.approx(np.log2(3) - 1)
    assert {name for name, value in outputs.items() if np.isnan(value)} == set(outputs) - set(
        VALUES
    )


def test_the_numbers_that_photographs_have_lie_near_one_which_int8_needs() -> None:
    ends = outputs_port()
    assert np.abs([ends.low, ends.high]).max() <= 3.0


def test_what_the_network_says_is_what_files_say_in_units() -> None:
    """Both ports have the same ends, so a level of a file is the same number in either."""
    gains = dict.fromkeys((*DETAIL_GAINS.values(), *TONE_GAINS.values()), 1.0)
    psnr = {"detail_psnr": 30.0, "tone_psnr": 40.0}
    outputs = to_outputs({**VALUES, "elongation": 0.5, **psnr, **gains})
    scaled = np.concatenate([outputs, np.zeros(COUNT)])
    own, said = outputs_port(), PORT
    levels = (scaled - own.low) / np.subtract(own.high, own.low)
    numbers = said.low + levels * np.subtract(said.high, said.low)
    values, uncertainties = values_and_uncertainties(numbers[None].astype(np.float32))
    found = dict(zip([measure.name for measure in MEASURES], values[0], strict=True))
    assert {name: found[name] for name in VALUES} == pytest.approx(VALUES, rel=1e-4)
    assert found["detail_gain_denoise-slim"] == pytest.approx(1.0, abs=1e-4)
    wide = dict(zip(found, uncertainties[0], strict=True))
    assert wide["noise"] == pytest.approx(25.0, rel=1e-4)
    assert wide["upscaling"] == pytest.approx(3.0, rel=1e-4), "one more octave: from 3 to 6 times"


def test_the_network_takes_any_size_and_has_two_outputs_for_every_measure() -> None:
    network = zoo_entry("assess-slim").build().eval()
    options = ASSESSORS["assess-slim"].options
    assert (options["of_crops"], options["of_whole"]) == (COUNT - len(OF_WHOLE), len(OF_WHOLE))
    assert tuple(measure.name for measure in MEASURES[-len(OF_WHOLE) :]) == OF_WHOLE
    assert sum(tensor.numel() for tensor in network.state_dict().values()) <= 150_000
    for size in ((96, 96), (64, 104)):
        assert network(torch.rand(2, 3, *size)).shape == (2, 2 * len(MEASURES))


def test_statistics_are_shares_and_do_not_depend_on_the_size() -> None:
    torch.manual_seed(0)
    network = DegradationNet(4, 2)
    crop = torch.rand(1, 3, 96, 96)
    once, tiled = network.statistics(crop), network.statistics(crop.tile(1, 1, 2, 2))
    assert once.min() >= 0
    assert once.max() <= 6
    torch.testing.assert_close(once, tiled, atol=0.3, rtol=0.05)


def test_tones_of_the_whole_are_shares_of_its_pixels_and_its_extremes() -> None:
    network = DegradationNet(4, 2)
    photo = torch.zeros(1, 3, 96, 96)
    photo[..., :24] = 1.0
    found = network.statistics(photo).flatten()[network.of_crop :]
    # A quarter that is white reaches every level above black, the rest every level below white.
    count = 4 * len(WHOLE_TONES)
    above, below = found[: 2 * count].view(count, 2).unbind(1)
    torch.testing.assert_close(above, torch.full((count,), 6 / 4))
    torch.testing.assert_close(below, torch.full((count,), 6 * 3 / 4))
    largest, of_blocks = found[-16:].view(2, 4, 2)
    torch.testing.assert_close(largest, torch.full((4, 2), 6.0))
    torch.testing.assert_close(of_blocks, torch.tensor([6 / 4, 6 * 3 / 4]).expand(4, 2))


def test_what_is_said_of_the_whole_depends_on_its_tones_alone() -> None:
    torch.manual_seed(0)
    network, photo = DegradationNet(3, 2), torch.rand(1, 3, 96, 96)
    blocks = F.pixel_unshuffle(photo, 8)[:, :, torch.randperm(12)]
    one, other = network(photo)[0], network(F.pixel_shuffle(blocks, 8))[0]
    whole, crops = torch.tensor([3, 4, 8, 9]), torch.tensor([0, 1, 2, 5, 6, 7])
    torch.testing.assert_close(one[whole], other[whole], atol=1e-4, rtol=1e-4)
    assert ((one - other)[crops].abs() > 1e-6).all()


def test_filters_answer_what_they_are_made_for() -> None:
    """A flat image has no differences; a cosine of a block is found at its own frequency."""
    assert difference_filters().sum((1, 2, 3)).abs().max() < 1e-2
    assert border_filters().sum((1, 2, 3)).abs().max() < 1e-3
    cosines = cosine_filters()
    luma = torch.tensor(LUMA).square().sum()
    # Without the colours' shares, each has the norm of an orthonormal basis times its gain.
    gains = torch.tensor([6 * 255.0 / step for step in COSINE_STEPS]).repeat_interleave(2)
    norms = cosines.square().sum((1, 2, 3)).sqrt() / luma.sqrt()
    torch.testing.assert_close(norms, gains.repeat(len(norms) // len(gains)), rtol=1e-4, atol=0)


def test_standardised_statistics_lie_around_zero() -> None:
    torch.manual_seed(1)
    network = DegradationNet(4, 2)
    seen = network.statistics(torch.rand(20, 3, 64, 64))
    network.standardise(seen)
    inside = (seen - network.middle) * network.scale
    assert inside.mean(0).abs().max() < 1e-3
    assert inside.std(0).max() <= 1.0


def test_all_repairs_are_networks_that_ship() -> None:
    assert set(REPAIRS) <= set(ZOO)
