"""onnxsim simplifies without torch, which its package would import."""

from __future__ import annotations

import subprocess
import sys

import onnx
import torch

from edge_imgq.graph.load.simplifier import simplified

TEXT = (
    '<ir_version: 10, opset_import: ["" : 21]> own (float[1,3,8,8] image) => (float[1,3,8,8] out) '
    "{ a = Constant<value_float = 2.0>() b = Mul(a, a) out = Mul(image, b) }"
)
PROGRAM = f"""
import sys
import onnx
from edge_imgq.graph.load.simplifier import simplified

kinds = [node.op_type for node in simplified(onnx.parser.parse_model({TEXT!r})).graph.node]
print(kinds.count("Mul"), "torch" in sys.modules)
import torch
print(torch.ones(1).item())
"""


def test_torch_is_not_imported_and_can_be_imported_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["1", "False", "1.0"], done.stderr


def test_torch_stays_where_it_is_imported_already() -> None:
    graph = simplified(onnx.parser.parse_model(TEXT)).graph
    assert [node.op_type for node in graph.node].count("Mul") == 1
    assert sys.modules["torch"] is torch
