"""The table of operators, against ONNX Runtime; and every consumer of it, against all targets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.graph.operators import LOGICAL, OPERATORS, ROWS, SINGLE

SIZE = (1, 4, 6, 8)
GENERATOR = np.random.default_rng(7)
IMAGE = GENERATOR.uniform(0.1, 0.9, SIZE).astype(np.float32)
OTHER = GENERATOR.uniform(0.1, 0.9, SIZE).astype(np.float32)

LARGE = (-1e6, -1e4, -100.0, 100.0, 1e4, 1e6)
"""Where what is bounded on a side has come to rest."""

NUMBERS: Mapping[str, tuple[Any, ...]] = {
    "CastLike": (np.float32(1),),
    "Clip": (np.float32(0.2), np.float32(0.7)),
    "Dropout": (),
    "Expand": (np.array([2, 4, 6, 8]),),
    "Gather": (np.array([3, 0, 1]),),
    "GatherElements": (np.array([[[[1]]]]),),
    "GatherND": (np.array([[0, 2], [0, 1]]),),
    "Max": (np.float32(0.5),),
    "Min": (np.float32(0.5),),
    "PRelu": (np.float32(0.25),),
    "Pad": (np.array([0, 0, 1, 2, 0, 0, 0, 1]),),
    "Reshape": (np.array([1, 8, 3, 8]),),
    "Resize": (np.array([], np.float32), np.array([1, 1, 2, 2], np.float32)),
    "Slice": (np.array([1]), np.array([5]), np.array([2])),
    "Squeeze": (np.array([0]),),
    "Tile": (np.array([1, 2, 1, 3]),),
    "Unsqueeze": (np.array([1]),),
}
"""What an operator takes behind the image, where it is not another image or nothing."""

ATTRIBUTES: Mapping[str, Mapping[str, Any]] = {
    "AveragePool": {"kernel_shape": [2, 2]},
    "Cast": {"to": TensorProto.FLOAT},
    "Concat": {"axis": 1},
    "DepthToSpace": {"blocksize": 2},
    "Gather": {"axis": 1},
    "GatherElements": {"axis": 3},
    "LpPool": {"kernel_shape": [2, 2]},
    "MaxPool": {"kernel_shape": [2, 2]},
    "Mod": {"fmod": 1},
    "SpaceToDepth": {"blocksize": 2},
    "Split": {"axis": 1, "num_outputs": 2},
    "ThresholdedRelu": {"alpha": 0.2},
    "Transpose": {"perm": [0, 2, 3, 1]},
}
CHOOSES = ("Where", "And", "Or", "Xor", "Not")
"""Operators whose first operands are truth values."""

SECONDS = {"Concat"} | {row.name for row in ROWS if row.broadcasts}
SAMPLED = [
    row.name
    for row in ROWS
    if row.elementwise or row.moves or row.pools or row.copies_integers
]  # fmt: skip


@cache
def session(name: str, constant: bool) -> onnxruntime.InferenceSession:
    """Return a graph of one operator on `x`, and on `y` where it takes two images."""
    numbers = NUMBERS.get(name, ()) if constant or name not in SECONDS else ()
    inputs = ["x", "y"] if name in SECONDS and not numbers else ["x"]
    nodes = []
    if name in CHOOSES:
        nodes = [helper.make_node("Greater", [i, "half"], [f"{i}.true"]) for i in inputs]
        true = [f"{i}.true" for i in inputs]
        inputs = [true[0], *inputs] if name == "Where" else true
    initializers = [numpy_helper.from_array(np.float32(0.5), "half")]
    initializers += [numpy_helper.from_array(np.asarray(v), f"n{i}") for i, v in enumerate(numbers)]
    inputs += [f"n{i}" for i in range(len(numbers))]
    outputs = ["out", "rest"] if name == "Split" else ["out"]
    nodes.append(helper.make_node(name, inputs, outputs, **ATTRIBUTES.get(name, {})))
    kinds = [TensorProto.FLOAT, TensorProto.BOOL]
    kind = kinds[OPERATORS[name].logical]
    images = [helper.make_tensor_value_info(k, TensorProto.FLOAT, None) for k in ("x", "y")]
    output = helper.make_tensor_value_info("out", kind, None)
    graph = helper.make_graph(nodes, "one", images, [output], initializers)
    opset = 24 if name == "Swish" else 21
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    proto.ir_version = 10
    return onnxruntime.InferenceSession(proto.SerializeToString())


def computed(name: str, x: Any = IMAGE, y: Any = OTHER, *, constant: bool = True) -> Any:
    """Return what ONNX Runtime makes of images; a second one counts where there is no constant."""
    if name == "Swish":  # of opset 24, which ONNX Runtime does not know yet
        return x * (1 + np.tanh(x / 2)) / 2
    feed = {"x": np.asarray(x, np.float32), "y": np.asarray(y, np.float32)}
    return session(name, constant).run(None, feed)[0]


def those(trait: str) -> list[str]:
    return [row.name for row in ROWS if getattr(row, trait)]


def test_every_row_is_an_operator_of_onnx_and_says_what_it_is_called_once() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    assert set(OPERATORS) <= known
    assert len(ROWS) == len(OPERATORS)


@pytest.mark.parametrize("name", sorted(SAMPLED))
def test_an_operator_is_elementwise_where_the_table_says_so(name: str) -> None:
    places = np.ix_([0], [2, 0, 3, 1], [5, 3, 0, 1, 4, 2], [7, 1, 0, 2, 3, 6, 5, 4])
    before, after = computed(name), computed(name, IMAGE[places], OTHER[places])
    follows = before.shape == SIZE and np.array_equal(before[places], after, equal_nan=True)
    assert follows == OPERATORS[name].elementwise


@pytest.mark.parametrize("name", sorted({*SAMPLED} - LOGICAL))
def test_an_operator_is_homogeneous_where_the_table_says_so(name: str) -> None:
    one = signed(computed(name, IMAGE - 0.5, OTHER - 0.5, constant=False))
    two = signed(computed(name, 2 * IMAGE - 1, 2 * OTHER - 1, constant=False))
    if name in ("Cast", "CastLike", "Clip", "PRelu", "Pad", "Where"):
        return  # from float to float, without bounds, with slopes kept, and so on, it would be
    assert np.allclose(2 * one, two, atol=1e-6) == OPERATORS[name].homogeneous


def signed(values: Any) -> Any:
    return np.nan_to_num(np.asarray(values, np.float32), nan=3.0)


@pytest.mark.parametrize("name", sorted(SINGLE | {"Max", "Min", "PRelu"} - {"Dropout"}))
def test_an_operator_is_bounded_where_the_table_says_so(name: str) -> None:
    ends = computed(name, np.array(LARGE, np.float32).reshape(1, 1, 1, -1)).reshape(-1)
    ends = np.nan_to_num(np.asarray(ends, np.float64), nan=np.inf, posinf=np.inf, neginf=np.inf)
    rests = [bool(np.ptp(side) < 0.05) for side in (ends[:3], ends[3:]) if np.isfinite(side).all()]
    periodic = name in ("Cos", "Sin", "Tan") or OPERATORS[name].logical
    assert any(rests) == OPERATORS[name].bounded or periodic


@pytest.mark.parametrize("name", sorted({*those("moves")}))
def test_what_moves_returns_elements_of_its_operands_or_a_fill(name: str) -> None:
    result = computed(name, constant=False)
    assert set(result.reshape(-1)) <= {0.0, *IMAGE.reshape(-1), *OTHER.reshape(-1)}
    if OPERATORS[name].reshapes:
        assert np.array_equal(result.reshape(-1), IMAGE.reshape(-1))


@pytest.mark.parametrize("name", sorted({*those("copies_integers")} - {"ReduceMax", "ReduceMin"}))
def test_what_copies_integers_returns_no_others(name: str) -> None:
    result = computed(name, IMAGE, OTHER, constant=False)
    assert set(result.reshape(-1)) <= {0.0, *IMAGE.reshape(-1), *OTHER.reshape(-1)}


@pytest.mark.parametrize("name", sorted({*those("broadcasts")} - {"Mod"}))
def test_what_broadcasts_extends_either_operand(name: str) -> None:
    thin = OTHER[:, :, :1, :]
    assert computed(name, IMAGE, thin, constant=False).shape == SIZE
    assert computed(name, thin, IMAGE, constant=False).shape == SIZE
