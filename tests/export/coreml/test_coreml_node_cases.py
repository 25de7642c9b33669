"""ONNX's own test cases of every operator that image networks use, through the Core ML lowering.

The published inputs and outputs are the witness. The package is evaluated without rounding to
float16, so that what is left are its constants, which the file holds in float16.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.export.coreml.program import refuse_unsupported
from edge_imgq.graph.network import Network
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from tests.export.coreml.build import REFUSED, reason
from tests.export.onnx_node_cases import cases, prepared

from .witness import run

SIZES = "ONNX Runtime too places pixels by the rounded size where the case takes the unrounded one"


UNLIKE = {
    "test_resize_downsample_scales_linear_align_corners": SIZES,
    "test_resize_downsample_scales_cubic_align_corners": SIZES,
}
"""Cases that are lowered, and whose published output ONNX Runtime does not give either."""

ROUNDED = 2e-3
"""Relative error that constants in float16 leave; a power takes its exponent's error along."""


def network(name: str) -> tuple[Network, Any, Any]:
    """Return a case as a network, its input, and the published output."""
    proto, values, wanted = prepared(name)
    model = ir.from_proto(proto)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passes = ["canonical", "sub-pixel", "crd-to-dcr"]
    return read_network(rewrite(model, passes)), values, wanted


def evaluated(view: Network, values: Any, folder: Path) -> Any:
    (image,) = view.inputs
    return run(view, {image.name: values}, folder / "m.mlpackage", rounding=False)[0]


@pytest.mark.slow
def test_every_case_that_is_not_listed_gives_the_published_output(tmp_path: Path) -> None:
    wrong = []
    passed = 0
    for name in cases():
        if reason(name) or name in UNLIKE:
            continue
        folder = tmp_path / name
        folder.mkdir()
        try:
            view, values, wanted = network(name)
            got = evaluated(view, values, folder)
            np.testing.assert_equal(got.shape, wanted.shape)
            scale = max(1.0, float(np.abs(wanted).max()))
            np.testing.assert_allclose(got, wanted, rtol=0, atol=ROUNDED * scale)
            passed += 1
        except Exception as error:
            wrong.append(f"{name}: {str(error).strip()[-160:]}")
    assert not wrong, "\n".join(wrong)
    assert passed > 280


def test_every_case_that_is_listed_is_refused_with_a_reason_and_what_to_do() -> None:
    listed = [name for name in cases() if reason(name)]
    for name in listed:
        with pytest.raises(UnsupportedOperatorError, match=r"'node_\d+[.\w]*': .+[;,] .+\."):
            refuse_unsupported(network(name)[0])
    assert all(any(fnmatch(name, pattern) for name in listed) for pattern in REFUSED)


@pytest.mark.parametrize("name", UNLIKE)
def test_onnx_runtime_does_not_give_the_published_output_either(name: str, tmp_path: Path) -> None:
    import onnxruntime

    view, values, wanted = network(name)
    session = onnxruntime.InferenceSession(prepared(name)[0].SerializeToString())
    runtime = session.run(None, {session.get_inputs()[0].name: values})[0]
    assert np.abs(runtime - wanted).max() > 1e-3
    scale = max(1.0, float(np.abs(runtime).max()))
    np.testing.assert_allclose(evaluated(view, values, tmp_path), runtime, atol=ROUNDED * scale)
