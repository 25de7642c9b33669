"""Core ML as a device: what can be known without a Mac."""

from __future__ import annotations

import sys

import pytest

from edge_imgq.devices.coreml import CoreMLDevice, placement_of
from edge_imgq.devices.find_device import find_device
from edge_imgq.skipped import Skipped


@pytest.mark.skipif(sys.platform == "darwin", reason="this is a Mac")
def test_off_a_mac_it_is_skipped_with_the_reason() -> None:
    found = find_device("coreml")
    assert isinstance(found, Skipped)
    assert found.reason.startswith("Core ML runs on macOS alone")


@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on macOS alone")
def test_on_a_mac_it_is_there() -> None:
    assert isinstance(find_device("coreml"), CoreMLDevice)


def test_a_plan_says_what_leaves_the_neural_engine_and_in_how_many_pieces() -> None:
    engine = "Neural Engine"
    plan = [("conv", engine), ("relu", engine), ("pixel_shuffle", "GPU"), ("conv", engine)]
    found = placement_of([*plan, ("cast", "processor")])
    assert (found.unit, found.operators, found.delegated, found.partitions) == (engine, 5, 3, 2)
    assert found.fallback == ("pixel_shuffle (GPU)", "cast (processor)")
    assert placement_of([("conv", "GPU")]).partitions == 0
