"""Bilinear resizing of integers: the same levels from LiteRT and ONNX Runtime, halves included."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edge_imgq.quantize.qdq.resize_rounding import resize_denominator
from tests.export.tflite.witness import (
    Case,
    kinds,
    levels_of_both,
    lowered,
    network_of,
    quantized,
    run_litert,
    run_own_kernels,
    to_file,
    to_integers,
)

SHAPE = (1, 6, 12, 10)
EXACT = [
    ("half_pixel", (24, 20), 16),
    ("half_pixel", (48, 40), 64),
    ("half_pixel", (96, 80), 256),
    ("pytorch_half_pixel", (6, 5), 4),
    ("asymmetric", (24, 20), 4),
    ("asymmetric", (48, 20), 8),
    ("align_corners", (23, 19), 4),
    ("half_pixel", (36, 30), None),
    ("asymmetric", (18, 15), None),
    ("half_pixel", (18, 15), None),
    ("half_pixel", (20, 19), None),
    ("align_corners", (24, 20), None),
    ("align_corners", (20, 19), None),
]
"""Grids, and the parts of a level that their results are, where these are a power of two; others
are computed in float."""


def model(grid: str, size: tuple[int, int]) -> onnx.ModelProto:
    sizes = np.array([*SHAPE[:2], *size], np.int64)
    head = f'mode="linear", coordinate_transformation_mode="{grid}"'
    return Case(f"y = Resize<{head}>(x, , , sizes)", SHAPE, {"sizes": sizes}).model()


def resize_of(graph: onnx.ModelProto) -> ir.Node:
    loaded: ir.Model = ir.from_proto(graph)
    (node,) = (node for node in loaded.graph if node.op_type == "Resize")
    return node


@pytest.mark.parametrize(("grid", "size", "parts"), EXACT)
def test_every_value_has_the_level_that_the_qdq_model_gives_it(
    grid: str, size: tuple[int, int], parts: int | None
) -> None:
    plain = model(grid, size)
    assert resize_denominator(resize_of(plain)) == parts
    values = np.random.default_rng(3).uniform(-2, 2, SHAPE).astype(np.float32)
    wanted, got = levels_of_both(quantized(plain, values), values)
    assert len(np.unique(wanted)) > 50
    np.testing.assert_array_equal(got, wanted)


def test_levels_a_half_apart_are_rounded_up_on_both_sides_of_zero() -> None:
    plain = model("asymmetric", (24, 20))
    values = np.random.default_rng(4).uniform(-2, 2, SHAPE).astype(np.float32)
    graph = quantized(plain, values)
    wanted, got = levels_of_both(graph, values)
    entry = network_of(graph).inputs[0].quantization
    assert entry is not None
    level = to_integers(values, entry)
    between = level[..., :-1] + level[..., 1:]
    halves = between[between % 2 == 1]
    assert (halves > 0).sum() > 100
    assert (halves < 0).sum() > 100
    np.testing.assert_array_equal(wanted[:, :, ::2, 1:-1:2], (between + 1) // 2)
    np.testing.assert_array_equal(got, wanted)


def test_what_the_graph_adds_costs_the_file_nothing() -> None:
    graph = quantized(model("half_pixel", (24, 20)), np.ones(SHAPE, np.float32))
    assert sum(node.op_type == "Add" for node in graph.graph.node) == 1
    assert [operation.kind for operation in network_of(graph).operations] == ["Resize"]
    assert kinds(lowered(graph)) == ["QUANTIZE", "RESIZE_BILINEAR", "QUANTIZE"]


@pytest.mark.parametrize("size", [(20, 19), (36, 30)])
def test_weights_that_no_power_of_two_holds_are_computed_in_float(size: tuple[int, int]) -> None:
    graph = quantized(model("half_pixel", size), np.ones(SHAPE, np.float32))
    assert [operation.kind for operation in network_of(graph).operations] == ["Resize"]
    assert kinds(lowered(graph))[1:-1] == ["DEQUANTIZE", "RESIZE_BILINEAR", "ADD", "QUANTIZE"]


WIDE = (1, 3, 8, 640)
"""What TFLite's own integer kernel is off by grows along the row."""


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("grid", ["half_pixel", "asymmetric", "align_corners"])
def test_tflites_own_kernels_resize_a_wide_image_as_xnnpack_does(grid: str, factor: int) -> None:
    sizes = np.array([*WIDE[:2], WIDE[2] * factor, WIDE[3] * factor], np.int64)
    head = f'mode="linear", coordinate_transformation_mode="{grid}"'
    plain = Case(f"y = Resize<{head}>(x, , , sizes)", WIDE, {"sizes": sizes}).model()
    random = np.random.default_rng(6)
    image = random.uniform(-2, 2, WIDE).astype(np.float32)
    data = lowered(quantized(plain, image))
    pixels = random.integers(0, 256, to_file(image).shape, dtype=np.uint8)
    off = run_litert(data, pixels).astype(int) - run_own_kernels(data, pixels)
    assert np.abs(off).max() <= 1
    # Halves: away from zero in TFLite's own kernel, up in XNNPACK's.
    assert (off == 0).mean() > 0.8


def test_open_sizes_are_known_by_their_scales() -> None:
    plain = Case(
        'y = Resize<mode="linear">(x, , scales)',
        SHAPE,
        {"scales": np.array([1, 1, 2, 4], np.float32)},
    ).model()
    for value in (plain.graph.input[0], plain.graph.output[0]):
        for dimension in value.type.tensor_type.shape.dim[2:]:
            dimension.dim_param = "open"
    assert resize_denominator(resize_of(plain)) == 32


@pytest.mark.parametrize("mode", ["nearest", "cubic"])
def test_other_modes_are_left_alone(mode: str) -> None:
    scales = np.array([1, 1, 2, 2], np.float32)
    plain = Case(f'y = Resize<mode="{mode}">(x, , scales)', SHAPE, {"scales": scales}).model()
    graph = quantized(plain, np.ones(SHAPE, np.float32))
    assert all(node.op_type != "Add" for node in graph.graph.node)
