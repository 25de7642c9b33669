"""The files that edge-imgq writes of a benchmark's network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cases import Case
from edge_imgq.contract import FileNote
from edge_imgq.errors import EdgeImgqError
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.export.tflite.lower import lower
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.pipeline.shipped_scheme import with_own_keys
from edge_imgq.quantize.quantize import quantize_prepared
from edge_imgq.recipe.folders import PACKAGE, export_recipes, quantize_recipe, shipped_folder
from edge_imgq.skipped import Skipped
from edge_imgq.version import __version__

if TYPE_CHECKING:
    import onnx_ir as ir

OURS = "edge-imgq"
TARGETS = {"float": "tflite-float", "int8": "tflite-int8"}


def write_ours(case: Case, precision: str, root: Path, kernels: KernelProfile) -> Path | Skipped:
    """Return our file of a network, written now unless it was written by the same code before.

    Args:
        case: the network.
        precision: "float" or "int8".
        root: folder of all files.
        kernels: of the processor that it is for.
    """
    path = root / case.name / f"{OURS}-{precision}-{_digest(case, kernels)}.tflite"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    target = TARGETS[precision]
    recipe = next(recipe for recipe in export_recipes() if recipe.name == target)
    note = FileNote(case.name, target, case.network.contract, __version__)
    try:
        model = quantized(case, recipe.scheme, kernels) if recipe.scheme else case.model
        network = prepared_graph(model, recipe.passes, kernels=kernels).at(case.network.size)
        path.write_bytes(lower(fastest_rewrites(network, kernels).network, note))
    except EdgeImgqError as error:
        return Skipped(str(error))
    return path


def quantized(case: Case, scheme: str, kernels: KernelProfile = DEFAULT) -> ir.Model:
    """Return the QDQ model of a network by one of our schemes."""
    recipe = with_own_keys(case.name, quantize_recipe(scheme))
    graph = prepared_graph(case.model, recipe.passes, kernels=kernels)
    return quantize_prepared(graph, recipe, case.network.contract, iter(case.calibration)).model


def _digest(case: Case, kernels: KernelProfile) -> str:
    """Digest all that the file depends on: the network, the processor, our code and our recipes."""
    digest = hashlib.sha256((case.key + kernels.name).encode())
    sources = [*PACKAGE.rglob("*.py")]
    for stage in ("export", "quantize"):
        sources += shipped_folder(stage).glob("*.toml")
    for source in sorted(sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
