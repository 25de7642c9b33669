"""Packs of every chip, and names that Play takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.chips import CHIPS
from edge_imgq.export.npu.ai_pack import pack_name, write_ai_pack


@pytest.mark.parametrize(
    ("model", "name"), [("fsrcnn-x2", "fsrcnn_x2"), ("2x", "pack_2x"), ("my.net é", "my_net__")]
)
def test_a_pack_is_called_as_play_takes_it(model: str, name: str) -> None:
    assert pack_name(model) == name


def test_every_chip_has_its_group(tmp_path: Path) -> None:
    fallback = tmp_path / "fallback.tflite"
    fallback.write_bytes(b"all others")
    compiled = {tmp_path / f"{chip.slug}.tflite": chip for chip in CHIPS.values()}
    for path, chip in compiled.items():
        path.write_bytes(chip.model.encode())
    write_ai_pack(tmp_path / "app", "net", {"net": (fallback, compiled)})
    assets = tmp_path / "app" / "net" / "src" / "main" / "assets"
    found = {folder.name: (folder / "net.tflite").read_bytes() for folder in assets.iterdir()}
    assert found.pop("model#group_other") == b"all others"
    assert sorted(found.values()) == sorted(chip.model.encode() for chip in CHIPS.values())
    text = (tmp_path / "app" / "device_targeting_configuration.xml").read_text()
    for group in found:
        assert f'<config:device-group name="{group.removeprefix("model#group_")}">' in text
    assert text.count("<config:device-group ") == len(CHIPS)
