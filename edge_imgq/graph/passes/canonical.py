"""The canonical form of a graph: all phases that every target runs, in order.

The passes are exact in real numbers, with the exceptions that their docstrings name. Where one
reorders float32 arithmetic, its docstring says so. A graph that is already quantized stays
unchanged. `edge-imgq inspect MODEL --passes` lists the passes that rewrote something.
"""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from edge_imgq.graph.pass_pipeline import Phase, PipelineEntry, Repeated, Watcher, apply_phases
from edge_imgq.graph.passes.express.batch_norm_to_conv import batch_norm_to_conv
from edge_imgq.graph.passes.express.channel_mean_to_conv import channel_mean_to_conv
from edge_imgq.graph.passes.express.cubic_upsample_to_conv import cubic_upsample_to_conv
from edge_imgq.graph.passes.express.decompose_hard_sigmoid import decompose_hard_sigmoid
from edge_imgq.graph.passes.express.divide_to_multiply import divide_to_multiply
from edge_imgq.graph.passes.express.downsample2_to_avgpool import downsample2_to_avgpool
from edge_imgq.graph.passes.express.edge_pad_to_concat import edge_pad_to_concat
from edge_imgq.graph.passes.express.fold_slice_into_deconv import fold_slice_into_deconv
from edge_imgq.graph.passes.express.fuse_prelu import fuse_prelu
from edge_imgq.graph.passes.express.merge_clips import merge_clips
from edge_imgq.graph.passes.express.normalize_deconv import normalize_deconv
from edge_imgq.graph.passes.express.pooled_matmul_to_conv import pooled_matmul_to_conv
from edge_imgq.graph.passes.fold.fold_affine_into_consumer import fold_affine_into_consumer
from edge_imgq.graph.passes.fold.fold_affine_into_producer import fold_affine_into_producer
from edge_imgq.graph.passes.fold.fold_pixel_range import fold_pixel_range
from edge_imgq.graph.passes.fold.fuse_mirrored_clips import fuse_mirrored_clips
from edge_imgq.graph.passes.fold.prune_sliced_conv import prune_sliced_conv
from edge_imgq.graph.passes.fold.reparameterize import reparameterize
from edge_imgq.graph.passes.mark.mark_normalised_trunk_float import mark_normalised_trunk_float
from edge_imgq.graph.passes.mark.mark_shifted_image_float import mark_shifted_image_float
from edge_imgq.graph.passes.mark.mark_shrunk_image_float import mark_shrunk_image_float
from edge_imgq.graph.passes.mark.mark_sum_chains_float import mark_sum_chains_float
from edge_imgq.graph.passes.mark.mark_tone_curves_float import mark_tone_curves_float
from edge_imgq.graph.passes.mark.mark_variance_float import mark_variance_float
from edge_imgq.graph.passes.normalise.decompose_norm import decompose_norm
from edge_imgq.graph.passes.normalise.fuse_expanded_norm import fuse_expanded_norm
from edge_imgq.graph.passes.normalise.lift_gemm_over_reshape import lift_gemm_over_reshape
from edge_imgq.graph.passes.normalise.lift_over_group_reshape import lift_over_group_reshape
from edge_imgq.graph.passes.normalise.merge_transpose_axes import merge_transpose_axes
from edge_imgq.graph.passes.normalise.reduce_transposes import reduce_transposes
from edge_imgq.graph.passes.normalise.unflatten_matmul import unflatten_matmul
from edge_imgq.graph.passes.protect.mark_attention_float import mark_attention_float
from edge_imgq.graph.passes.protect.mark_std_float import mark_std_float
from edge_imgq.graph.passes.recognise.col2im_to_deconv import col2im_to_deconv
from edge_imgq.graph.passes.recognise.conv1d_to_conv2d import conv1d_to_conv2d
from edge_imgq.graph.passes.recognise.cumsum_to_avgpool import cumsum_to_avgpool
from edge_imgq.graph.passes.recognise.decompose_activations import decompose_activations
from edge_imgq.graph.passes.recognise.decompose_einsum import decompose_einsum
from edge_imgq.graph.passes.recognise.decompose_log_sums import decompose_log_sums
from edge_imgq.graph.passes.recognise.fuse_gelu import fuse_gelu
from edge_imgq.graph.passes.recognise.fuse_nearest_resize import fuse_nearest_resize, joined_resizes
from edge_imgq.graph.passes.recognise.fuse_pixel_shuffle import fuse_pixel_shuffle
from edge_imgq.graph.passes.recognise.fuse_space_to_depth import fuse_space_to_depth
from edge_imgq.graph.passes.recognise.fuse_where_activation import fuse_where_activation
from edge_imgq.graph.passes.recognise.gather_to_conv import gather_to_conv
from edge_imgq.graph.passes.recognise.gather_to_resize import gather_to_resize
from edge_imgq.graph.passes.recognise.gather_to_slice import gather_to_slice
from edge_imgq.graph.passes.recognise.normalize_gemm import normalize_gemm
from edge_imgq.graph.passes.recognise.reduce_to_mean import reduce_to_mean
from edge_imgq.graph.passes.recognise.scatter_to_concat import scatter_to_concat
from edge_imgq.graph.passes.recognise.tile_to_concat import tile_to_concat
from edge_imgq.graph.passes.recognise.unfold_to_conv import unfold_to_conv
from edge_imgq.graph.passes.tidy.common_subexpression import common_subexpression
from edge_imgq.graph.passes.tidy.merge_reshapes import merge_reshapes
from edge_imgq.graph.passes.tidy.negative_pad_to_slice import negative_pad_to_slice
from edge_imgq.graph.passes.tidy.noop_elimination import noop_elimination
from edge_imgq.graph.passes.tidy.resolve_auto_pad import resolve_auto_pad
from edge_imgq.graph.passes.tidy.split_variadic import split_variadic

