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
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.folders import PACKAGE, export_recipes, quantize_recipe, shipped_folder
from edge_imgq.skipped import Skipped
from edge_imgq.version import __version__

if TYPE_CHECKING:
    import onnx_ir as ir

OURS = "edge-imgq"
TARGETS = {"float": "tflite-float", "int8": "tflite-int8"}


def write_ours(case: Case, precision: str, root: Path) -> Path | Skipped:
    """Return our file of a network, written now unless it was written by the same code before."""
    path = root / case.name / f"{OURS}-{precision}-{_digest(case)}.tflite"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    target = TARGETS[precision]
    recipe = next(recipe for recipe in export_recipes() if recipe.name == target)
    note = FileNote(case.name, target, case.network.contract, __version__)
    try:
        graph = quantized(case, recipe.scheme) if recipe.scheme else case.model
        network = read_network(bind_size(rewrite(graph, recipe.passes), case.network.size))
        path.write_bytes(lower(fastest_rewrites(network, DEFAULT).network, note))
    except EdgeImgqError as error:
        return Skipped(str(error))
    return path


def quantized(case: Case, scheme: str) -> ir.Model:
    """Return the QDQ model of a network by one of our schemes."""
    return quantize(
        case.model, quantize_recipe(scheme), case.network.contract, iter(case.calibration)
    )


def _digest(case: Case) -> str:
    """Digest all that the file depends on: the network, our code and our recipes."""
    digest = hashlib.sha256(case.key.encode())
    sources = [*PACKAGE.rglob("*.py")]
    for stage in ("export", "quantize"):
        sources += shipped_folder(stage).glob("*.toml")
    for source in sorted(sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
