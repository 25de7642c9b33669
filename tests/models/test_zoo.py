"""The table of networks and what ships with each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.models import zoo
from edge_imgq.models.zoo import UNTRAINED, ZOO, card_path, load_network, weights_path, zoo_entry
from edge_imgq.train.config import TrainConfig, check_config
from edge_imgq.train.schedule import default_schedule


@pytest.mark.parametrize("name", ZOO)
def test_a_network_loads_ready_to_run_and_keeps_its_contract(name: str) -> None:
    entry, network = zoo_entry(name), load_network(name)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    contract, multiple = entry.contract, entry.multiple
    image = torch.rand(1, contract.channels, 3 * multiple * 2, 5 * multiple * 2)
    output = network(image)
    sides = (side * entry.scale for side in image.shape[2:])
    assert output.shape == (1, contract.image_channels, *sides)
    assert torch.isfinite(output).all()


@pytest.mark.parametrize("name", ZOO)
def test_weights_are_float32_and_say_what_they_are(name: str) -> None:
    with safe_open(weights_path(name), framework="pt") as file:
        metadata = file.metadata()
        assert {file.get_slice(key).get_dtype() for key in file.keys()} == {"F32"}  # noqa: SIM118
    assert metadata["model"] == name
    assert int(metadata["step"]) > 0
    assert float(metadata["psnr"]) > 15


def test_all_weights_together_stay_below_five_megabytes() -> None:
    assert sum(weights_path(name).stat().st_size for name in ZOO) < 5_000_000


@pytest.mark.parametrize("name", ZOO)
def test_the_card_tells_the_command_the_data_and_the_true_size(name: str) -> None:
    card = card_path(name).read_text(encoding="utf-8")
    parameters = sum(parameter.numel() for parameter in load_network(name).parameters())
    assert f"edge-imgq train {name} --data" in card
    assert f"{parameters:,}" in card
    with safe_open(weights_path(name), framework="pt") as file:
        metadata = file.metadata()
    assert f"{int(metadata['step']):,}" in card
    assert f"{float(metadata['psnr']):.2f}" in card
    for heading in ("## Data", "## Training", "## Measured", "## Limits"):
        assert heading in card


def test_an_unknown_network_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="Did you mean 'dped-slim'"):
        zoo_entry("dped-slm")
    with pytest.raises(UsageError, match=f"The zoo has {', '.join(ZOO)}"):
        load_network("qqq")


@pytest.mark.parametrize("name", UNTRAINED)
def test_an_untrained_network_can_be_trained_and_not_loaded(name: str) -> None:
    entry = zoo_entry(name)
    check_config(TrainConfig(name, (Path(),), Path(), default_schedule(name)))
    image = torch.rand(1, entry.contract.channels, 16, 32)
    assert entry.build()(image).shape[2:] == (16 * entry.scale, 32 * entry.scale)
    with pytest.raises(UsageError, match=f"ships without weights. Train it with .* {name}"):
        load_network(name)


def test_weights_that_do_not_fit_are_a_model_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(zoo, "shipped_file", lambda folder, file: tmp_path / file)
    with pytest.raises(ModelError, match="weights of dped-slim"):
        load_network("dped-slim")
    (tmp_path / "dped-slim.safetensors").write_bytes(weights_path_of("deblur-slim"))
    with pytest.raises(ModelError, match="weights of dped-slim"):
        load_network("dped-slim")


def weights_path_of(name: str) -> bytes:
    from importlib import resources

    return (resources.files("edge_imgq.models") / "weights" / f"{name}.safetensors").read_bytes()


def test_reading_the_table_does_not_import_torch() -> None:
    code = "import sys, edge_imgq.models.zoo as z; z.weights_path('dped-slim'); "
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
