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
    "no node is repeated, has no effect or takes more than two operands",
    (
        PipelineEntry(resolve_auto_pad, "later passes read padding as numbers"),
        PipelineEntry(negative_pad_to_slice, "later passes know cropping as a Slice"),
        PipelineEntry(noop_elimination, "a node without effect hides patterns from later passes"),
        PipelineEntry(common_subexpression, "later passes compare operands by identity"),
        PipelineEntry(split_variadic, "later passes expect two operands"),
        PipelineEntry(merge_reshapes, "later passes match single reshapes"),
    ),
)

RECOGNISE = Phase(
    "recognise",
    "an operator that is written as several nodes is one node",
    (
        PipelineEntry(unfold_to_conv, "gathered windows become a convolution"),
        PipelineEntry(col2im_to_deconv, "Col2Im becomes a transposed convolution"),
        PipelineEntry(cumsum_to_avgpool, "differences of cumulative sums become a mean"),
        PipelineEntry(conv1d_to_conv2d, "formats have two-dimensional windows only"),
        PipelineEntry(fuse_space_to_depth, "strided slices become a pixel shuffle"),
        PipelineEntry(normalize_gemm, "later passes expect Gemm, MatMul and PRelu in one form"),
        PipelineEntry(
            fuse_pixel_shuffle,
            "a chain of reshapes becomes a pixel shuffle",
            after=(merge_reshapes,),
        ),
        Repeated(
            (
                PipelineEntry(fuse_nearest_resize, "repeated rows and columns become a Resize"),
                PipelineEntry(merge_reshapes, "reshapes around a new Resize are merged"),
            ),
            "the copies along the other axis show only after the merge",
        ),
        PipelineEntry(
            tile_to_concat, "repeated channels become a Concat", after=(fuse_nearest_resize,)
        ),
        PipelineEntry(gather_to_slice, "consecutive indices become a Slice"),
        PipelineEntry(
            gather_to_resize,
            "indices of nearest neighbours become a Resize",
            after=(gather_to_slice,),
        ),
        PipelineEntry(
            scatter_to_concat,
            "a ScatterND that writes a block becomes a Concat",
            after=(fuse_space_to_depth,),
        ),
        PipelineEntry(
            gather_to_conv,
            "other selections of channels become a 1×1 convolution",
            after=(gather_to_slice, gather_to_resize),
        ),
        PipelineEntry(fuse_gelu, "products with erf or tanh become a Gelu"),
        PipelineEntry(fuse_where_activation, "a Where on the sign becomes an activation"),
        PipelineEntry(decompose_einsum, "an Einsum becomes products, sums and transpositions"),
        PipelineEntry(
            decompose_activations,
            "rare activations become common operators",
            after=(fuse_where_activation,),
        ),
        PipelineEntry(
            decompose_log_sums, "logarithms of sums, and Lp norms, become sums and norms"
        ),
        PipelineEntry(
            reduce_to_mean,
            "sums and norms become means, which every format has",
            after=(decompose_einsum, decompose_log_sums),
        ),
    ),
)

NORMALISE = Phase(
    "normalise",
    "norms are means and variances, and images are channels first",
    (
        PipelineEntry(
            fuse_expanded_norm,
            "a norm whose product was expanded is written as one",
            after=(reduce_to_mean,),
        ),
        PipelineEntry(
            decompose_norm,
            "before transpositions move into the norms",
            after=(fuse_expanded_norm,),
        ),
        PipelineEntry(
            lift_over_group_reshape,
            "channel groups around arithmetic with constants are removed",
            after=(decompose_norm,),
        ),
        PipelineEntry(
            lift_gemm_over_reshape, "products of flattened pixels become products of images"
        ),
        PipelineEntry(unflatten_matmul, "reshapes around a matrix product are removed"),
        Repeated(
            (
                PipelineEntry(
                    reduce_transposes,
                    "pairs of inverse transpositions cancel",
                    after=(lift_gemm_over_reshape, unflatten_matmul),
                ),
                PipelineEntry(merge_transpose_axes, "formats have transpositions of few axes only"),
                PipelineEntry(merge_reshapes, "reshapes that are neighbours now are merged"),
            ),
            "merged reshapes let more transpositions cancel",
        ),
        PipelineEntry(
            joined_resizes, "two resizes, one per axis, become one", after=(reduce_transposes,)
        ),
        PipelineEntry(
            decompose_norm, "norms that transpositions had hidden", after=(reduce_transposes,)
        ),
    ),
)

