"""Normalisations as Core ML files hold them: right for any size of values that float16 holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edge_imgq.export.coreml.norm_fp16_range import INVERSE_DEVIATION, gather_deviations
from edge_imgq.graph.network import Network
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from tests.export.coreml.witness import build, reference, run

SHAPE = (1, 8, 12, 16)
GAIN = np.linspace(0.5, 1.5, 8).astype(np.float32)
SHIFT = np.linspace(-0.2, 0.2, 8).astype(np.float32)


def group_norm() -> Any:
    """Return a model of a GroupNormalization, whose shape ONNX does not infer."""
    model = build("InstanceNormalization", GAIN, SHIFT, epsilon=1e-5)
    (node,) = model.graph.node
    node.op_type = "GroupNormalization"
    node.attribute.append(onnx.helper.make_attribute("num_groups", 2))
    return model


NORMS = {
    "instance": lambda: build("InstanceNormalization", GAIN, SHIFT, epsilon=1e-5),
    "group": group_norm,
    "layer": lambda: build(
        "LayerNormalization", np.resize(GAIN, 16), np.resize(SHIFT, 16), epsilon=1e-6
    ),
}


def canonical(model: Any) -> Network:
    return read_network(rewrite(ir.from_proto(model), ["canonical"]))


def image(size: float) -> np.ndarray:
    values = np.random.default_rng(6).standard_normal(SHAPE) * size
    return values.astype(np.float16).astype(np.float32)


@pytest.mark.parametrize("size", [2e-3, 1.0, 900.0, 9000.0])
@pytest.mark.parametrize("name", NORMS)
def test_a_normalisation_holds_for_small_and_for_large_values(
    name: str, size: float, tmp_path: Path
) -> None:
    model, values = NORMS[name](), image(size)
    (wanted,) = reference(model, {"x0": values})
    (got,) = run(canonical(model), {"x0": values}, tmp_path / "m.mlpackage")
    np.testing.assert_allclose(got, wanted, atol=0.01)


@pytest.mark.parametrize("name", NORMS)
def test_a_flat_image_is_not_divided_by_nothing(name: str, tmp_path: Path) -> None:
    model, values = NORMS[name](), np.full(SHAPE, 0.5, np.float32)
    (wanted,) = reference(model, {"x0": values})
    (got,) = run(canonical(model), {"x0": values}, tmp_path / "m.mlpackage")
    np.testing.assert_allclose(got, wanted, atol=0.01)


@pytest.mark.parametrize("name", NORMS)
def test_each_normalisation_is_found_once_and_nothing_else_is_lost(name: str) -> None:
    network = canonical(NORMS[name]())
    gathered = gather_deviations(network)
    kinds = [operation.kind for operation in gathered.operations]
    assert kinds.count(INVERSE_DEVIATION) == 1
    made = {tensor.name for op in gathered.operations for tensor in op.outputs} | {"x0"}
    read = {t.name for op in gathered.operations for t in op.inputs if t and t.data is None}
    assert read <= made
    assert "Pow" not in kinds


def test_a_square_that_others_read_too_stays(tmp_path: Path) -> None:
    network = canonical(NORMS["instance"]())
    square = next(
        op for op in network.operations if op.kind == "Mul" and op.name.endswith("square")
    )
    shared = Network(network.name, network.inputs, (square.output,), network.operations)
    assert gather_deviations(shared).operations == shared.operations
