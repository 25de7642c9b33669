"""Random networks in ncnn, float32 and float16, against ONNX Runtime.

EDGE_IMGQ_FUZZ sets the number of networks, EDGE_IMGQ_SEED where drawing starts.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, seed, settings

from edge_imgq.export.ncnn.lower import layers_of
from tests.export.ncnn.witness import run_ncnn
from tests.export.tflite.witness import Case, network_of, run_onnx
from tests.random_networks.build import EXAMPLES, OPTIONS, SEED, complain, image, rewritten

from .networks import networks

PASSES = ["canonical", "merge-skip-branches"]
EXACT, HALF = 1e-4, 2e-2
"""Largest differences in units of the largest value."""


@seed(SEED)
@settings(OPTIONS, max_examples=max(EXAMPLES // 5, 1))
@given(networks())
def test_a_random_network_in_ncnn_agrees_with_onnx_runtime(case: Case) -> None:
    model, values = case.model(), image(case)
    wanted = run_onnx(model, values)
    layers = layers_of(network_of(rewritten(model, PASSES)))
    for half, most in ((False, EXACT), (True, HALF)):
        got = run_ncnn(layers, values, half).reshape(wanted.shape)
        off = float(np.abs(got - wanted).max()) / max(1.0, float(np.abs(wanted).max()))
        assert off <= most, complain(case, f"{off} from ONNX Runtime, half {half}")
