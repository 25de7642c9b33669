"""Estimated times of files that were not written, in the slots of `quantize/layer_time.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_imgq.recipe.folders import export_recipes

if TYPE_CHECKING:
    import onnx_ir as ir


def at_size(model: ir.Model, size: tuple[int, int]) -> ir.Model:
    """Return a graph at a height and width, or at those that it insists on."""
    from edge_imgq.graph.size import bind_size, own_size

    return bind_size(model, own_size(model) or size)


def float_file_time(model: ir.Model, size: tuple[int, int]) -> float | None:
    """Return the estimated time of a float TFLite file; None where no recipe makes one."""
    from edge_imgq.graph.rewrite import rewrite
    from edge_imgq.quantize.layer_time import float_time

    recipes = [r for r in export_recipes() if r.format == "tflite" and not r.scheme]
    on_cpu = [recipe for recipe in recipes if recipe.processor == "cpu"]
    graphs = [at_size(rewrite(model, recipe.passes), size) for recipe in on_cpu]
    return min((float_time(graph.graph) for graph in graphs), default=None)
