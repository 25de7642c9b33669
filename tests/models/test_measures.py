"""The outputs of the network that assesses, and what they mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edge_imgq.models.assessor import DegradationNet
from edge_imgq.models.measures import MEASURES, REPAIRS, from_outputs, to_outputs
from edge_imgq.models.zoo import ASSESSORS, ZOO, zoo_entry

VALUES = {"noise": 13.0, "jpeg_quality": 40.0, "blur": 1.5, "upscaling": 3.0, "exposure": -1.0}


def test_values_come_back_from_outputs_and_what_is_unknown_is_nan() -> None:
    outputs = to_outputs(VALUES)
    values, _ = from_outputs(np.concatenate([outputs, outputs])[None])
    found = dict(zip([measure.name for measure in MEASURES], values[0], strict=True))
    for name, value in VALUES.items():
        assert found[name] == pytest.approx(value, rel=1e-5)
    assert {name for name, value in found.items() if np.isnan(value)} == set(found) - set(VALUES)


def test_the_numbers_that_photographs_have_lie_near_one_which_int8_needs() -> None:
    low = to_outputs({"noise": 0, "jpeg_quality": 10, "blur": 0, "upscaling": 1, "exposure": -2})
    high = to_outputs({"noise": 50, "jpeg_quality": 100, "blur": 7, "upscaling": 4, "exposure": 2})
    assert np.nanmax(np.abs([low, high])) <= 2.5


def test_spreads_are_in_the_unit_of_their_measure() -> None:
    outputs = np.concatenate([to_outputs(VALUES), np.zeros(len(MEASURES), np.float32)])
    _, spreads = from_outputs(outputs[None])
    found = dict(zip([measure.name for measure in MEASURES], spreads[0], strict=True))
    assert found["noise"] == pytest.approx(25.0)
    assert found["upscaling"] == pytest.approx(3.0), "one more octave: from 3 to 6 times"


def test_the_network_takes_any_size_and_has_two_outputs_for_every_measure() -> None:
    network = zoo_entry("assess-slim").build().eval()
    assert ASSESSORS["assess-slim"].options["outputs"] == 2 * len(MEASURES)
    assert sum(parameter.numel() for parameter in network.parameters()) <= 150_000
    for size in ((96, 96), (64, 104)):
        assert network(torch.rand(2, 3, *size)).shape == (2, 2 * len(MEASURES))


def test_the_same_crop_tiled_gives_nearly_the_same_numbers() -> None:
    torch.manual_seed(0)
    network = DegradationNet(4, widths=(4, 4, 4), hidden=4).eval()
    crop = torch.rand(1, 3, 96, 96)
    torch.testing.assert_close(network(crop), network(crop.tile(1, 1, 2, 2)), atol=0.05, rtol=0.1)


def test_all_repairs_are_networks_that_ship() -> None:
    assert set(REPAIRS) <= set(ZOO)
