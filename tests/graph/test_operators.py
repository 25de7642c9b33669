"""The table of operators, against ONNX Runtime; and every consumer of it, against all targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.export.coreml.fp16_scaling import FORECASTS
from edge_imgq.export.coreml.lowerings import LOWERINGS as COREML
from edge_imgq.export.coreml.mean_subtraction import CENTRED
from edge_imgq.export.coreml.norm_fp16_range import INVERSE_DEVIATION
from edge_imgq.export.coreml.rounded_statistics import ROUNDED
from edge_imgq.export.ncnn.lowerings import LOWERINGS as NCNN
from edge_imgq.export.tflite.float_fallback import DEQUANTIZE
from edge_imgq.export.tflite.kernel_rewrites import winograd_region
from edge_imgq.export.tflite.lowerings import LOWERINGS as TFLITE
from edge_imgq.graph.cost import operation_time
from edge_imgq.graph.load import dynamic_shape
from edge_imgq.graph.network import REQUANTIZE
from edge_imgq.graph.operators import LOGICAL, MOVING, OPERATORS, ROWS, SINGLE, WEIGHT_AXIS
from edge_imgq.graph.passes.by_name import crd_to_dcr, hoist_activation
from edge_imgq.graph.passes.fold import fold_affine_into_consumer, fold_affine_into_producer
from edge_imgq.graph.passes.mark import mark_tone_curves_float
from edge_imgq.graph.passes.normalise import reduce_transposes
from edge_imgq.graph.receptive_field import row_rules as seen
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.ranges import saturating_activations
from edge_imgq.quantize.scales import scale_constraints, tie_free_scales
from edge_imgq.quantize.steps import channel_equivalence
from edge_imgq.quantize.torch.torch_operators import OPERATORS as TORCH

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
        return x / (1 + np.exp(-x))
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


TRUTHS = "And Equal Greater GreaterOrEqual Less LessOrEqual Not Or Xor"
MOVED = (
    "DepthToSpace Expand Flatten Reshape Slice SpaceToDepth Split Squeeze Tile Transpose Unsqueeze"
)
CURVED = (
    "Ceil Cos Elu Erf Exp Floor Gelu HardSigmoid HardSwish Log Pow Reciprocal Round Sigmoid Sign "
    "Sin Sqrt Tanh"
)
JOINED = "AveragePool GlobalAveragePool MatMul MaxPool ReduceMax ReduceMean ReduceMin Softmax"
LAYERS = "Conv ConvTranspose Gemm"

CONSUMERS: Mapping[str, Collection[str]] = {
    "TFLite": TFLITE,
    "Core ML": COREML,
    "ncnn": NCNN,
    "torch": TORCH,
    "receptive field": seen.KNOWN,
    "reopening": dynamic_shape.FREE | dynamic_shape.CONDITIONS.keys(),
    "transpositions": reduce_transposes.RULES,
    "shuffle order": crd_to_dcr.RULES,
    "early activation": hoist_activation.ACTIVATIONS,
    "affine upward": fold_affine_into_producer.RULES,
    "affine downward": fold_affine_into_consumer.RULES,
    "tone curves": mark_tone_curves_float.ARITHMETIC,
    "saturation": saturating_activations.POINTWISE | saturating_activations.MOVED,
    "channels": channel_equivalence.CHANNELWISE | channel_equivalence.JOINING | WEIGHT_AXIS.keys(),
    "ties": tie_free_scales.RULES.keys()
    | scale_constraints.SHARED_SCALE
    | X86_VNNI.no_integer_kernel,
    "kernel profile": X86_VNNI.times.float32.elements.keys()
    | {*operation_time.POOLING, *operation_time.REDUCTIONS, *operation_time.FREE, *MOVING}
    | {"Conv", "ConvTranspose", "Resize"},
    "even and odd rows": winograd_region.BY_PIXEL,
    "steps of Core ML": FORECASTS,
}
"""Tables that say something of each operator."""

NOT_COVERED: Mapping[str, Mapping[str, str]] = {
    "TFLite": {"a pass writes it as a clipped line": "HardSigmoid"},
    "Core ML": {},
    "ncnn": {
        "ncnn has no truth values, and nothing that chooses by them": (
            "And Cast Equal Greater GreaterOrEqual Less LessOrEqual Not Or Where Xor"
        ),
        "ncnn has no layer for it": "Sign",
        "which way ncnn's layer rounds a half is not documented": "Round",
    },
    "torch": {},
    "receptive field": {},
    "reopening": {
        "its constants may be, or follow from, the height and width": "Expand Reshape Tile",
        "may lay a whole image in a row": "Flatten",
        "may weight every pixel of an image": "Gemm",
    },
    "transpositions": {
        "its axes are channels first by definition": (
            "AveragePool Conv ConvTranspose DepthToSpace GlobalAveragePool MaxPool SpaceToDepth"
        ),
        "takes matrices": "Gemm",
        "goes by the order of elements in memory, or changes the rank": (
            "Expand Flatten Reshape Squeeze Tile Unsqueeze"
        ),
    },
    "shuffle order": {
        "the order may follow from no layer through it that pays for a search": f"{MOVED} {JOINED} "
        "ConvTranspose Gemm Pad Resize",
    },
    "early activation": {
        "no function of one number": f"{MOVED} {JOINED} {LAYERS} Add Concat Div Max Min Mul Pad "
        "Pow Resize Sub Where Dropout Identity",
        "truth values, or a type": f"{TRUTHS} Cast",
    },
    "affine upward": {
        "no factor or offset passes it": f"Abs {CURVED} {TRUTHS} Cast MatMul Softmax Where",
        "only one of two images would have it": "Div Max Min",
        "an affine itself, which meets the other": "Neg",
        "a matrix product, whose columns would have it": "Gemm",
        "no image has an affine behind it there": (
            "Dropout Expand Flatten Identity ReduceMax ReduceMean ReduceMin Reshape Slice "
            "SpaceToDepth Split Squeeze Tile Transpose Unsqueeze"
        ),
    },
    "affine downward": {
        "no factor or offset passes it": f"Abs {CURVED} {TRUTHS} Cast Clip MatMul Softmax Where",
        "only one of two images would have it": "Add Div Max Min Mul Sub",
        "an affine itself, which meets the other": "Neg",
        "a matrix product, whose rows would have it": "Gemm",
        "no image has an affine before it there": (
            "Dropout Expand Flatten Identity ReduceMax ReduceMean ReduceMin Reshape Slice "
            "Split Squeeze Tile Transpose Unsqueeze"
        ),
    },
    "tone curves": {
        "a layer, or what ends one": f"{LAYERS} {JOINED} Elu Erf Gelu HardSigmoid HardSwish "
        "LeakyRelu PRelu Sigmoid Tanh",
        "copies integers": f"{MOVED} Concat Dropout Identity Pad Resize",
    },
    "saturation": {
        "joins several numbers": f"{LAYERS} {JOINED} Concat Resize",
        "puts a number beside others": "Pad",
    },
    "channels": {
        "scales no channel by itself": f"{CURVED} {TRUTHS} Cast Div Gemm MatMul Mul Softmax Where",
        "scales where its constants allow it": "Clip Concat PRelu Pad Resize",
        "mixes or moves channels by its axes": f"{MOVED} ReduceMax ReduceMean ReduceMin",
    },
    "ties": {
        "rounds sums of products, and where these tie is not known": LAYERS,
        "its output's scale is fixed": "Sigmoid Tanh",
        "a pass writes it as a clipped line": "HardSigmoid",
        "of statistics, in float": "Round",
    },
    "kernel profile": {
        "fused into a layer before it as a rule": "Clip Relu",
        "was not measured, and counts as others do": (
            f"{TRUTHS} Ceil Cos Erf Floor Gemm HardSigmoid Log MatMul Neg Pow Reciprocal Round "
            "Sign Sin Softmax Sqrt Where"
        ),
    },
    "even and odd rows": {
        "a convolution that copies rows cannot copy truth values": f"{TRUTHS} Cast Where",
        "has a form of its own there": "Conv",
        "reads more than a row, or other rows": (f"{MOVED} {JOINED} ConvTranspose Gemm Pad Resize"),
    },
    "steps of Core ML": {
        "computes in float there": (
            f"Abs {CURVED} {TRUTHS} Cast Div Gemm MatMul PRelu Softmax Where"
        ),
        "copies or chooses integers": (
            f"{MOVED} Concat Dropout Identity Max Min Neg Pad ReduceMax ReduceMin Resize"
        ),
    },
}
"""What a table says nothing of, by the reason."""

LOWERED = (set(TFLITE) | set(COREML) | set(NCNN)) & OPERATORS.keys()


def missing(consumer: str, lowered: Collection[str]) -> set[str]:
    """Return what a table neither covers nor names as left out."""
    left_out = {name for names in NOT_COVERED[consumer].values() for name in names.split()}
    return set(lowered) - set(CONSUMERS[consumer]) - left_out


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_table_covers_what_targets_lower_or_says_why_not(consumer: str) -> None:
    left_out = [name for names in NOT_COVERED[consumer].values() for name in names.split()]
    assert len(left_out) == len(set(left_out)), "given for two reasons"
    assert not set(left_out) & set(CONSUMERS[consumer]), "covered all the same"
    assert missing(consumer, LOWERED) == set()
    assert set(left_out) <= LOWERED, "no target lowers it"


def test_an_operator_that_a_target_lowers_anew_is_missing_from_every_table_without_it() -> None:
    without = {consumer for consumer, table in CONSUMERS.items() if "Softsign" not in table}
    assert {"TFLite", "Core ML", "ncnn", "torch", "ties"} <= without
    lacking = {c for c in CONSUMERS if missing(c, {*LOWERED, "Softsign"}) == {"Softsign"}}
    assert lacking == without


def test_whatever_a_target_lowers_has_a_row() -> None:
    own = {DEQUANTIZE, REQUANTIZE, CENTRED, INVERSE_DEVIATION, ROUNDED}
    assert (set(TFLITE) | set(COREML) | set(NCNN)) - OPERATORS.keys() == own
    assert all(set(table) <= {*OPERATORS, *own} for table in CONSUMERS.values())
