"""ONNX's own test cases, quantized, through the int8 lowering.

The witness is ONNX Runtime on the QDQ graph: given the same integers, every value of a file is
within one level of it. Inputs and results have the ranges of the published ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from edge_imgq.graph.rewrite import rewrite
from tests.export.onnx_node_cases import cases, prepared, reason

from .witness import levels_of_both, quantized

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


def names() -> list[str]:
    """Return the cases that TFLite expresses and that have an integer reference."""
    return [name for name in cases() if not reason(name) and name not in NOT_QUANTIZED]


def quantized_case(name: str) -> tuple[onnx.ModelProto, str, Any]:
    """Return the QDQ form of a case, the name of its input, and the published input."""
    proto, values, _ = prepared(cases()[name])
    proto.ir_version = 10
    model = ir.from_proto(proto)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passed: onnx.ModelProto = ir.to_proto(rewrite(model, PASSES))
    del passed.graph.value_info[:]
    passed = onnx.shape_inference.infer_shapes(passed, data_prop=True)
    return quantized(passed, values, edge=None), passed.graph.input[0].name, values


def levels_off(name: str) -> Any:
    """Return how many levels a case's file is off from its QDQ model, given the same integers."""
    model, _, values = quantized_case(name)
    wanted, got = levels_of_both(model, values)
    assert got.shape == wanted.shape
    return np.abs(got - wanted)


@pytest.mark.slow
def test_every_case_in_int8_is_within_a_level_of_its_qdq_model() -> None:
    wrong = []
    for name in names():
        try:
            off = levels_off(name)
            if off.max() > 1:
                wrong.append(f"{name}: {(off > 1).mean():.1%} of values off, up to {off.max()}")
        except Exception as error:
            wrong.append(f"{name}: {str(error).strip()[-160:]}")
    assert not wrong, "\n".join(wrong)
    assert len(names()) > 380


@pytest.mark.parametrize("name", NOT_QUANTIZED)
def test_a_case_without_an_integer_reference_has_none(name: str) -> None:
    with pytest.raises(
        (ValueError, onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented,
         onnxruntime.capi.onnxruntime_pybind11_state.InvalidGraph)
    ):  # fmt: skip
        levels_off(name)