TIDY = Phase(
    "tidy",
    "nothing stands twice, does nothing, or takes more than two operands",
    (
        PipelineEntry(resolve_auto_pad, "padding is numbers, which all that follow read"),
        PipelineEntry(negative_pad_to_slice, "a cut is a Slice, which others know"),
        PipelineEntry(noop_elimination, "what does nothing hides what stands beside it"),
        PipelineEntry(common_subexpression, "equal operands are then one value"),
        PipelineEntry(split_variadic, "sums and extremes have two operands"),
        PipelineEntry(merge_reshapes, "a layout has one reshape"),
    ),
)

RECOGNISE = Phase(
    "recognise",
    "what several nodes spell is the operator that it means",
    (
        PipelineEntry(unfold_to_conv, "gathers of neighbourhoods are a convolution"),
        PipelineEntry(col2im_to_deconv, "Col2Im is a transposed convolution"),
        PipelineEntry(cumsum_to_avgpool, "differences of cumulative sums are a mean"),
        PipelineEntry(conv1d_to_conv2d, "windows along one axis are windows of an image"),
        PipelineEntry(fuse_space_to_depth, "strided slices are a pixel shuffle"),
        PipelineEntry(normalize_gemm, "Gemm, MatMul and PRelu have their plain form"),
        PipelineEntry(fuse_pixel_shuffle, "reshapes are a pixel shuffle", after=(merge_reshapes,)),
        Repeated(
            (
                PipelineEntry(fuse_nearest_resize, "copies of rows and columns are a Resize"),
                PipelineEntry(merge_reshapes, "what a Resize leaves behind is merged"),
            ),
            "a merged reshape shows the copies of the other axis",
        ),
        PipelineEntry(
            tile_to_concat, "repeated channels are a Concat", after=(fuse_nearest_resize,)
        ),
        PipelineEntry(gather_to_slice, "tables that count up are slices"),
        PipelineEntry(
            gather_to_resize, "tables of neighbours are a Resize", after=(gather_to_slice,)
        ),
        PipelineEntry(
            scatter_to_concat, "ScatterND of a block is a Concat", after=(fuse_space_to_depth,)
        ),
        PipelineEntry(
            gather_to_conv,
            "other tables are convolutions",
            after=(gather_to_slice, gather_to_resize),
        ),
        PipelineEntry(fuse_gelu, "products with erf or tanh are a Gelu"),
        PipelineEntry(fuse_where_activation, "a choice by sign is an activation"),
        PipelineEntry(decompose_einsum, "letters are products, sums and transpositions"),
        PipelineEntry(
            decompose_activations, "rare ones are common ones", after=(fuse_where_activation,)
        ),
        PipelineEntry(
            decompose_log_sums, "logarithms of sums, and norms by name, are sums and norms"
        ),
        PipelineEntry(
            reduce_to_mean, "sums and norms are means", after=(decompose_einsum, decompose_log_sums)
        ),
    ),
)

NORMALISE = Phase(
    "normalise",
    "norms are means and variances, and images lie channels first",
    (
        PipelineEntry(
            fuse_expanded_norm,
            "a norm that was multiplied out is gathered",
            after=(reduce_to_mean,),
        ),
        PipelineEntry(
            decompose_norm,
            "a division that ends a norm belongs to it, and transpositions would move between",
            after=(fuse_expanded_norm,),
        ),
        PipelineEntry(
            lift_over_group_reshape,
            "groups that constants do not need vanish",
            after=(decompose_norm,),
        ),
        PipelineEntry(lift_gemm_over_reshape, "products of rows are products of images"),
        PipelineEntry(unflatten_matmul, "products need no flattening"),
        Repeated(
            (
                PipelineEntry(
                    reduce_transposes,
                    "they meet and cancel",
                    after=(lift_gemm_over_reshape, unflatten_matmul),
                ),
                PipelineEntry(merge_transpose_axes, "a transposition has few axes"),
                PipelineEntry(
                    merge_reshapes, "reshapes that transpositions left side by side are merged"
                ),
            ),
            "transpositions meet once more where reshapes stood between them",
        ),
        PipelineEntry(joined_resizes, "resizes of both axes are one", after=(reduce_transposes,)),
        PipelineEntry(decompose_norm, "transpositions hid some norms", after=(reduce_transposes,)),
    ),
)

