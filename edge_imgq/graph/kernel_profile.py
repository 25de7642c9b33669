"""What operators take in XNNPACK's kernels, in int8 and in float, by processor family.

A profile is nanoseconds of one thread for each unit of work:

    convolution       position + tap · taps + slot · slots     at each place of the kernel
    depthwise         element + tap · taps                     for each element that is written
    pooling           element + tap · taps                     likewise
    pixels moved      run · runs + element                     a run lies in one piece in memory
    reduction         element                                  for each element that is read
    any other         element                                  for each element that is written
    conversion        element                                  quantized or dequantized
    pixel             element                                  of images, bytes to int8 and back

Slots are multiply-accumulates in the lanes that a kernel fills (`edge_imgq.graph.lanes`). Ratios
are what counts: estimates compare files of one network; what one takes is what `bench` measures.

Source of every figure: LiteRT 2.3.0, one thread of an Intel Xeon with AVX-512, VNNI and AMX, the
least processor time of many short runs in turns. Chains of one to six of each operator, 32 channels
at 96×128, beside 24 files of SPAN, ETDS, ESPCN and FSRCNN at 128×160 with none, some and all layers
in float; the figures fit all their times by least squares of relative errors. RLFN, VapSR and
SMFANet were left out of the fit and are within its errors; the share of groups is from SMFANet.
Families with fewer instructions were measured on the same processor with the others hidden from
XNNPACK, its CPUID answered without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from edge_imgq.graph.lanes import convolution_slots
from edge_imgq.graph.network import Operation, Tensor
from edge_imgq.graph.operators import MOVING, REDUCING, RESHAPING, operators


@dataclass(frozen=True)
class Convolution:
    """Nanoseconds of a convolution at each place of its kernel.

    Attributes:
        position: whatever its size.
        tap: for each row and column of the kernel.
        slot: for each multiply-accumulate, in lanes that are filled or not.
        grouped: share of that for each of several groups.
    """

    position: float
    tap: float
    slot: float
    grouped: float = 1.0

    def time(self, positions: float, taps: float, slots: float) -> float:
        """Return nanoseconds of so many positions, with taps and slots of each."""
        return positions * (self.position + self.tap * taps + self.slot * slots)


@dataclass(frozen=True)
class Kernels:
    """Nanoseconds of the kernels of one arithmetic.

    Attributes:
        convolution: of all channels of a group at once.
        depthwise: for each element, and for each of its taps.
        pooling: likewise.
        moved: for each run of elements that is copied in one piece, and for each element.
        reduction: for each element that is read.
        resize: for each element, by the mode of interpolation.
        elements: for each element, by ONNX operator.
        other: for each element of operators that are in none of these.
    """

    convolution: Convolution
    depthwise: tuple[float, float]
    pooling: tuple[float, float]
    moved: tuple[float, float]
    reduction: float
    resize: Mapping[str, float]
    elements: Mapping[str, float]
    other: float


@dataclass(frozen=True)
class KernelProfile:
    """What operators take on a processor family.

    Attributes:
        name: of the family.
        multiplies_bytes: whether it has products of 8-bit integers.
        int8: kernels of integers.
        float32: kernels of float.
        conversion: nanoseconds for each element that is quantized or dequantized.
        pixel: nanoseconds for each element of an int8 file's images, which TFLite's own kernel
            turns from bytes into int8 and back.
    """

    name: str
    multiplies_bytes: bool
    int8: Kernels
    float32: Kernels
    conversion: float
    pixel: float

    def kernels(self, *, in_float: bool) -> Kernels:
        """Return those of one arithmetic."""
        return self.float32 if in_float else self.int8


POOLING = operators(lambda row: row.window and row.pools)
REDUCTIONS = REDUCING | operators(lambda row: row.pools and not row.window)
SHUFFLES = frozenset({"DepthToSpace", "SpaceToDepth"})
FREE = RESHAPING | {"Cast", "Dropout", "Identity"}
"""Kinds of work other than convolutions; what is in none of them counts by its elements."""


def operation_time(operation: Operation, profile: KernelProfile, *, in_float: bool) -> float:
    """Return the nanoseconds of an operation as it stands, without conversions around it.

    Args:
        operation: its shapes are known.
        profile: of the processor.
        in_float: whether it computes in float.
    """
    kernels, kind = profile.kernels(in_float=in_float), operation.kind
    if kind in ("Conv", "ConvTranspose") and operation.operand(1).data is not None:
        return _convolution(operation, kernels, in_float=in_float)
    written = sum(_elements(tensor) for tensor in operation.outputs)
    if kind in POOLING:
        element, tap = kernels.pooling
        taps: int = prod(operation.attributes["kernel_shape"])
        return written * (element + tap * taps)
    if kind in FREE:
        return 0.0
    if kind in MOVING:
        run, element = kernels.moved
        return run * _runs(operation) + element * written
    if kind in REDUCTIONS:
        return kernels.reduction * _elements(operation.operand(0))
    if kind == "Resize":
        mode = operation.attributes.get("mode", "nearest")
        return written * kernels.resize.get(mode, kernels.other)
    return written * kernels.elements.get(kind, kernels.other)


def _convolution(operation: Operation, kernels: Kernels, *, in_float: bool) -> float:
    weight, group = operation.operand(1).shape, operation.attributes.get("group", 1)
    taps, transposed = prod(weight[2:]), operation.kind == "ConvTranspose"
    if weight[1] == 1 and group == weight[0] > 1:
        element, tap = kernels.depthwise
        return _elements(operation.output) * (element + tap * taps)
    inputs, outputs = weight[1], weight[0] // group
    if transposed:
        inputs, outputs = weight[0] // group, weight[1]
    places = operation.operand(0) if transposed else operation.output
    slots = convolution_slots(taps, inputs, outputs, quantized=not in_float)
    positions = prod(places.shape[2:]) * (group * kernels.convolution.grouped if group > 1 else 1)
    return kernels.convolution.time(positions, taps, slots)


def _runs(operation: Operation) -> float:
    """Return in how many pieces an operator copies its image, stored (N, H, W, C)."""
    tensor, written = operation.operand(0), operation.outputs
    if operation.kind in SHUFFLES:
        thin = written[0] if operation.kind == "DepthToSpace" else tensor
        block: int = operation.attributes["blocksize"]
        return _elements(thin) / (thin.shape[1] * block)
    parts = (*(t for t in operation.inputs if t is not None and t.data is None), *written)
    pieces = parts[:-1] if operation.kind == "Concat" else written
    same = all(len(part.shape) == 4 and part.shape[2:] == written[0].shape[2:] for part in parts)
    if operation.kind in ("Concat", "Slice", "Split") and same:
        return sum(_elements(part) / part.shape[1] for part in pieces)
    return sum(prod(part.shape[:3]) / part.shape[1] for part in written if len(part.shape) == 4)


def _elements(tensor: Tensor) -> int:
    return prod(tensor.shape)


_FLOAT32 = Kernels(
    convolution=Convolution(position=2.2, tap=1.4, slot=0.0223),
    depthwise=(0.17, 0.053),
    pooling=(0.30, 0.055),
    moved=(1.5, 0.40),
    reduction=0.50,
    resize={"nearest": 0.80, "linear": 0.73},
    elements={
        "Abs": 0.19, "Add": 0.48, "Div": 0.94, "Elu": 0.22, "Exp": 0.40, "Gelu": 0.20,
        "HardSwish": 0.14, "LeakyRelu": 0.20, "Max": 0.54, "Min": 0.54, "Mul": 0.45, "PRelu": 0.38,
        "Sigmoid": 0.33, "Sub": 0.44, "Tanh": 0.31,
    },
    other=0.35,
)  # fmt: skip

_INT8 = Kernels(
    convolution=Convolution(position=6.0, tap=1.4, slot=0.0049, grouped=0.45),
    depthwise=(0.10, 0.072),
    pooling=(0.14, 0.021),
    moved=(4.5, 0.04),
    reduction=0.18,
    resize={"nearest": 0.12, "linear": 0.47},
    elements={
        "Add": 0.22, "LeakyRelu": 0.05, "Max": 0.14, "Min": 0.14, "Mul": 0.22, "Sigmoid": 0.03,
        "Sub": 0.22, "Tanh": 0.05,
    },
    other=0.03,
)  # fmt: skip

X86_VNNI = KernelProfile("x86 with VNNI", True, _INT8, _FLOAT32, conversion=0.14, pixel=0.8)

X86_AMX = replace(
    X86_VNNI,
    name="x86 with AMX",
    int8=replace(_INT8, convolution=Convolution(position=13.0, tap=3.0, slot=0.0016)),
)

X86 = replace(
    X86_VNNI,
    name="x86 without VNNI",
    multiplies_bytes=False,
    int8=replace(
        _INT8,
        convolution=Convolution(position=6.2, tap=1.5, slot=0.0170, grouped=0.45),
        depthwise=(0.10, 0.089),
    ),
)
