"""Times of operators on a processor family, in nanoseconds of one thread.

    convolution       position + tap · taps + slot · slots     per kernel position
    depthwise         element + tap · taps                     per element written, of full tiles
    pooling           element + tap · taps                     per element written
    pixels moved      run · runs + element                     a run is contiguous in memory
    reduction         element                                  per element read
    any other         element                                  per element written
    conversion        element                                  quantized or dequantized
    pixel             element                                  of images, uint8 to int8 and back

Slots are multiply-accumulates including unused lanes (`edge_imgq.kernels.tile`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ConvolutionTime:
    """Time of a convolution per kernel position, in nanoseconds.

    Attributes:
        position: fixed time.
        tap: time per tap of the kernel.
        slot: time per multiply-accumulate slot.
        grouped: factor on the time of each group of a grouped convolution.
    """

    position: float
    tap: float
    slot: float
    grouped: float = 1.0

    def time(self, positions: float, taps: float, slots: float) -> float:
        """Compute the time of a number of positions, each with the given taps and slots, in ns.

        It is positions · (position + tap · taps + slot · slots). `slots` are those of one group
        (`Tile.slots`). `grouped` is not applied; for several groups the caller multiplies
        `positions` by groups · `grouped`.
        """
        return positions * (self.position + self.tap * taps + self.slot * slots)


@dataclass(frozen=True)
class DepthwiseTime:
    """Time of a depthwise convolution per element written, in nanoseconds.

    Attributes:
        element: fixed time.
        tap: time per tap of the kernel.
        channels: channels of a pixel that the kernel computes at once; the last ones of a pixel
            take as long when there are fewer.
    """

    element: float
    tap: float
    channels: int

    def time(self, pixels: float, channels: int, taps: int) -> float:
        """Compute the time of a number of pixels written, of the given channels and taps, in ns.

        Channels are rounded up to a multiple of those that the kernel computes at once.
        """
        filled = -(-channels // self.channels) * self.channels
        return pixels * filled * (self.element + self.tap * taps)


@dataclass(frozen=True)
class ArithmeticTimes:
    """Times of the kernels of one arithmetic, int8 or float32, in nanoseconds of one thread.

    Attributes:
        convolution: convolutions that compute all channels of a group at once.
        depthwise: depthwise convolutions.
        pooling: (per element written, per tap of each element).
        moved: (per contiguous run copied, per element).
        reduction: per element read.
        resize: per element written, by interpolation mode ("nearest", "linear").
        elements: per element written, by ONNX operator.
        other: per element written, of any other operator.
    """

    convolution: ConvolutionTime
    depthwise: DepthwiseTime
    pooling: tuple[float, float]
    moved: tuple[float, float]
    reduction: float
    resize: Mapping[str, float] = field(hash=False)
    elements: Mapping[str, float] = field(hash=False)
    other: float


@dataclass(frozen=True)
class KernelTimes:
    """Times of all operators on a processor family, in nanoseconds of one thread.

    Attributes:
        int8: times of int8 kernels.
        float32: times of float32 kernels.
        conversion: per element quantized or dequantized.
        pixel: per element of an int8 file's images, which TFLite's reference kernel converts from
            uint8 to int8 and back.
    """

    int8: ArithmeticTimes
    float32: ArithmeticTimes
    conversion: float
    pixel: float

    def of(self, *, in_float: bool) -> ArithmeticTimes:
        """Return the times, in ns, of float32 kernels if `in_float`, else those of int8 kernels."""
        return self.float32 if in_float else self.int8
