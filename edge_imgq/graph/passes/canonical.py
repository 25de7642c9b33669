"""The forms that every target wants, whatever the network was written in: all phases, in order.

Each pass stands in a file of its own; none of them changes what the graph computes. A graph that is
quantized already is left as it is. `edge-imgq inspect MODEL --passes` shows which of them fired.
"""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from edge_imgq.graph.passes.affine_downward import affine_downward
from edge_imgq.graph.passes.affine_upward import affine_upward
from edge_imgq.graph.passes.attention import attention
from edge_imgq.graph.passes.batch_norm import batch_norm
from edge_imgq.graph.passes.block_writes import block_writes
from edge_imgq.graph.passes.chains import chains
from edge_imgq.graph.passes.channel_mean import channel_mean
from edge_imgq.graph.passes.channel_selection import channel_selection
from edge_imgq.graph.passes.clips import clips
from edge_imgq.graph.passes.collapse import collapse
from edge_imgq.graph.passes.constant_arithmetic import constant_arithmetic
from edge_imgq.graph.passes.cropped_deconvolution import cropped_deconvolution
from edge_imgq.graph.passes.cropping import cropping
from edge_imgq.graph.passes.cubic import cubic
from edge_imgq.graph.passes.deconvolution import deconvolution
from edge_imgq.graph.passes.deviations import deviations
from edge_imgq.graph.passes.duplicates import duplicates
from edge_imgq.graph.passes.edge_padding import edge_padding
from edge_imgq.graph.passes.einsum import einsum
from edge_imgq.graph.passes.explicit_pads import explicit_pads
from edge_imgq.graph.passes.few_axes import few_axes
from edge_imgq.graph.passes.flat_product import flat_product
from edge_imgq.graph.passes.flat_rows import flat_rows
from edge_imgq.graph.passes.folding import folding
from edge_imgq.graph.passes.gather import gather
from edge_imgq.graph.passes.gathered_pixels import gathered_pixels
from edge_imgq.graph.passes.halving import halving
from edge_imgq.graph.passes.hard_sigmoid import hard_sigmoid
from edge_imgq.graph.passes.image_statistics import image_statistics
from edge_imgq.graph.passes.inert import inert
from edge_imgq.graph.passes.log_sums import log_sums
from edge_imgq.graph.passes.mirrored_clips import mirrored_clips
from edge_imgq.graph.passes.normalisation import normalisation
from edge_imgq.graph.passes.normalised_trunk import normalised_trunk
from edge_imgq.graph.passes.pixel_ends import pixel_ends
from edge_imgq.graph.passes.plain_products import plain_products
from edge_imgq.graph.passes.pooled_product import pooled_product
from edge_imgq.graph.passes.rare_activations import rare_activations
from edge_imgq.graph.passes.reductions import reductions
from edge_imgq.graph.passes.regrouped import regrouped
from edge_imgq.graph.passes.repetition import repetition
from edge_imgq.graph.passes.reshapes import reshapes
from edge_imgq.graph.passes.shifted_image import shifted_image
from edge_imgq.graph.passes.single_axis import single_axis
from edge_imgq.graph.passes.sliced_layers import sliced_layers
from edge_imgq.graph.passes.spelled_choice import spelled_choice
from edge_imgq.graph.passes.spelled_gelu import spelled_gelu
from edge_imgq.graph.passes.spelled_phases import spelled_phases
from edge_imgq.graph.passes.spelled_prelu import spelled_prelu
from edge_imgq.graph.passes.spelled_resize import joined_resizes, spelled_resize
from edge_imgq.graph.passes.spelled_shuffle import spelled_shuffle
from edge_imgq.graph.passes.spread_norm import spread_norm
from edge_imgq.graph.passes.sum_chains import sum_chains
from edge_imgq.graph.passes.summed_area import summed_area
from edge_imgq.graph.passes.tone_curves import tone_curves
from edge_imgq.graph.passes.transpositions import transpositions
from edge_imgq.graph.passes.unfolded import unfolded
from edge_imgq.graph.phases import Entry, Phase, Repeated, Watcher, apply_phases

TIDY = Phase(
    "tidy",
    "nothing stands twice, does nothing, or takes more than two operands",
    (
        Entry(explicit_pads, "padding is numbers, which all that follow read"),
        Entry(cropping, "a cut is a Slice, which others know"),
        Entry(inert, "what does nothing hides what stands beside it"),
        Entry(duplicates, "equal operands are then one value"),
        Entry(chains, "sums and extremes have two operands"),
        Entry(reshapes, "a layout has one reshape"),
    ),
)

