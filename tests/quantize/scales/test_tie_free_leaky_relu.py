"""Scales around leaky rectifiers, on all 256 levels in LiteRT and in ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.quantize.qdq.qdq import insert_qdq
from edge_imgq.quantize.ranges.ranges import per_tensor
from edge_imgq.quantize.scales.shared_scales import ScaleClass
from edge_imgq.quantize.scales.tie_free_leaky_relu import WIDEST, wider_operand, wider_result
from tests.export.tflite.witness import (
    Case,
    from_file,
    lowered,
    run_litert,
    run_onnx,
    to_file,
)

BELOW = (0, 40, 127, 128, 160, 255)
SLOPES = (0.01, 0.05, 0.1, 0.2, 0.25, 0.5)


def disagreement(operand: float, result: float, below: int, slope: float) -> Any:
    """Return by how many levels kernel and QDQ graph differ, for every level of the operand."""
    lowest = min(-below * operand * slope, 0.0)
    end = int(np.clip(round(-128 - lowest / result), -128, 127))
    model = ir.from_proto(Case(f"y = LeakyRelu<alpha={slope}>(x)", (1, 1, 16, 16)).model())
    (entry,), (leaving,) = model.graph.inputs, model.graph.outputs
    scales = {entry: per_tensor(operand, below - 128), leaving: per_tensor(result, end)}
    insert_qdq(model.graph, scales)
    levels = np.arange(-128, 128).reshape(1, 1, 16, 16)
    reals = (levels + 128 - below) * scales[entry].scale[0]
    proto = ir.to_proto(model)
    wanted = run_onnx(proto, reals.astype(np.float32)) / scales[leaving].scale[0]
    got = from_file(run_litert(lowered(proto), to_file((levels + 128).astype(np.uint8))))
    return got.astype(int) - 128 - np.rint(wanted).astype(int) - end


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("ratio", [0.83, 1.0, 2.3])
def test_kernel_and_graph_agree_on_every_level(ratio: float, slope: float, below: int) -> None:
    operand, result = ScaleClass(scale=0.0213), ScaleClass(scale=0.0213 / ratio)
    scale = wider_result(operand, result, slope)
    assert 1 - 2e-5 <= scale / result.scale <= WIDEST + 0.01
    assert not disagreement(operand.scale, scale, below, slope).any()


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("slope", SLOPES)
def test_they_do_where_only_the_operand_may_be_widened(slope: float, below: int) -> None:
    operand, result = ScaleClass(scale=0.0213), ScaleClass(scale=0.0169)
    scale = wider_operand(operand, result, slope)
    assert 1 - 2e-5 <= scale / operand.scale <= WIDEST + 0.01
    assert not disagreement(scale, result.scale, below, slope).any()


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("slope", SLOPES)
def test_they_do_where_the_reciprocal_must_stay_exact(slope: float, below: int) -> None:
    operand = ScaleClass(scale=0.0213)
    result = ScaleClass(scale=0.0169, is_fixed=True, is_reciprocal=True)
    scale = wider_result(operand, result, slope)
    assert not disagreement(operand.scale, scale, below, slope).any()


def test_a_half_is_what_they_would_differ_on() -> None:
    """Levels 128 above zero times 285/256 are 142½."""
    off = disagreement(0.0213, 0.0213 * 256 / 285, 100, 0.2)
    assert np.argwhere(off.reshape(-1)).reshape(-1).tolist() == [228]
