"""ONNX's own test cases of every operator that image networks use, through the float lowering.

The published inputs and outputs are the witness. A case takes its first input at run time; the
others are constants, as they are in networks.
"""

from __future__ import annotations

from fnmatch import fnmatch

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from tests.export.onnx_node_cases import (
    REFUSED,
    cases,
    prepared,
    reason,
)

from .witness import NOTE, from_file, lower, run_litert, to_file

SIZES = "ONNX Runtime too places pixels by the rounded size where the case takes the unrounded one"


UNLIKE = {
    "test_resize_downsample_scales_cubic_align_corners": SIZES,
    "test_resize_downsample_scales_linear_align_corners": SIZES,
}
"""Cases that are lowered, and whose published output ONNX Runtime does not give either."""


def lowered(model: onnx.ModelProto) -> bytes:
    passes = ["canonical", "sub-pixel", "crd-to-dcr"]
    network = ir.from_proto(model)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(network)
    return lower(read_network(rewrite(network, passes)), NOTE)


def test_every_case_that_is_not_listed_gives_the_published_output() -> None:
    wrong = []
    passed = 0
    for name in cases():
        if reason(name) or name in UNLIKE:
            continue
        model, values, wanted = prepared(name)
        try:
            got = from_file(run_litert(lowered(model), to_file(values)))
            np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
            passed += 1
        except Exception as error:
            wrong.append(f"{name}: {str(error).strip()[-160:]}")
    assert not wrong, "\n".join(wrong)
    assert passed > 180


def test_every_case_that_is_listed_is_refused_and_no_wrong_file_written() -> None:
    listed = [name for name in cases() if reason(name)]
    written = []
    for name in listed:
        try:
            lowered(prepared(name)[0])
            written.append(name)
        except UnsupportedOperatorError:
            pass
    assert not written, written
    assert all(any(fnmatch(name, pattern) for name in listed) for pattern in REFUSED)


@pytest.mark.parametrize("name", UNLIKE)
def test_onnx_runtime_does_not_give_the_published_output_either(name: str) -> None:
    import onnxruntime

    model, values, wanted = prepared(name)
    session = onnxruntime.InferenceSession(cases()[name].model.SerializeToString())
    inputs = {
        spec.name: array
        for spec, array in zip(session.get_inputs(), cases()[name].data_sets[0][0], strict=True)
    }
    runtime = session.run(None, inputs)[0]
    assert np.abs(runtime - wanted).max() > 1e-3
    got = from_file(run_litert(lowered(model), to_file(values)))
    np.testing.assert_allclose(got, runtime, atol=1e-5)