PROTECT = Phase(
    "protect",
    "what must stay float together is marked before anything moves into it",
    (
        PipelineEntry(mark_std_float, "a deviation and what it divides", after=(decompose_norm,)),
        PipelineEntry(
            mark_attention_float, "scores and weights of attention", after=(reduce_transposes,)
        ),
    ),
)

EXPRESS = Phase(
    "express",
    "operators that some target lacks are those that all have",
    (
        PipelineEntry(
            channel_mean_to_conv, "a mean over channels is a convolution", after=(decompose_norm,)
        ),
        PipelineEntry(batch_norm_to_conv, "an affine per channel is a convolution"),
        PipelineEntry(fold_slice_into_deconv, "a slice after one is its padding"),
        PipelineEntry(normalize_deconv, "dilated ones are plain", after=(fold_slice_into_deconv,)),
        PipelineEntry(
            divide_to_multiply, "a division is a product", after=(decompose_norm, mark_std_float)
        ),
        PipelineEntry(decompose_hard_sigmoid, "a line that is clipped"),
        PipelineEntry(merge_clips, "clippings meet", after=(decompose_hard_sigmoid,)),
        PipelineEntry(fuse_prelu, "sums of rectifiers are a PRelu", after=(merge_clips,)),
        PipelineEntry(
            downsample2_to_avgpool, "shrinking to half is a mean", after=(joined_resizes,)
        ),
        PipelineEntry(
            cubic_upsample_to_conv, "cubic enlarging is a convolution", after=(joined_resizes,)
        ),
        PipelineEntry(edge_pad_to_concat, "edges are slices", after=(cubic_upsample_to_conv,)),
        PipelineEntry(
            pooled_matmul_to_conv,
            "products of vectors are convolutions",
            after=(mark_attention_float,),
        ),
    ),
)

FOLD = Phase(
    "fold",
    "constants and linear branches are inside convolutions",
    (
        PipelineEntry(fold_pixel_range, "the range of pixels, at both ends at once"),
        PipelineEntry(
            fold_affine_into_producer,
            "into the convolution before",
            after=(batch_norm_to_conv, fold_pixel_range),
        ),
        PipelineEntry(
            fold_affine_into_consumer,
            "else into the following layers",
            after=(fold_affine_into_producer,),
        ),
        PipelineEntry(
            fuse_mirrored_clips,
            "two rectifiers are a clipping",
            after=(merge_clips, fold_affine_into_consumer),
        ),
        PipelineEntry(prune_sliced_conv, "channels that nobody reads are not computed"),
        PipelineEntry(
            reparameterize,
            "branches are one convolution",
            after=(
                fold_affine_into_producer,
                fold_affine_into_consumer,
                fuse_mirrored_clips,
                prune_sliced_conv,
            ),
        ),
    ),
)

MARK = Phase(
    "mark",
    "what eight bits cannot hold is marked, now that nothing changes around it",
    (
        PipelineEntry(
            mark_tone_curves_float,
            "curves and the arithmetic between them",
            after=(reparameterize,),
        ),
        PipelineEntry(mark_variance_float, "variances of an image", after=(reparameterize,)),
        PipelineEntry(mark_normalised_trunk_float, "sums that norms read", after=(reparameterize,)),
        PipelineEntry(
            mark_sum_chains_float, "sums of many tensors round once", after=(reparameterize,)
        ),
        PipelineEntry(
            mark_shifted_image_float,
            "a shifted image has no levels",
            after=(fold_affine_into_consumer,),
        ),
        PipelineEntry(
            mark_shrunk_image_float, "nor has a shrunk one", after=(fold_affine_into_consumer,)
        ),
    ),
)

PHASES = (TIDY, RECOGNISE, NORMALISE, PROTECT, EXPRESS, FOLD, MARK)


def canonical(model: ir.Model, watcher: Watcher | None = None) -> int:
    """Rewrite a float graph into the form that all formats are written from.

    It applies every phase of PHASES in order, then infers the shapes of the new nodes. The graph
    computes the same function up to the rounding of float32. A graph with a DequantizeLinear node
    stays unchanged.

    Args:
        model: edited in place.
        watcher: called after each phase with the phase's record and the model.

    Returns:
        The number of rewrites.
    """
    if any(node.op_type == "DequantizeLinear" for node in model.graph):
        return 0
    count = sum(record.count for record in apply_phases(model, PHASES, watcher))
    if count:
        ShapeInferencePass()(model)
    return count
