"""Every table of functions has what some target lowers, or says why it leaves it out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

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
from edge_imgq.graph.operators import MOVING, OPERATORS, WEIGHT_AXIS
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
    "dynamic shape": dynamic_shape.FREE | dynamic_shape.CONDITIONS.keys(),
    "reduce transposes": reduce_transposes.TRANSPOSE_MOVES,
    "CRD to DCR": crd_to_dcr.CHANNEL_PERMUTATIONS,
    "hoist activation": hoist_activation.ACTIVATIONS,
    "fold affine into producer": fold_affine_into_producer.FOLDS,
    "fold affine into consumer": fold_affine_into_consumer.FOLDS,
    "mark tone curves float": mark_tone_curves_float.ARITHMETIC,
    "saturating activations": saturating_activations.POINTWISE | saturating_activations.MOVED,
    "channel equivalence": channel_equivalence.CHANNELWISE
    | channel_equivalence.JOINING
    | WEIGHT_AXIS.keys(),
    "tie-free scales": tie_free_scales.SCALE_CHOICES.keys()
    | scale_constraints.SHARED_SCALE
    | X86_VNNI.no_integer_kernel,
    "kernel profile": X86_VNNI.times.float32.elements.keys()
    | {*operation_time.POOLING, *operation_time.REDUCTIONS, *operation_time.FREE, *MOVING}
    | {"Conv", "ConvTranspose", "Resize"},
    "Winograd region": winograd_region.BY_PIXEL,
    "Core ML fp16 scaling": FORECASTS,
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
    "dynamic shape": {
        "its constants may be, or follow from, the height and width": "Expand Reshape Tile",
        "may lay a whole image in a row": "Flatten",
        "may weight every pixel of an image": "Gemm",
    },
    "reduce transposes": {
        "its axes are channels first by definition": (
            "AveragePool Conv ConvTranspose DepthToSpace GlobalAveragePool MaxPool SpaceToDepth"
        ),
        "takes matrices": "Gemm",
        "goes by the order of elements in memory, or changes the rank": (
            "Expand Flatten Reshape Squeeze Tile Unsqueeze"
        ),
    },
    "CRD to DCR": {
        "the order may follow from no layer through it that pays for a search": f"{MOVED} {JOINED} "
        "ConvTranspose Gemm Pad Resize",
    },
    "hoist activation": {
        "no function of one number": f"{MOVED} {JOINED} {LAYERS} Add Concat Div Max Min Mul Pad "
        "Pow Resize Sub Where Dropout Identity",
        "truth values, or a type": f"{TRUTHS} Cast",
    },
    "fold affine into producer": {
        "no factor or offset passes it": f"Abs {CURVED} {TRUTHS} Cast MatMul Softmax Where",
        "only one of two images would have it": "Div Max Min",
        "an affine itself, which meets the other": "Neg",
        "a matrix product, whose columns would have it": "Gemm",
        "no image has an affine after it there": (
            "Dropout Expand Flatten Identity ReduceMax ReduceMean ReduceMin Reshape Slice "
            "SpaceToDepth Split Squeeze Tile Transpose Unsqueeze"
        ),
    },
    "fold affine into consumer": {
        "no factor or offset passes it": f"Abs {CURVED} {TRUTHS} Cast Clip MatMul Softmax Where",
        "only one of two images would have it": "Add Div Max Min Mul Sub",
        "an affine itself, which meets the other": "Neg",
        "a matrix product, whose rows would have it": "Gemm",
        "no image has an affine before it there": (
            "Dropout Expand Flatten Identity ReduceMax ReduceMean ReduceMin Reshape Slice "
            "Split Squeeze Tile Transpose Unsqueeze"
        ),
    },
    "mark tone curves float": {
        "a layer, or what ends one": f"{LAYERS} {JOINED} Elu Erf Gelu HardSigmoid HardSwish "
        "LeakyRelu PRelu Sigmoid Tanh",
        "copies integers": f"{MOVED} Concat Dropout Identity Pad Resize",
    },
    "saturating activations": {
        "joins several numbers": f"{LAYERS} {JOINED} Concat Resize",
        "puts a number beside others": "Pad",
    },
    "channel equivalence": {
        "scales no channel by itself": f"{CURVED} {TRUTHS} Cast Div Gemm MatMul Mul Softmax Where",
        "scales where its constants allow it": "Clip Concat PRelu Pad Resize",
        "mixes or moves channels by its axes": f"{MOVED} ReduceMax ReduceMean ReduceMin",
    },
    "tie-free scales": {
        "rounds sums of products, and where these tie is not known": LAYERS,
        "its output's scale is fixed": "Sigmoid Tanh",
        "a pass writes it as a clipped line": "HardSigmoid",
    },
    "kernel profile": {
        "fused into a layer before it as a rule": "Clip Relu",
        "was not measured, and counts as others do": (
            f"{TRUTHS} Ceil Cos Erf Floor Gemm HardSigmoid Log MatMul Neg Pow Reciprocal Round "
            "Sign Sin Softmax Sqrt Where"
        ),
    },
    "Winograd region": {
        "a convolution that copies rows cannot copy truth values": f"{TRUTHS} Cast Where",
        "has a form of its own there": "Conv",
        "reads more than a row, or other rows": (f"{MOVED} {JOINED} ConvTranspose Gemm Pad Resize"),
    },
    "Core ML fp16 scaling": {
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
    assert {"TFLite", "Core ML", "ncnn", "torch", "tie-free scales"} <= without
    lacking = {c for c in CONSUMERS if missing(c, {*LOWERED, "Softsign"}) == {"Softsign"}}
    assert lacking == without


def test_whatever_a_target_lowers_has_a_row() -> None:
    own = {DEQUANTIZE, REQUANTIZE, CENTRED, INVERSE_DEVIATION, ROUNDED}
    assert (set(TFLITE) | set(COREML) | set(NCNN)) - OPERATORS.keys() == own
    assert all(set(table) <= {*OPERATORS, *own} for table in CONSUMERS.values())
