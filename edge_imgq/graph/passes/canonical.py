"""The forms that every target wants, whatever the network was written in.

Each part is a pass in a file of its own; none of them changes what the graph computes. A graph that
is quantized already is left as it is.
"""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass, ShapeInferencePass

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
from edge_imgq.graph.passes.single_axis import single_axis
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

PARTS = (
    cropping,
    inert,
    duplicates,
    chains,
    reshapes,
    unfolded,
    folding,
    summed_area,
    single_axis,
    spelled_phases,
    plain_products,
    spelled_shuffle,
    spelled_resize,
    reshapes,
    spelled_resize,
    repetition,
    gather,
    gathered_pixels,
    block_writes,
    channel_selection,
    spelled_gelu,
    spelled_choice,
    einsum,
    rare_activations,
    reductions,
    spread_norm,
    normalisation,
    regrouped,
    flat_rows,
    flat_product,
    transpositions,
    few_axes,
    reshapes,
    transpositions,
    joined_resizes,
    normalisation,
    deviations,
    attention,
    channel_mean,
    batch_norm,
    cropped_deconvolution,
    deconvolution,
    constant_arithmetic,
    hard_sigmoid,
    clips,
    spelled_prelu,
    halving,
    cubic,
    edge_padding,
    pooled_product,
    pixel_ends,
    affine_upward,
    affine_downward,
    collapse,
    tone_curves,
    image_statistics,
    normalised_trunk,
    sum_chains,
)  # fmt: skip
"""In this order: a division that ends a normalisation belongs to it, one between transpositions is
found before these move and one that they hid after; transpositions meet once more where reshapes
stood between them; factors fold into convolutions before these are merged; curves are marked when
nothing changes the arithmetic around them any more."""


def canonical(model: ir.Model) -> int:
    """Apply every part, then infer the shapes of what they made.

    Returns:
        The number of rewritings.
    """
    if any(node.op_type == "DequantizeLinear" for node in model.graph):
        return 0
    count = 0
    for part in PARTS:
        rewritten = part(model)
        if rewritten:
            RemoveUnusedNodesPass()(model)  # a dead reader would keep the next part from its value
        count += rewritten
    if count:
        ShapeInferencePass()(model)
    return count