PROTECT = Phase(
    "protect",
    "arithmetic that must be float as a whole is marked before folding changes it",
    (
        PipelineEntry(
            mark_std_float,
            "standard deviations, and the divisions by them",
            after=(decompose_norm,),
        ),
        PipelineEntry(
            mark_attention_float, "scores and weights of attention", after=(reduce_transposes,)
        ),
    ),
)

EXPRESS = Phase(
    "express",
    "operators that a target lacks are written as ones that all have",
    (
        PipelineEntry(
            channel_mean_to_conv,
            "a mean over channels becomes a convolution",
            after=(decompose_norm,),
        ),
        PipelineEntry(batch_norm_to_conv, "a batch norm becomes a depthwise convolution"),
        PipelineEntry(
            fold_slice_into_deconv, "a Slice after a transposed convolution becomes padding"
        ),
        PipelineEntry(
            normalize_deconv,
            "dilated and grouped transposed convolutions become plain ones",
            after=(fold_slice_into_deconv,),
        ),
        PipelineEntry(
            divide_to_multiply,
            "a division by a constant becomes a product",
            after=(decompose_norm, mark_std_float),
        ),
        PipelineEntry(decompose_hard_sigmoid, "a HardSigmoid becomes a product, a sum and a Clip"),
        PipelineEntry(merge_clips, "consecutive clips become one", after=(decompose_hard_sigmoid,)),
        PipelineEntry(fuse_prelu, "a sum of rectifiers becomes a PRelu", after=(merge_clips,)),
        PipelineEntry(
            downsample2_to_avgpool, "a Resize by ½ becomes a mean", after=(joined_resizes,)
        ),
        PipelineEntry(
            cubic_upsample_to_conv, "a cubic Resize becomes a convolution", after=(joined_resizes,)
        ),
        PipelineEntry(
            edge_pad_to_concat,
            "edge padding becomes slices and Concat",
            after=(cubic_upsample_to_conv,),
        ),
        PipelineEntry(
            pooled_matmul_to_conv,
            "a matrix product of vectors becomes a 1×1 convolution",
            after=(mark_attention_float,),
        ),
    ),
)

FOLD = Phase(
    "fold",
    "constants and linear branches are inside convolutions",
    (
        PipelineEntry(fold_pixel_range, "pixel normalisation, at both ends together"),
        PipelineEntry(
            fold_affine_into_producer,
            "factors and offsets go into the convolution before them",
            after=(batch_norm_to_conv, fold_pixel_range),
        ),
        PipelineEntry(
            fold_affine_into_consumer,
            "what remains goes into the following layers",
            after=(fold_affine_into_producer,),
        ),
        PipelineEntry(
            fuse_mirrored_clips,
            "two rectifiers become a Clip",
            after=(merge_clips, fold_affine_into_consumer),
        ),
        PipelineEntry(prune_sliced_conv, "channels that no node reads are not computed"),
        PipelineEntry(
            reparameterize,
            "parallel and consecutive convolutions become one",
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
    "arithmetic that eight bits cannot represent is marked, now that the graph is final",
    (
        PipelineEntry(
            mark_tone_curves_float,
            "tone curves, and the arithmetic between them",
            after=(reparameterize,),
        ),
        PipelineEntry(mark_variance_float, "variances of an image", after=(reparameterize,)),
        PipelineEntry(
            mark_normalised_trunk_float, "residual sums that norms read", after=(reparameterize,)
        ),
        PipelineEntry(
            mark_sum_chains_float,
            "sums of many tensors, which then round once",
            after=(reparameterize,),
        ),
        PipelineEntry(
            mark_shifted_image_float,
            "a shifted image, whose values are not 8-bit levels",
            after=(fold_affine_into_consumer,),
        ),
        PipelineEntry(
            mark_shrunk_image_float,
            "a downsampled image, whose values are not 8-bit levels",
            after=(fold_affine_into_consumer,),
        ),
    ),
)

PHASES = (TIDY, RECOGNISE, NORMALISE, PROTECT, EXPRESS, FOLD, MARK)


def canonical(model: ir.Model, watcher: Watcher | None = None) -> int:
    """Rewrite a float graph into the form that all formats are written from.

    It applies every phase of PHASES in order, then infers the shapes of the new nodes. Operators
    that are written as several nodes become one, norms means and variances, images channels first,
    and constants and linear branches are folded into convolutions. The graph computes the same
    function up to the rounding of float32. A graph with a DequantizeLinear node stays unchanged.

    Args:
        model: edited in place.
        watcher: called after each phase with the phase's record and the model; None for no calls.

    Returns:
        The number of rewrites by all passes.
    """
    if any(node.op_type == "DequantizeLinear" for node in model.graph):
        return 0
    count = sum(record.count for record in apply_phases(model, PHASES, watcher))
    if count:
        ShapeInferencePass()(model)
    return count
