"""Int8 files of compact networks stay in one partition of XNNPACK, as LiteRT places them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from edge_imgq.runtime.litert import placement
from tests.families import compact

from .convert import SEED, convert, int8_file, quantized

NETWORKS: dict[str, Callable[[int, int], nn.Module]] = {
    "hfenet": partial(compact.Trunk, compact.HighFrequencyBlock),
    "rlfn": partial(compact.Trunk, compact.RlfnBlock),
    "vapsr": partial(compact.Trunk, compact.VapBlock),
    "plain": partial(compact.Joined, compact.plain_block),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_an_int8_file_is_one_partition_but_for_its_ends(name: str, tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    family = convert(name, NETWORKS[name](8, 2), 3)
    path = tmp_path / "int8.tflite"
    path.write_bytes(int8_file(family, quantized(family)))
    found = placement(path)
    assert found.partitions == 1
    assert found.fallback == ("QUANTIZE", "QUANTIZE")
