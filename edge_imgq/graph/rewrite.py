"""Application of graph passes by name, as recipes list them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edge_imgq.errors import RecipeError
from edge_imgq.graph.pass_pipeline import Pass, PhaseRecord, Watcher
from edge_imgq.graph.passes.by_name.crd_to_dcr import crd_to_dcr
from edge_imgq.graph.passes.by_name.merge_skip_branches import merge_skip_branches
from edge_imgq.graph.passes.by_name.pixel_shuffle_to_deconv import pixel_shuffle_to_deconv
from edge_imgq.graph.passes.by_name.sign_split import cheap_sign_split, sign_split
from edge_imgq.graph.passes.by_name.sub_pixel import sub_pixel
from edge_imgq.graph.passes.by_name.zero_insertion import zero_insertion
from edge_imgq.graph.passes.canonical import canonical
from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.kernels.profile import KernelProfile

PASSES: dict[str, Callable[[KernelProfile], Pass]] = {
    "canonical": lambda _: canonical,
    "sub-pixel": lambda _: sub_pixel,
    "crd-to-dcr": lambda _: crd_to_dcr,
    "sign-split": lambda _: sign_split,
    "cheap-sign-split": lambda kernels: partial(cheap_sign_split, kernels=kernels),
    "merge-skip-branches": lambda _: merge_skip_branches,
    "pixel-shuffle-to-deconv": lambda _: pixel_shuffle_to_deconv,
    "zero-insertion": lambda _: zero_insertion,
}
"""Pass factory for a kernel profile, by the name that recipes use
(`edge_imgq.recipe.passes.PASS_NAMES`). All passes are exact in real numbers.
"""


def rewrite(
    model: ir.Model,
    passes: Sequence[str],
    watcher: Watcher | None = None,
    kernels: KernelProfile = DEFAULT,
) -> ir.Model:
    """Return a copy of the model with the named passes applied in order.

    Passes are exact in real numbers, with the exceptions that their docstrings name. Nodes that no
    output needs are removed at the end.

    Args:
        model: not changed.
        passes: names of passes, keys of PASSES, such as "canonical"; one may come twice.
        watcher: called after each phase of "canonical" and after every other pass; None for no
            calls.
        kernels: kernel profile of the target processor.

    Raises:
        RecipeError: a name is unknown.
    """
    unknown = [name for name in passes if name not in PASSES]
    if unknown:
        raise RecipeError(f"There is no pass '{unknown[0]}'. Known: {', '.join(PASSES)}.")
    copy = model.clone()
    for name in passes:
        if name == "canonical":
            canonical(copy, watcher)
            continue
        count = PASSES[name](kernels)(copy)
        if watcher is not None:
            watcher(PhaseRecord(name, ((name, count),), len(copy.graph)), copy)
    RemoveUnusedNodesPass()(copy)
    return copy
