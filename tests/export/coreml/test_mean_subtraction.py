"""Nearly flat channels of integers, less their mean, under a factor of some hundreds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from edge_imgq.export.coreml.mean_subtraction import CENTRED, gather_centring
from edge_imgq.graph.network import Network
from tests.export.coreml.witness import saved, step_by_step
from tests.export.tflite.witness import Case, network_of, quantized
from tests.random_networks.build import rewritten

SHAPE = (1, 4, 16, 16)
GROUPS = (0, 2)
"""Groups of channels with one mean; 0 for one mean a channel."""


def nearly_flat() -> np.ndarray:
    """Return an image whose last three channels are flat but for a level, far from zero."""
    rng = np.random.default_rng(4)
    values = rng.uniform(-1, 1, SHAPE)
    for channel, level in ((1, 0.31), (2, 0.9), (3, 0.9)):
        values[:, channel] = level + 0.004 * rng.standard_normal(SHAPE[2:])
    return values.astype(np.float32)


def quantized_norm(groups: int) -> onnx.ModelProto:
    """Return the QDQ model of a normalisation and what reads it."""
    constants = {
        "g": np.linspace(0.5, 1.5, 4).astype(np.float32),
        "s": np.zeros(4, np.float32),
        "w": np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1),
    }
    body = "n = InstanceNormalization(x, g, s) y = Conv(n, w)"
    model = Case(body, SHAPE, constants).model()
    if groups:  # ONNX does not infer the shape of this one
        node = model.graph.node[0]
        node.op_type = "GroupNormalization"
        node.attribute.append(onnx.helper.make_attribute("num_groups", groups))
    return quantized(rewritten(model, ["canonical"]), nearly_flat(), edge=None)


@pytest.mark.parametrize("groups", GROUPS)
def test_a_nearly_flat_channel_has_the_levels_of_the_qdq_model(groups: int, tmp_path: Path) -> None:
    model = quantized_norm(groups)
    view = network_of(model)
    program = saved(view, tmp_path / "m.mlpackage")
    off = step_by_step(view, model, {"x": nearly_flat()}, program)
    (levels,) = off.values()
    assert levels.max() <= 1
    # 48 % where the integers times their scale are float16 before the mean is taken off.
    assert (levels > 0).mean() <= 0.01


@pytest.mark.parametrize("groups", GROUPS)
def test_a_mean_that_something_else_reads_too_stays(groups: int) -> None:
    network = network_of(quantized_norm(groups))
    kinds = [operation.kind for operation in gather_centring(network).operations]
    assert CENTRED in kinds
    assert "Round" in kinds
    last = next(op for op in network.operations if op.kind == "Sub").operand(1)
    shared = Network(network.name, network.inputs, (*network.outputs, last), network.operations)
    gathered = gather_centring(shared).operations
    assert last.name in [tensor.name for op in gathered for tensor in op.outputs]
