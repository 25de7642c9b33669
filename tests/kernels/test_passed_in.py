"""The profile of a recipe's processor reaches the passes, the quantizer and the writer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import onnx_ir as ir
import pytest
from skimage import data

import edge_imgq as eiq
from edge_imgq.kernels.profile import ActivationCost, KernelProfile
from edge_imgq.kernels.table import DEFAULT, OF_PROCESSOR
from edge_imgq.kernels.tile import Tile
from tests.kernels.build import stack

FREE = ActivationCost(prelu=0, remainder=0, leaky=0)
OTHER = replace(DEFAULT, name="other", activations=FREE, float32=Tile(outputs=1))


@pytest.mark.parametrize("kernels", [DEFAULT, OTHER], ids=lambda kernels: kernels.name)
def test_a_recipes_processor_decides_on_splits_and_forms(
    kernels: KernelProfile, small_patches: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OF_PROCESSOR, "cpu", kernels)
    network = ir.to_proto(stack(12))
    photos = [scene[100:160, 100:180] for scene in (data.astronaut(), data.coffee())]
    made = eiq.export(
        eiq.open(network, name="stack"),
        targets=["tflite-float", "tflite-int8"],
        output=tmp_path,
        calibration=photos,
        images=[data.chelsea()[100:160, 100:180]],
        sizes=(48, 64),
        scheme="int8-fast",
        bench=False,
    )
    graph = onnx.load(made.folder / "reference" / "int8-fast.onnx").graph
    is_split = all(node.op_type != "PRelu" for node in graph.node)
    written = eiq.inspect(made["tflite-float"].path).description.operators
    in_blocks = any(row.kind == "DEPTH_TO_SPACE" for row in written)
    assert (is_split, in_blocks) == (kernels is DEFAULT, kernels is DEFAULT)