RECOGNISE = Phase(
    "recognise",
    "what several nodes spell is the operator that it means",
    (
        Entry(unfolded, "gathers of neighbourhoods are a convolution"),
        Entry(folding, "Col2Im is a transposed convolution"),
        Entry(summed_area, "differences of cumulative sums are a mean"),
        Entry(single_axis, "windows along one axis are windows of an image"),
        Entry(spelled_phases, "strided slices are a pixel shuffle"),
        Entry(plain_products, "Gemm, MatMul and PRelu have their plain form"),
        Entry(spelled_shuffle, "reshapes are a pixel shuffle", after=(reshapes,)),
        Repeated(
            (
                Entry(spelled_resize, "copies of rows and columns are a Resize"),
                Entry(reshapes, "what a Resize leaves behind is merged"),
            ),
            "a merged reshape shows the copies of the other axis",
        ),
        Entry(repetition, "repeated channels are a Concat", after=(spelled_resize,)),
        Entry(gather, "tables that count up are slices"),
        Entry(gathered_pixels, "tables of neighbours are a Resize", after=(gather,)),
        Entry(block_writes, "ScatterND of a block is a Concat", after=(spelled_phases,)),
        Entry(channel_selection, "other tables are convolutions", after=(gather, gathered_pixels)),
        Entry(spelled_gelu, "products with erf or tanh are a Gelu"),
        Entry(spelled_choice, "a choice by sign is an activation"),
        Entry(einsum, "letters are products, sums and transpositions"),
        Entry(rare_activations, "rare ones are common ones", after=(spelled_choice,)),
        Entry(log_sums, "logarithms of sums, and norms by name, are sums and norms"),
        Entry(reductions, "sums and norms are means", after=(einsum, log_sums)),
    ),
)

NORMALISE = Phase(
    "normalise",
    "norms are means and variances, and images lie channels first",
    (
        Entry(spread_norm, "a norm that was multiplied out is gathered", after=(reductions,)),
        Entry(
            normalisation,
            "a division that ends a norm belongs to it, and transpositions would move between",
            after=(spread_norm,),
        ),
        Entry(regrouped, "groups that constants do not need vanish", after=(normalisation,)),
        Entry(flat_rows, "products of rows are products of images"),
        Entry(flat_product, "products need no flattening"),
        Repeated(
            (
                Entry(transpositions, "they meet and cancel", after=(flat_rows, flat_product)),
                Entry(few_axes, "a transposition has few axes"),
                Entry(reshapes, "reshapes that transpositions left side by side are merged"),
            ),
            "transpositions meet once more where reshapes stood between them",
        ),
        Entry(joined_resizes, "resizes of both axes are one", after=(transpositions,)),
        Entry(normalisation, "transpositions hid some norms", after=(transpositions,)),
    ),
)

PROTECT = Phase(
    "protect",
    "what must stay float together is marked before anything moves into it",
    (
        Entry(deviations, "a deviation and what it divides", after=(normalisation,)),
        Entry(attention, "scores and weights of attention", after=(transpositions,)),
    ),
)

EXPRESS = Phase(
    "express",
    "operators that some target lacks are those that all have",
    (
        Entry(channel_mean, "a mean over channels is a convolution", after=(normalisation,)),
        Entry(batch_norm, "an affine per channel is a convolution"),
        Entry(cropped_deconvolution, "a slice behind one is its padding"),
        Entry(deconvolution, "dilated ones are plain", after=(cropped_deconvolution,)),
        Entry(constant_arithmetic, "a division is a product", after=(normalisation, deviations)),
        Entry(hard_sigmoid, "a line that is clipped"),
        Entry(clips, "clippings meet", after=(hard_sigmoid,)),
        Entry(spelled_prelu, "sums of rectifiers are a PRelu", after=(clips,)),
        Entry(halving, "shrinking to half is a mean", after=(joined_resizes,)),
        Entry(cubic, "cubic enlarging is a convolution", after=(joined_resizes,)),
        Entry(edge_padding, "edges are slices", after=(cubic,)),
        Entry(pooled_product, "products of vectors are convolutions", after=(attention,)),
    ),
)

FOLD = Phase(
    "fold",
    "constants and linear branches are inside convolutions",
    (
        Entry(pixel_ends, "the range of pixels, at both ends at once"),
        Entry(affine_upward, "into the convolution before", after=(batch_norm, pixel_ends)),
        Entry(affine_downward, "else into those behind", after=(affine_upward,)),
        Entry(mirrored_clips, "two rectifiers are a clipping", after=(clips, affine_downward)),
        Entry(sliced_layers, "channels that nobody reads are not computed"),
        Entry(
            collapse,
            "branches are one convolution",
            after=(affine_upward, affine_downward, mirrored_clips, sliced_layers),
        ),
    ),
)

MARK = Phase(
    "mark",
    "what eight bits cannot hold is marked, now that nothing changes around it",
    (
        Entry(tone_curves, "curves and the arithmetic between them", after=(collapse,)),
        Entry(image_statistics, "variances of an image", after=(collapse,)),
        Entry(normalised_trunk, "sums that norms read", after=(collapse,)),
        Entry(sum_chains, "sums of many tensors round once", after=(collapse,)),
        Entry(shifted_image, "a shifted image has no levels", after=(affine_downward,)),
    ),
)

PHASES = (TIDY, RECOGNISE, NORMALISE, PROTECT, EXPRESS, FOLD, MARK)


def canonical(model: ir.Model, watcher: Watcher | None = None) -> int:
    """Apply every phase, then infer the shapes of what they made.

    Args:
        model: changed in place.
        watcher: told of each phase.

    Returns:
        The number of rewritings.
    """
    if any(node.op_type == "DequantizeLinear" for node in model.graph):
        return 0
    count = sum(record.count for record in apply_phases(model, PHASES, watcher))
    if count:
        ShapeInferencePass()(model)
    return count
