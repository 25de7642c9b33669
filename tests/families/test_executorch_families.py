"""Published families as ExecuTorch files, float and int8, in its runtime against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.formats import FORMATS
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.runtime.open import open_session

from .convert import SIZE, Family, run_onnx
from .sharing import family, quantized_family

EXTRA = FORMATS["executorch"].extra
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(EXTRA.is_missing, reason=EXTRA.reason),
]

NAMES = ("espcn", "srresnet", "sesr", "nafnet", "deblurgan", "vae", "squeeze-excite")
"""Families that have all kinds of operators among them; writing each takes some seconds."""


def levels_of(network: Family, target: str, model: ir.Model, path: Path) -> np.ndarray:
    """Write the file of a target from a graph, and run it from disk on the family's image."""
    note = FileNote(network.name, target, network.contract, "0.0")
    recipe = next(r for r in export_recipes(Path("/nowhere")) if r.name == target)
    graph = prepared_graph(model, recipe.passes)
    functions_of("executorch").write(graph, ExportSpec((SIZE,), note), path)
    return open_session(path).levels(network.pixels[0])


def wanted_levels(network: Family, model: ir.Model) -> np.ndarray:
    return run_onnx(model, network.image)[0].transpose(1, 2, 0) * 255


@pytest.mark.parametrize("name", NAMES)
def test_the_float_file_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    network = family(name)
    got = levels_of(network, "executorch-float", network.model, tmp_path / "m.pte")
    wanted = wanted_levels(network, network.model)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-4 * 255


@pytest.mark.parametrize("name", NAMES)
def test_the_int8_file_computes_the_qdq_graph(name: str, tmp_path: Path) -> None:
    network, model = family(name), quantized_family(name)
    got = levels_of(network, "executorch-int8", model, tmp_path / "m.pte")
    wanted = wanted_levels(network, model)
    assert wanted.std() > 8, "the output is too flat to show anything"
    assert (np.abs(got - wanted) <= 1.0).mean() >= 0.999
