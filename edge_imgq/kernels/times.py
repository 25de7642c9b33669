"""What operators take in the kernels of a processor family: nanoseconds of one thread.

    convolution       position + tap · taps + slot · slots     at each place of the kernel
    depthwise         element + tap · taps                     for each element that is written
    pooling           element + tap · taps                     likewise
    pixels moved      run · runs + element                     a run lies in one piece in memory
    reduction         element                                  for each element that is read
    any other         element                                  for each element that is written
    conversion        element                                  quantized or dequantized
    pixel             element                                  of images, bytes to int8 and back

Slots are multiply-accumulates in the lanes that a kernel fills (`edge_imgq.kernels.tile`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ConvolutionTime:
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
class ArithmeticTimes:
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

    convolution: ConvolutionTime
    depthwise: tuple[float, float]
    pooling: tuple[float, float]
    moved: tuple[float, float]
    reduction: float
    resize: Mapping[str, float] = field(hash=False)
    elements: Mapping[str, float] = field(hash=False)
    other: float


@dataclass(frozen=True)
class KernelTimes:
    """What operators take on a processor family.

    Attributes:
        int8: kernels of integers.
        float32: kernels of float.
        conversion: nanoseconds for each element that is quantized or dequantized.
        pixel: nanoseconds for each element of an int8 file's images, which TFLite's own kernel
            turns from bytes into int8 and back.
    """

    int8: ArithmeticTimes
    float32: ArithmeticTimes
    conversion: float
    pixel: float

    def of(self, *, in_float: bool) -> ArithmeticTimes:
        """Return those of one arithmetic."""
        return self.float32 if in_float else self.int8
