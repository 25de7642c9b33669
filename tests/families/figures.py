"""How near a family's file is to its reference, and what is asked of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from edge_imgq.contract import FileNote
from edge_imgq.export.coreml.lower import save
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.graph.network import Network
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.package import open_package
from edge_imgq.runtime.mil.program import read_program
from edge_imgq.runtime.ncnn import open_session as open_ncnn
from tests.families.convert import SIZE, Family, run_onnx


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


MIN_EXACT, MIN_FLOAT16 = 56.0, 54.0
"""In dB, float file against the float model's levels, evaluated without and with rounding to
float16. Constants are float16 in both; at 56 dB one level in six is off by one."""


MAX_LOST = 0.8
"""In dB, what the int8 file may be further from the float model than the QDQ model is."""


def outputs(network: Family, view: Network, path: Path) -> list[np.ndarray]:
    """Return the levels of a saved package for the first image, exact and rounded to float16."""
    colour: Any = "rgb" if network.image.shape[1] == 3 else "y"
    contract = dataclasses.replace(network.contract, colour=colour)
    save(view, FileNote(network.name, "coreml", contract, "0.0"), path)
    program = read_program(open_package(path))
    pixels = network.pixels[0].astype(np.float32).transpose(2, 0, 1)[np.newaxis]
    return [Evaluator(program, r).run({"image": pixels})["result"] for r in (False, True)]


MIN_PSNR = {"ncnn-float": 80.0, "ncnn-fp16": 55.0}
"""In dB, levels against the float model's before they are rounded: some families return halves."""


def psnr_of(network: Family, target: str, path: Path) -> float:
    """Write the file of a target, run ncnn on it from disk and return dB to the float model."""
    recipe = next(recipe for recipe in export_recipes() if recipe.name == target)
    note = FileNote(network.name, target, network.contract, "0.0")
    order = ExportSpec((SIZE,), note, float16_weights=recipe.precision == "float16")
    functions_of(recipe.format).write(prepared_graph(network.model, recipe.passes), order, path)
    got = open_ncnn(path).levels(network.pixels[0]).transpose(2, 0, 1)
    wanted = run_onnx(network.model, network.image)[0] * 255
    assert got.shape == wanted.shape
    return psnr(got.clip(0, 255), wanted.clip(0, 255))
