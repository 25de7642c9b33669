"""FSRCNN's weights in four files: what converters usually write, and what edge-imgq writes.

    python benchmarks/deconvolution.py [--runs 30] [--size 180x320] [--json]

Every file holds the same weights. The slow forms keep the transposed convolution and, in int8, the
PReLU, as TensorFlow's converter does; the fast ones are what `edge-imgq export` writes. The files
take turns in one process, one thread, so that a machine that slows down slows all of them down.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.turns import take_turns
from edge_imgq.contract import FileNote
from edge_imgq.devices.stopwatch import host_name
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.export.tflite.lower import lower
from edge_imgq.export.tflite.lowerings import LOWERINGS
from edge_imgq.export.tflite.operators.activation import parametric_relu
from edge_imgq.graph.network import Network, Operation
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.images.samples import samples
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.pipeline.image_selection import calibration_images
from edge_imgq.pipeline.open_model.source import Source, open_model
from edge_imgq.quantize.quantize import quantize_prepared
from edge_imgq.quantize.ranges.ranges import covering
from edge_imgq.recipe.folders import quantize_recipe
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.litert import open_session

if TYPE_CHECKING:
    import onnx_ir as ir

FAST = ("sub-pixel", "crd-to-dcr")
INTEGER_PRELU = "IntegerPRelu"
"""Kind of an operation that edge-imgq does not write: it computes an int8 PReLU in float."""

PLAIN = QuantizeRecipe("plain", "no rewriting", "min-max", ())


def main() -> None:
    """Write the four files, time them in turn, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--size", default="180x320")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    height, width = (int(side) for side in arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), (height, width))
        calls = {name: open_session(path).prepare((height, width)) for name, path in paths.items()}
        medians = take_turns(calls, arguments.runs)
    print(json.dumps(medians, indent=2) if arguments.json else table(medians, arguments.size))


def write_files(folder: Path, size: tuple[int, int]) -> dict[str, Path]:
    """Write the four files and return their paths by name."""
    source = open_model("fsrcnn-x2")
    graphs: dict[str, ir.Model] = {
        "float, transposed": source.model,
        "float, ours": rewrite(source.model, FAST),
        "int8, transposed": quantized(source, PLAIN),
        "int8, ours": quantized(source, quantize_recipe("int8")),
    }
    lowerings = {**LOWERINGS, INTEGER_PRELU: parametric_relu}
    paths = {}
    for name, graph in graphs.items():
        note = FileNote(source.name, name, source.contract, "benchmark")
        network = read_network(bind_size(graph, size))
        if "ours" in name:
            network = fastest_rewrites(network, X86_VNNI).network
        elif network.is_quantized:
            network = _with_integer_prelu(network)
        paths[name] = folder / f"{name.replace(', ', '-')}.tflite"
        paths[name].write_bytes(lower(network, note, lowerings))
    return paths


def _with_integer_prelu(network: Network) -> Network:
    """Return a network whose PReLUs are PRELU of integers, which XNNPACK does not take."""
    operations = (
        _integer_prelu(operation) if operation.kind == "PRelu" else operation
        for operation in network.operations
    )
    return replace(network, operations=tuple(operations))


def _integer_prelu(operation: Operation) -> Operation:
    slopes = operation.operand(1)
    assert slopes.data is not None
    parameters = covering(slopes.data)
    levels = np.rint(slopes.data / parameters.scale[0]) + parameters.zero_point[0]
    integers = replace(slopes, quantization=parameters, data=levels.astype(np.int8))
    return replace(operation, kind=INTEGER_PRELU, inputs=(operation.operand(0), integers))


def quantized(source: Source, recipe: QuantizeRecipe) -> ir.Model:
    """Quantize on the calibration images that ship."""
    images = (sample.pixels for sample in samples(calibration_images(None), source.contract, None))
    graph = source.prepared(recipe.passes, X86_VNNI)
    return quantize_prepared(graph, recipe, source.contract, images).model


def table(medians: Mapping[str, float], size: str) -> str:
    """Return the medians and the ratios in words."""
    rows = [f"{name:20} {milliseconds:8.1f} ms" for name, milliseconds in medians.items()]
    float_gain = medians["float, transposed"] / medians["float, ours"]
    int8_gain = medians["int8, transposed"] / medians["int8, ours"]
    over_float = medians["float, ours"] / medians["int8, ours"]
    return "\n".join(
        [
            f"FSRCNN 56-12-4 x2, input {size}, one thread, {host_name()}",
            *rows,
            f"float: {float_gain:.1f} times as fast as the transposed form",
            f"int8: {int8_gain:.1f} times as fast as the transposed form with PRELU",
            f"int8: {over_float:.2f} times as fast as our float",
        ]
    )


if __name__ == "__main__":
    main()
