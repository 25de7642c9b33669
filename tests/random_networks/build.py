"""What the tests of random networks share: how many, from which seed, and how they are run."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from edge_imgq.graph.rewrite import rewrite
from tests.export.tflite.witness import (
    Case,
)

EXAMPLES = int(os.environ.get("EDGE_IMGQ_FUZZ", "250"))


SEED = int(os.environ.get("EDGE_IMGQ_SEED", "0"))


OPTIONS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


FLOAT_PASSES = ["canonical", "sub-pixel", "crd-to-dcr"]


INT8_PASSES = [*FLOAT_PASSES, "sign-split"]


SPLITS = st.sampled_from(("sign-split", "cheap-sign-split"))


def rewritten(model: onnx.ModelProto, passes: list[str]) -> onnx.ModelProto:
    proto = ir.to_proto(rewrite(ir.from_proto(model), passes))
    del proto.graph.value_info[:]
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    inferred: onnx.ModelProto = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    return inferred


def image(case: Case) -> Any:
    return np.random.default_rng(SEED).uniform(-2, 2, case.shape).astype(np.float32)


def complain(case: Case, what: str) -> str:
    """Save a failing network and return the message that says where it lies."""
    data = case.model().SerializeToString()
    name = f"edge-imgq-{hashlib.sha256(data).hexdigest()[:12]}.onnx"
    path = Path(tempfile.gettempdir()) / name
    path.write_bytes(data)
    return f"{what}; seed {SEED}, the network is in {path}:\n{case.body}"
