"""Description of a saved Core ML package for `edge-imgq inspect`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_imgq.contract import FileNote, has_note, note_in
from edge_imgq.report.description import FileDescription, KernelWindow, OperatorRow, TensorRow
from edge_imgq.runtime.memory import known_memory
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.operators import OPERATORS
from edge_imgq.runtime.mil.package import Package, open_package
from edge_imgq.runtime.mil.program import NamedValueType, Program, Statement, read_program
from edge_imgq.runtime.placement.apple import CORE_ML_GPU, NEURAL_ENGINE
from edge_imgq.runtime.placement.rules import Node, Operand, predict_placement

CHANNELS = {10: 1, 20: 3, 30: 3, 40: 1}
"""Number of channels by colour space code of Core ML's FeatureTypes.proto."""

WEIGHTS = frozenset({"weight", "bias", "gamma", "beta", "mean", "variance", "x", "y"})
"""MIL parameters that hold learned values, other than `alpha` of `prelu`."""

WINDOWED = frozenset({"conv", "conv_transpose", "max_pool", "avg_pool"})


def describe(path: Path) -> FileDescription:
    """Describe a Core ML package: its ports, operators, parameters, MACs and size in bytes.

    Images are (H, W, C) uint8, other ports and operators have the shapes of the program, (N, C, H,
    W). Multiply-accumulates are counted for convolutions and matrix products, not for the
    conversions to and from integers.

    Raises:
        ModelError: the package is missing or damaged.
    """
    package = open_package(path)
    program = read_program(package)
    declared, sizes = program.declared, _sizes(program)
    run = [s for s in program.statements if not s.kind.startswith("constexpr_")]
    rows = tuple(_row(statement, program, declared, sizes) for statement in run)
    used, unpacked = _used(program, sizes), _unpacked(program)
    nodes = [_node(statement, program) for statement in run]
    scale = _pixel_scale(package)
    description = package.model.description
    return FileDescription(
        format="Core ML",
        inputs=tuple(_image(feature, scale) for feature in description.input),
        outputs=tuple(_image(feature, scale) for feature in description.output),
        operators=rows,
        parameters=sum(sizes[name] for name in used),
        zeros=sum(int((unpacked[name] == 0).sum()) for name in used if name in unpacked),
        macs=sum(row.macs for row in rows),
        memory=known_memory(path),
        bytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        note=note_in(package.metadata, str(path)),
        placements=(predict_placement(NEURAL_ENGINE, nodes), predict_placement(CORE_ML_GPU, nodes)),
    )


def _node(statement: Statement, program: Program) -> Node:
    """Convert a statement to a node for the placement rules."""
    names = [name for bound in statement.inputs.values() for name in bound]
    mode = program.constants.get(next(iter(statement.inputs.get("mode", ())), ""))
    return Node(
        kind=statement.kind,
        inputs=tuple(
            Operand(value.name, value.shape, value.dtype)
            for name in names
            if (value := program.declared.get(name)) is not None
        ),
        outputs=tuple(Operand(out.name, out.shape, out.dtype) for out in statement.outputs),
        options={} if mode is None else {"mode": str(mode)},
    )


def _row(
    statement: Statement,
    program: Program,
    declared: Mapping[str, NamedValueType],
    sizes: Mapping[str, int],
) -> OperatorRow:
    output = statement.outputs[0]
    return OperatorRow(
        kind=statement.kind,
        name=output.name,
        shape=output.shape,
        dtype=output.dtype,
        macs=_macs(statement, declared, sizes),
        parameters=sum(sizes.get(name, 0) for name in _learned(statement)),
        window=_window(statement, program, declared),
    )


def _window(
    statement: Statement, program: Program, declared: Mapping[str, NamedValueType]
) -> KernelWindow | None:
    """Return the window of a convolution or pooling, from its parameters or its weight shape."""
    if statement.kind not in WINDOWED:
        return None

    def stated(key: str) -> tuple[int, ...]:
        value = program.constants.get(next(iter(statement.inputs.get(key, ())), ""), ())
        return tuple(int(number) for number in np.reshape(value, -1))

    kernel = stated("kernel_sizes")
    if not kernel:
        weight = statement.inputs["weight"][0]
        unpacked = declared.get(weight)
        kernel = (unpacked.shape if unpacked else np.shape(program.constants[weight]))[2:]
    if len(kernel) != 2:
        return None
    one, (groups,) = (1, 1), stated("groups") or (1,)
    strides, dilations = stated("strides") or one, stated("dilations") or one
    return KernelWindow(
        (kernel[0], kernel[1]), (strides[0], strides[1]), (dilations[0], dilations[1]), groups
    )


def _macs(
    statement: Statement, declared: Mapping[str, NamedValueType], sizes: Mapping[str, int]
) -> int:
    """Count multiply-accumulates: each weight once per position of the kernel."""
    output = statement.outputs[0].shape
    if statement.kind in ("conv", "conv_transpose"):
        # A transposed kernel is laid at every input position, before any cropping.
        slid = declared[statement.inputs["x"][0]].shape if "transpose" in statement.kind else output
        return math.prod(slid[2:]) * sizes[statement.inputs["weight"][0]]
    if statement.kind == "linear":
        return math.prod(output) * declared[statement.inputs["x"][0]].shape[-1]
    if statement.kind == "matmul":
        left, right = (declared.get(statement.inputs[key][0]) for key in "xy")
        # One side may be a constant; the other tells how many terms a sum has.
        terms = left.shape[-1] if left is not None else right.shape[-2] if right is not None else 0
        return math.prod(output) * terms
    return 0


def _sizes(program: Program) -> dict[str, int]:
    """Return the element count of each constant; packed weights under their unpacked name."""
    # Scalars are settings of operators, the scale of the pixels among them.
    sizes = {
        name: int(np.size(value)) for name, value in program.constants.items() if np.ndim(value)
    }
    for statement in program.statements:
        if statement.kind.startswith("constexpr_"):
            (output,) = statement.outputs
            sizes[output.name] = math.prod(output.shape)
    return sizes


def _learned(statement: Statement) -> list[str]:
    keys = WEIGHTS | {"alpha"} if statement.kind == "prelu" else WEIGHTS
    return [name for key, names in statement.inputs.items() if key in keys for name in names]


def _used(program: Program, sizes: Mapping[str, int]) -> set[str]:
    """Return the names of all constants with learned values."""
    return {
        name for statement in program.statements for name in _learned(statement) if name in sizes
    }


def _unpacked(program: Program) -> Mapping[str, Any]:
    """Return the constants by name, packed integer weights dequantized.

    Palettes and other packings that the evaluator does not support are left out.
    """
    known = tuple(
        statement
        for statement in program.statements
        if statement.kind.startswith("constexpr_") and statement.kind in OPERATORS
    )
    return Evaluator(replace(program, statements=known), rounding=False).constants


def _image(feature: Any, scale: float | None) -> TensorRow:
    kind = feature.type
    if kind.WhichOneof("Type") != "imageType":
        return TensorRow(feature.name, tuple(kind.multiArrayType.shape), "float32")
    image = kind.imageType
    shape = (int(image.height), int(image.width), CHANNELS[image.colorSpace])
    return TensorRow(feature.name, shape, "uint8", scale, None if scale is None else 0)


def _pixel_scale(package: Package) -> float | None:
    """Return the real value of one level, or None if the package has no note."""
    if not has_note(package.metadata):
        return None
    return FileNote.from_strings(package.metadata, str(package.path)).contract.pixel_scale
