"""The matrices of Resize, against ONNX Runtime."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.export.coreml.resize import refuse_resize
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.resize_sampling import enlarges_to_own_size, matrix

SEED = 5
SHAPE = (1, 2, 9, 13)
COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners",
               "half_pixel_symmetric")  # fmt: skip
FILTERS: dict[str, dict[str, Any]] = {
    "linear": {"mode": "linear"},
    "cubic": {"mode": "cubic"},
    "cubic, outside excluded": {"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5},
    "nearest": {"mode": "nearest"},
    "nearest, ceil": {"mode": "nearest", "nearest_mode": "ceil"},
    "nearest, floor": {"mode": "nearest", "nearest_mode": "floor"},
    "nearest, prefer ceil": {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
}
SCALES = ((2.0, 3.0), (0.5, 1.0), (1.37, 0.61))


def resize(scales: tuple[float, float] | None, sizes: Any = None, **attributes: Any) -> Any:
    """Return a model of one Resize, by scales or to sizes."""
    constants = {"s": np.array([1, 1, *scales], np.float32)} if scales else {}
    if sizes is not None:
        constants["n"] = np.array(sizes, np.int64)
    names = ["x", "", "s" if scales else "", "n" if sizes is not None else ""]
    graph = helper.make_graph(
        [helper.make_node("Resize", names, ["y"], name="resize", **attributes)],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def agree(model: onnx.ModelProto) -> None:
    values = np.random.default_rng(SEED).standard_normal(SHAPE).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    wanted = session.run(None, {"x": values})[0]
    (operation,) = read_network(ir.from_proto(model)).operations
    rows, columns = matrix(operation, 2), matrix(operation, 3)
    assert (len(rows), len(columns)) == wanted.shape[2:]
    np.testing.assert_allclose(rows @ values @ columns.T, wanted, atol=2e-5)


@pytest.mark.parametrize(("kind", "place"), list(itertools.product(FILTERS, COORDINATES)))
def test_the_matrices_do_what_onnx_runtime_does(kind: str, place: str) -> None:
    for scales in SCALES:
        agree(resize(scales, coordinate_transformation_mode=place, **FILTERS[kind]))


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_antialiasing_widens_the_kernel_as_onnx_runtime_does(mode: str) -> None:
    for scales in SCALES:
        agree(resize(scales, mode=mode, antialias=1))


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_a_kept_aspect_ratio_has_one_scale_for_both_axes(policy: str) -> None:
    kept = {"mode": "linear", "keep_aspect_ratio_policy": policy, "axes": [2, 3]}
    agree(resize(None, (18, 20), **kept))


@pytest.mark.parametrize(("columns", "in_place"), [(13, True), (14, False)])
def test_a_region_enlarged_to_the_image_s_size_is_the_image_in_onnx_runtime(
    columns: int, in_place: bool
) -> None:
    model = resize(
        None, [1, 2, 9, columns], mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
    )  # fmt: skip
    model.graph.node[0].input[1] = "roi"
    region = np.float32([0, 0, 0, 0.25, 1, 1, 1, 0.75])
    model.graph.initializer.append(numpy_helper.from_array(region, "roi"))
    values = np.random.default_rng(SEED).standard_normal(SHAPE).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    is_image = np.array_equal(session.run(None, {"x": values})[0][..., :13], values)
    (operation,) = read_network(ir.from_proto(model)).operations
    assert is_image is in_place
    assert enlarges_to_own_size(operation) is in_place
    assert bool(refuse_resize(operation)) is in_place
