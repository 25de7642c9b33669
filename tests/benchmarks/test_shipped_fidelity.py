"""Networks that people ship run on their example; a target without a file has a reason."""

from __future__ import annotations

import pytest
import torch

from benchmarks.shipped_fidelity import NETWORKS, TARGETS, reasons, row
from benchmarks.shipped_networks import SIDES


@pytest.mark.parametrize("title", NETWORKS)
def test_a_network_returns_a_picture_of_each_photograph(title: str) -> None:
    network = NETWORKS[title]
    torch.manual_seed(0)
    with torch.no_grad():
        found = network.build().eval()(*network.example())
    pictures = found if isinstance(found, tuple) else (found,)
    assert len(pictures) == len(network.outputs)
    assert pictures[0].shape[:2] == (1, 3)
    assert pictures[0].shape[2] % SIDES[0] == 0
    assert len(network.names) == len(network.example())


def test_a_target_without_a_file_is_a_dash_and_a_reason() -> None:
    found = dict.fromkeys(TARGETS, "50.0/49.1") | {"coreml-int8": "Core ML has no GridSample."}
    line = row("3D LUT", found)
    assert line.split() == ["3D", "LUT", "50.0/49.1", "50.0/49.1", "50.0/49.1", "—", "50.0/49.1"]
    assert list(reasons({"3D LUT": found})) == ["3D LUT, coreml-int8: Core ML has no GridSample."]
