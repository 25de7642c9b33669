"""ONNX's own test cases, quantized, through the int8 lowering.

The witness is ONNX Runtime on the QDQ graph: given the same integers, every value of a file is
within one level of it. Inputs and results have the ranges of the published ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.export.int8_node_cases import NOT_QUANTIZED, quantized_case
from tests.export.onnx_node_cases import cases, reason

from .witness import levels_of_both


def names() -> list[str]:
    """Return the cases that TFLite expresses and that have an integer reference."""
    return [name for name in cases() if not reason(name) and name not in NOT_QUANTIZED]


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
