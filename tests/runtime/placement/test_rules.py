"""Rules of placement: partitions against LiteRT's own, and what the tables say of written files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from ai_edge_litert._pywrap_analyzer_wrapper import ModelAnalyzer
from ai_edge_litert.interpreter import Interpreter

from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.describe import describe
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.runtime.litert import measured
from edge_imgq.runtime.placement.apple import CORE_ML_GPU, NEURAL_ENGINE
from edge_imgq.runtime.placement.gpu import GPU
from edge_imgq.runtime.placement.nnapi import NNAPI
from edge_imgq.runtime.placement.rules import Node, Operand, partitions
from tests.export.tflite.cases import EVERY
from tests.export.tflite.witness import NOTE, Case, lowered

GENERATOR = np.random.default_rng(31)


def numbers(*shape):
    return GENERATOR.normal(0, 0.1, shape).astype(np.float32)


CONSTANTS = {
    "w": numbers(12, 3, 3, 3),
    "v": numbers(12, 12, 3, 3),
    "d": numbers(12, 3, 4, 4),
    "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
}
CONV = "a = Conv<pads=[1,1,1,1]>(x, w) "
MIRROR = 'p = Pad<mode="reflect">(a, pads) b = Conv(p, v) '
SHUFFLE = CONV + "y = DepthToSpace<blocksize=2>(a)"
ENLARGED = CONV + "z = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(a, d) y = Relu(z)"
BODIES = {
    "all taken": CONV + "y = Relu(a)",
    "one left between": CONV + MIRROR + "y = Relu(b)",
    "two left": CONV + MIRROR + 'q = Pad<mode="reflect">(b, pads) y = Conv(q, v)',
    "a branch around what is left": CONV
    + MIRROR
    + "c = Conv<pads=[1,1,1,1]>(a, v) e = Tanh(c) y = Add(b, e)",
    "one left first": 'p = Pad<mode="reflect">(x, pads) y = Conv(p, w)',
}


def written(body: str, folder: Path, target: str, size=(8, 10)) -> Path:
    constants = {name: value for name, value in CONSTANTS.items() if f", {name})" in body}
    case = Case(body, (1, 3, *size), constants)
    recipe = next(r for r in export_recipes(Path("/nowhere")) if r.name == target)
    path = folder / "m.tflite"
    order = ExportSpec((size,), NOTE, recipe.processors[0], recipe.precision == "float16")
    write_tflite(prepared_graph(ir.from_proto(case.model()), recipe.passes), order, path)
    return path


def nodes_of(path: Path) -> list[Node]:
    """Return the graph as LiteRT itself sees it, constants left out."""
    nodes = Interpreter(str(path))._get_ops_details()
    computed = {int(index) for node in nodes for index in node["outputs"]}
    return [
        Node(
            node["op_name"],
            tuple(Operand(str(i), (), "") for i in node["inputs"] if int(i) in computed),
            tuple(Operand(str(i), (), "") for i in node["outputs"]),
        )
        for node in nodes
        if node["op_name"] != "DELEGATE"
    ]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_partitions_are_counted_as_litert_counts_its_own(body, tmp_path) -> None:
    path = written(body, tmp_path, "tflite-float")
    found = measured(path)
    taken = [verdict.taken for verdict in found.verdicts]
    assert partitions(nodes_of(path), taken) == found.partitions
    left = [node.kind for node, is_taken in zip(nodes_of(path), taken, strict=True) if not is_taken]
    assert set(left) <= {"MIRROR_PAD"}


def test_the_gpu_recipe_writes_what_the_gpu_rules_take_whole(tmp_path) -> None:
    for body in (SHUFFLE, ENLARGED, *BODIES.values()):
        _, gpu, _ = describe(written(body, tmp_path, "tflite-gpu")).placements
        assert (gpu.taken, gpu.partitions) == (len(gpu.verdicts), 1)
        assert not gpu.measured
        assert gpu.basis.endswith("not run")


@pytest.mark.parametrize("size", [(7, 9), (8, 9), (9, 10)])
def test_odd_sizes_are_taken_whole_too(size, tmp_path) -> None:
    _, gpu, _ = describe(written(ENLARGED, tmp_path, "tflite-gpu", size)).placements
    assert gpu.refusals == ()


def test_depth_to_space_is_refused_with_its_reason_and_source(tmp_path) -> None:
    _, gpu, nnapi = describe(written(SHUFFLE, tmp_path, "tflite-float")).placements
    (refusal,) = gpu.refusals
    assert "before 2021" in refusal.reason
    assert refusal.source.endswith("model_builder.cc")
    assert nnapi.refusals == ()


STRICTER = {
    *("BROADCAST_TO", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "ROUND", "TRANSPOSE_CONV")
}
"""What the newest check takes and older delegates, or the parser behind the check, do not."""


def refused_by_tensorflow(path: Path) -> set[int]:
    """Return the operators that TensorFlow's own compatibility check refuses, by their index."""
    refused, current = set(), -1
    for line in ModelAnalyzer(str(path), True, True).splitlines():
        if found := re.match(r"\s*Op#(\d+) ", line):
            current = int(found[1])
        elif "GPU COMPATIBILITY WARNING" in line:
            refused.add(current)
    return refused


