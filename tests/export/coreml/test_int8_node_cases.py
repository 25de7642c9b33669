"""ONNX's own test cases, quantized, through the W8A8 lowering of Core ML.

Every operator gets the integers of the QDQ graph, which ONNX Runtime runs, and is within one level
of what that graph stores behind it.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.export.coreml.build import reason
from tests.export.int8_node_cases import NOT_QUANTIZED, quantized_case
from tests.export.onnx_node_cases import cases
from tests.export.tflite.witness import network_of

from .witness import saved, step_by_step

LARGE = "its constants or results are beyond float16, which Core ML computes in"
REFUSED = {
    "test_logsoftmax_large_number_expanded*": LARGE,
    "test_softmax_large_number_expanded*": LARGE,
    "test_spacetodepth_crd_mode_example": "ONNX Runtime does not compute it",
}
"""Cases beside those that float packages do not express either, each with the reason."""


@pytest.mark.slow
def test_every_operator_of_every_case_in_w8a8_is_within_a_level(tmp_path: Path) -> None:
    wrong = []
    for name in cases():
        if reason(name) or name in NOT_QUANTIZED or any(fnmatch(name, p) for p in REFUSED):
            continue
        try:
            model, entry, values = quantized_case(name)
            view = network_of(model)
            program = saved(view, tmp_path / f"{name}.mlpackage")
            for step, off in step_by_step(view, model, {entry: values}, program).items():
                if off.max(initial=0) > 1:
                    wrong.append(f"{name}: '{step}' is up to {off.max()} levels off")
        except Exception as error:
            wrong.append(f"{name}: {str(error).strip()[-160:]}")
    assert not wrong, "\n".join(wrong)
