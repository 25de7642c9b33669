"""What XNNPACK's kernels do is said of operators that TFLite files have."""

from __future__ import annotations

import onnx
import pytest

from edge_imgq.export.tflite.lowerings import LOWERINGS
from edge_imgq.graph.load.opset import OPSET
from edge_imgq.kernels.xnnpack import DEPTHWISE_TAPS, FRACTIONS, NO_INTEGER_KERNEL, TABLED


def test_operators_without_an_integer_kernel_are_those_that_files_may_have() -> None:
    assert LOWERINGS.keys() >= NO_INTEGER_KERNEL


@pytest.mark.parametrize("kind", sorted(TABLED))
def test_a_table_of_256_numbers_holds_an_operator_of_one_tensor(kind: str) -> None:
    schema = onnx.defs.get_schema(kind, OPSET)
    assert (schema.max_input, schema.max_output) == (1, 1)
    assert kind in NO_INTEGER_KERNEL


def test_numbers_are_those_of_its_source() -> None:
    """Its conversions from int8 to int8 shift by 8 bits; "25p" is the largest one-pass kernel."""
    assert FRACTIONS == 1 << 8
    assert DEPTHWISE_TAPS == 5 * 5