@pytest.mark.parametrize("name", EVERY)
def test_the_gpu_rules_take_nothing_that_tensorflows_own_check_refuses(name, tmp_path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(lowered(EVERY[name].model()))
    description, refused = describe(path), refused_by_tensorflow(path)
    for index, verdict in enumerate(description.placements[1].verdicts):
        kind = description.operators[index].kind
        assert not (verdict.taken and index in refused), kind
        assert verdict.taken or index in refused or kind in STRICTER, (kind, verdict.reason)


def test_tensorflows_own_check_takes_what_the_gpu_recipe_writes(tmp_path) -> None:
    for body in (SHUFFLE, ENLARGED, *BODIES.values()):
        assert not refused_by_tensorflow(written(body, tmp_path, "tflite-gpu"))


def node(kind: str, version: int = 1, shape=(1, 8, 10, 4), dtype="float32", **options) -> Node:
    image = Operand("0", shape, dtype)
    inputs = (image, Operand("w", (4, 3, 3, 4), dtype, True), Operand("b", (4,), "float32", True))
    if kind == "TRANSPOSE_CONV":
        inputs = (Operand("s", (4,), "int32", True), inputs[1], image)
    return Node(kind, inputs, (Operand("1", shape, dtype),), version, options)


REFUSED = {
    "a fused transposed convolution": (GPU, node("TRANSPOSE_CONV", 4, padding=1), "version 4"),
    "SAME of an odd size": (
        GPU, node("TRANSPOSE_CONV", 3, (1, 7, 8, 4), padding=0, strideH=2, strideW=2), "7x8"
    ),
    "a batch of two": (GPU, node("CONV_2D", shape=(2, 8, 10, 4)), "batch 2"),
    "an operator of no table": (GPU, node("CUMSUM"), "no parser"),
    "a power of integers": (NNAPI, node("POW", dtype="int8"), "input of int8"),
    "a mirrored edge": (NNAPI, node("MIRROR_PAD"), "does not map"),
    "float32 inside": (NEURAL_ENGINE, node("conv"), "computes in float32"),
    "reflection": (NEURAL_ENGINE, node("pad", dtype="float16", mode="reflect"), "reflect"),
    "what nobody speaks of": (NEURAL_ENGINE, node("round", dtype="float16"), "is published"),
    "int8 on the GPU": (CORE_ML_GPU, node("quantize", dtype="int8"), "floats"),
}  # fmt: skip


@pytest.mark.parametrize(("accelerator", "case", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_says_why(accelerator, case, reason) -> None:
    verdict = accelerator.verdict(case)
    assert not verdict.taken
    assert reason in verdict.reason


@pytest.mark.parametrize("accelerator", [GPU, NNAPI, NEURAL_ENGINE], ids=lambda a: a.name)
def test_every_row_names_its_source(accelerator) -> None:
    assert all(row.source for row in accelerator.rows.values())
