"""Applying passes by name, as recipes list them."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edge_imgq.errors import RecipeError
from edge_imgq.graph.passes.canonical import canonical
from edge_imgq.graph.passes.shuffle_order import shuffle_order
from edge_imgq.graph.passes.sign_split import cheap_sign_split, sign_split
from edge_imgq.graph.passes.skips import skips
from edge_imgq.graph.passes.sub_pixel import sub_pixel
from edge_imgq.graph.passes.transposed import transposed
from edge_imgq.graph.phases import Pass, PhaseRecord, Watcher

PASSES: dict[str, Pass] = {
    "canonical": canonical,
    "sub-pixel": sub_pixel,
    "shuffle-order": shuffle_order,
    "sign-split": sign_split,
    "cheap-sign-split": cheap_sign_split,
    "skips": skips,
    "transposed": transposed,
}
"""Every pass by the name that recipes use. All of them are exact in float."""


def rewrite(model: ir.Model, passes: Sequence[str], watcher: Watcher | None = None) -> ir.Model:
    """Return a copy of the model with passes applied in the order given.

    Args:
        model: left as it is.
        passes: their names.
        watcher: told of each phase: those of "canonical", and one for each other pass.

    Raises:
        RecipeError: a pass does not exist.
    """
    unknown = [name for name in passes if name not in PASSES]
    if unknown:
        raise RecipeError(f"There is no pass '{unknown[0]}'. Known: {', '.join(PASSES)}.")
    copy = model.clone()
    for name in passes:
        if name == "canonical":
            canonical(copy, watcher)
            continue
        count = PASSES[name](copy)
        if watcher is not None:
            watcher(PhaseRecord(name, ((name, count),), len(copy.graph)), copy)
    RemoveUnusedNodesPass()(copy)
    return copy
