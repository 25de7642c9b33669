"""Estimate the time of files without writing them, from the kernel times of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_imgq.formats import FORMATS
from edge_imgq.recipe.export import kernels_of
from edge_imgq.recipe.folders import valid_recipes

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.graph.network import Network
    from edge_imgq.kernels.profile import TimedProfile
    from edge_imgq.pipeline.open_model.source import Source


def at_size(model: ir.Model, size: tuple[int, int]) -> ir.Model:
    """Return a copy of a model with static shapes, and the same values.

    It has the model's own size if that is fixed, else (height, width) in pixels.

    Raises:
        ModelError: the model does not fit the size.
    """
    from edge_imgq.graph.shapes.size import bind_size, own_size

    return bind_size(model, own_size(model) or size)


def float_file_time(source: Source, size: tuple[int, int], profile: TimedProfile) -> float | None:
    """Return the estimated time in nanoseconds of a float TFLite file, the fastest of the recipes.

    Args:
        source: model of the file.
        size: (height, width), unless the model has a fixed size.
        profile: kernel times of the processor.

    Returns:
        The time; None if no recipe makes a float TFLite file.
    """
    from edge_imgq.graph.shapes.size import own_size

    recipes = [r for r in valid_recipes() if FORMATS[r.format].has_plain_form]
    on_cpu = [recipe for recipe in recipes if recipe.kind == "cpu" and not recipe.scheme]
    at = own_size(source.model) or size
    networks = [source.prepared(r.passes, kernels_of(r)).at(at) for r in on_cpu]
    return min((_float_time(network, profile) for network in networks), default=None)


def _float_time(network: Network, profile: TimedProfile) -> float:
    from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
    from edge_imgq.graph.cost.operation_time import operation_time

    operations = fastest_rewrites(network, profile).network.operations
    return sum(operation_time(operation, profile, in_float=True) for operation in operations)
