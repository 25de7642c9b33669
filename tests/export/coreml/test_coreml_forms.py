"""Every operator's Core ML form against ONNX Runtime, float and QDQ, through a saved package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.export.coreml.lowerings import LOWERINGS
from tests.export.choices import BODIES
from tests.export.coreml.forms_of_operators import (
    CASES,
    WIDE,
    Build,
    inputs_of,
    longs,
    noise,
    number,
)


def test_every_form_has_a_case() -> None:
    tested = {name.split(",")[0].split(" ")[0] for name in [*CASES, *BODIES]}
    gathered = {"CentredLevels", "InverseDeviation", "RoundedToUnit"}
    assert LOWERINGS.keys() - tested == {"Requantize", *gathered}


def test_everything_unsupported_is_named_at_once(road: Any, tmp_path: Path) -> None:
    model = road.build("MaxPool", kernel_shape=[3, 3], outputs=1)
    model.graph.node[0].output.append("where")
    extra = onnx.helper.make_node("Hardmax", ["y0"], ["y1"], name="second")
    model.graph.node.append(extra)
    model.graph.output[0].name = "y1"
    inferred = onnx.shape_inference.infer_shapes(model)
    with pytest.raises(UnsupportedOperatorError) as caught:
        road.run(road.network(inferred), inputs_of(model), tmp_path / "m.mlpackage")
    heading, *lines = str(caught.value).splitlines()
    assert heading == "Core ML cannot express 2 operators of 'one', so no file was written:"
    assert lines[0].startswith("  MaxPool 'node': its indices are used")
    assert lines[1].startswith("  Hardmax 'second': this operator is not lowered to Core ML; ")


COMPUTED = {"shapes": [WIDE, (6, 8, 3, 3)]}


@pytest.mark.parametrize(
    ("reason", "build"),
    [
        ("at most 5 axes", lambda b: b("Unsqueeze", longs(0, 1))),
        ("empty tensor", lambda b: b("Slice", longs(3), longs(3), longs(1))),
        ("weights are computed", lambda b: b("Conv", **COMPUTED)),
        ("other axes", lambda b: b("Resize", None, None, longs(1, 9, 12, 16), mode="linear")),
        (
            "training mode",
            lambda b: b("Dropout", number(0.5), np.array(True)),
        ),
    ],
)
def test_a_form_that_does_not_exist_is_refused_with_its_reason(
    reason: str, build: Callable[[Build], onnx.ModelProto], road: Any, tmp_path: Path
) -> None:
    model = build(road.build)
    with pytest.raises(UnsupportedOperatorError, match=reason):
        road.run(road.network(model), inputs_of(model), tmp_path / "m.mlpackage")


def chain(*nodes: onnx.NodeProto, constants: dict[str, np.ndarray], last: str) -> onnx.ModelProto:
    """Return a model of several nodes from x to `last`, with its shapes inferred."""
    graph = onnx.helper.make_graph(
        list(nodes),
        "chain",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, WIDE)],
        [onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [onnx.helper.make_opsetid("", 21)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def between(name: str, scale: str, zero: str) -> list[onnx.NodeProto]:
    """Return a QuantizeLinear and DequantizeLinear pair after a value."""
    operands = [f"{name}.q", scale, zero]
    return [
        onnx.helper.make_node("QuantizeLinear", [name, scale, zero], [f"{name}.q"]),
        onnx.helper.make_node("DequantizeLinear", operands, [f"{name}.r"]),
    ]


STEPS = {
    "s0": number(0.02),
    "z0": np.array(-20, np.int8),
    "s1": number(0.031),
    "z1": np.array(7, np.int8),
}


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.0), (0.0, 0.5), (-0.4, 0.5)])
def test_a_fused_clip_holds_where_the_integers_reach_beyond_it(
    low: float, high: float, road: Any, tmp_path: Path
) -> None:
    weight = noise(6, 8, 1, 1)
    scales = (np.abs(weight).max((1, 2, 3)) / 127).astype(np.float32)
    constants = STEPS | {
        "w": np.rint(weight / scales.reshape(-1, 1, 1, 1)).astype(np.int8),
        "sw": scales,
        "zw": np.zeros(6, np.int8),
        "low": number(low),
        "high": number(high),
    }
    model = chain(
        *between("x", "s0", "z0"),
        onnx.helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wr"], axis=0),
        onnx.helper.make_node("Conv", ["x.r", "wr"], ["c"], name="conv"),
        onnx.helper.make_node("Clip", ["c", "low", "high"], ["y"], name="clip"),
        *between("y", "s1", "z1"),
        constants=constants,
        last="y.r",
    )
    view = road.network(model)
    assert [item.kind for item in view.operations] == ["Conv"], "the clip was not fused"
    inputs = inputs_of(model)
    (expected,) = road.reference(model, inputs)
    (result,) = road.run(view, inputs, tmp_path / "m.mlpackage")
    off = np.abs(result - np.rint(expected / 0.031))
    assert expected.min() < low + 0.1, "the low bound is never met"
    assert off.max() <= 1
    assert np.mean(off == 0) > 0.95


def test_requantize_moves_integers_to_other_steps(road: Any, tmp_path: Path) -> None:
    model = chain(
        *between("x", "s0", "z0"), *between("x.r", "s1", "z1"), constants=STEPS, last="x.r.r"
    )
    view = road.network(model)
    assert [item.kind for item in view.operations] == ["Requantize"]
    inputs = inputs_of(model)
    (expected,) = road.reference(model, inputs)
    (result,) = road.run(view, inputs, tmp_path / "m.mlpackage")
    off = np.abs(result - np.rint(expected / 0.031))
    assert off.max() <= 1
    assert np.mean(off == 0) > 0.95
