"""Kernel profiles of x86-64 processors.

Costs in slots were measured on FSRCNN at 180×320, and on chains of 3×3 and 1×1 convolutions of 8 to
64 channels at 90×160, with LiteRT on one thread of an AMD EPYC with AVX-512. Slots rank the
variants of FSRCNN as their times do, and ratios of slots predict ratios of times within 15 %.
Tiles: XNNPACK's microkernels, src/f32-igemm and src/qs8-qc8w-igemm, "7x16" and "7x16c8".

Times were measured with LiteRT 2.3.0 on one thread of an Intel Xeon with AVX-512, VNNI and AMX, as
the minimum processor time of many short interleaved runs: chains of one to six of each operator, 32
channels at 96×128, and 24 files of SPAN, ETDS, ESPCN and FSRCNN at 128×160 with no, some and all
layers in float. The numbers fit all these times by least squares of relative errors. RLFN, VapSR
and SMFANet were left out of the fit and lie within its errors; the share of groups is from SMFANet.
Families with fewer instructions were measured on the same processor, with the additional
instructions hidden from XNNPACK's CPUID check.

Depthwise kernels compute sixteen channels at once ("9p16c" and "25p16c" of src/f32-dwconv and
src/qs8-qc8w-dwconv), so 36 channels take as long as 48, in float rather longer. Their times are
from chains of 3×3 and 5×5 kernels of 16 to 64 channels at 96×128, one thread of an Intel Xeon with
AVX-512 and VNNI.

The times of all three families are in slots of the VNNI tiles. The AMX tile is 64 wide, which the
fit of its times absorbs.
"""

from __future__ import annotations

from dataclasses import replace

from edge_imgq.kernels.profile import ActivationCost, RowParityCost, TimedProfile
from edge_imgq.kernels.tile import Tile
from edge_imgq.kernels.times import ArithmeticTimes, ConvolutionTime, DepthwiseTime, KernelTimes
from edge_imgq.kernels.xnnpack import DEPTHWISE_TAPS, NO_INTEGER_KERNEL, TABLED

_FLOAT32 = ArithmeticTimes(
    convolution=ConvolutionTime(position=2.2, tap=1.4, slot=0.0223),
    depthwise=DepthwiseTime(0.06, 0.053, channels=16),
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

_INT8 = ArithmeticTimes(
    convolution=ConvolutionTime(position=6.0, tap=1.4, slot=0.0049, grouped=0.45),
    depthwise=DepthwiseTime(0.11, 0.076, channels=16),
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

_TIMES = KernelTimes(_INT8, _FLOAT32, conversion=0.14, pixel=0.8)

ROW_PARITY = RowParityCost(near=20, far=60, near_numbers=450_000, split=10, interleave=30)
"""Measured on chains of 3×3 convolutions with ReLU, minimal over plain, predicted and measured: 24
channels at 96×128 0.81 and 0.83, 32 channels 0.81 and 0.81, 64 channels 0.74 and 0.79; 32 channels
at 180×320, where they would be 1.08, 0.98; 64 channels 0.88 and 0.91."""

X86_VNNI = TimedProfile(
    name="x86 with VNNI",
    int8=Tile(outputs=16, inputs=8),
    float32=Tile(outputs=16),
    position=1250,
    copy=25,
    row_parity=ROW_PARITY,
    activations=ActivationCost(prelu=70, remainder=1700, leaky=15),
    depthwise_taps=DEPTHWISE_TAPS,
    no_integer_kernel=NO_INTEGER_KERNEL,
    tabled=TABLED,
    multiplies_bytes=True,
    splits_remainder_outputs=False,
    prunes_sign_channels=False,
    times=_TIMES,
)

X86_AMX = replace(
    X86_VNNI,
    name="x86 with AMX",
    times=replace(
        _TIMES,
        int8=replace(_INT8, convolution=ConvolutionTime(position=13.0, tap=3.0, slot=0.0016)),
    ),
)

X86 = replace(
    X86_VNNI,
    name="x86 without VNNI",
    multiplies_bytes=False,
    times=replace(
        _TIMES,
        int8=replace(
            _INT8,
            convolution=ConvolutionTime(position=6.2, tap=1.5, slot=0.0170, grouped=0.45),
            depthwise=DepthwiseTime(0.11, 0.089, channels=16),
        ),
    ),
)
