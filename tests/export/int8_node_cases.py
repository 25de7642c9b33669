"""ONNX's own node cases, quantized."""

from __future__ import annotations

from functools import cache
from typing import Any

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from edge_imgq.graph.rewrite import rewrite
from tests.export.onnx_node_cases import copied, prepared
from tests.export.tflite.witness import quantized

PASSES = ["canonical", "sub-pixel", "crd-to-dcr", "sign-split"]


EMPTY = "an empty tensor has no range"


NO_WITNESS = "ONNX Runtime does not compute it"


NOT_QUANTIZED = {
    "test_pow_types_float32_uint32": NO_WITNESS,
    "test_pow_types_float32_uint64": NO_WITNESS,
    "test_reshape_allowzero_reordered": EMPTY,
    "test_slice_start_out_of_bounds": EMPTY,
    "test_split_zero_size_splits_opset13": EMPTY,
    "test_split_zero_size_splits_opset18": EMPTY,
}
"""Cases of the float lowering that have no integer reference, each with the reason."""


def quantized_case(name: str) -> tuple[onnx.ModelProto, str, Any]:
    """Return the QDQ form of a case, the name of its input, and the published input.

    The form is a copy: two files of tests have each case in common.
    """
    model, entry, values = _quantized(name)
    return copied(model), entry, values


@cache
def _quantized(name: str) -> tuple[onnx.ModelProto, str, Any]:
    proto, values, _ = prepared(name)
    model = ir.from_proto(proto)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passed: onnx.ModelProto = ir.to_proto(rewrite(model, PASSES))
    passed.ir_version = 10
    del passed.graph.value_info[:]
    passed = onnx.shape_inference.infer_shapes(passed, data_prop=True)
    return quantized(passed, values, edge=None), passed.graph.input[0].name, values
