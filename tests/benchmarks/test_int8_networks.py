"""The table of shipped networks takes each other quantizer at its best; networks are as said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks.compact_networks import COMPACT
from benchmarks.int8_networks import table
from benchmarks.published_weights import PUBLISHED, Published
from benchmarks.quantizers import Row

SET = "20 photographs"


def row(network: str, quantizer: str, vs_float: float, drop: float = 0.03) -> Row:
    return Row(network, SET, quantizer, drop, 3 * drop, vs_float, vs_float - 1)


def test_the_lead_is_over_the_best_way_of_the_best_other() -> None:
    rows = [
        row("span", "int8", 46.5),
        row("span", "onnxruntime min-max", 32.6, 0.9),
        row("span", "onnxruntime percentile", 30.1, 1.4),
        row("span", "nncf mixed", 40.0, 0.2),
        row("edsr", "int8", 50.0),
        row("edsr", "onnxruntime min-max", 49.0),
        Row("edsr", SET, "nncf mixed", reason="it crashes"),
    ]
    head, span, edsr, mean, reason = table(rows).splitlines()
    assert head.split() == ["int8", "drop", "onnxruntime", "drop", "nncf", "drop", "lead"]
    assert span.split()[:5] == ["span", "46.5/45.5", "0.030/0.090", "32.6/31.6", "0.900/2.700"]
    assert span.split()[-1] == "6.5"
    assert edsr.split()[-2:] == ["—", "1.0"]
    assert mean.split() == ["mean", "lead", "3.8"]
    assert reason == "edsr, nncf mixed: it crashes"


@pytest.mark.parametrize("name", COMPACT)
def test_a_compact_network_returns_the_image_of_its_contract(name: str) -> None:
    contract = COMPACT[name].contract
    channels = contract.channels
    with torch.no_grad():
        image = COMPACT[name].build().eval()(torch.rand(1, channels, 24, 32))
    assert image.shape == (1, channels, 24 * contract.scale, 32 * contract.scale)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_go_where_the_network_has_theirs(name: str, tmp_path: Path) -> None:
    network = PUBLISHED[name].build()
    own = [module for module in network.modules() if hasattr(module, "weight")]
    state = {
        f"{layer}.{key}": value
        for layer, module in zip(PUBLISHED[name].layers, own, strict=True)
        for key, value in module.state_dict().items()
    }
    save_file(state, tmp_path / "weights.safetensors")
    loaded = Published(PUBLISHED[name].build, PUBLISHED[name].layers).load(
        tmp_path / "weights.safetensors"
    )
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(loaded(image), network(image))
