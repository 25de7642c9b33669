"""How a network is spelled in a file: for which processor, and with which constants.

The GPU delegate reads a file otherwise than the processor's kernels do:

1. A transposed convolution with a fused activation is version 4 of its operator; the delegate takes
   versions up to 3, so that the activation stands behind it as an operator.
2. The padding SAME of a transposed convolution is counted from the size of its *input*:
   max(0, kernel − (size − 1) mod stride − 1). That is TFLite's own only where the stride divides
   the size; elsewhere VALID and a SLICE say the same in terms that both count alike.
3. Float16 constants are read through DEQUANTIZE, as in TensorFlow's float16 files. XNNPACK does so
   too, and computes in float32.
4. LiteRT's GPU kernels take a PAD or PADV2 into the window behind it, and count what it adds as
   that window's own padding: zeros, whatever it is filled with, or nothing in a pool. Means that
   count their padding are depthwise convolutions; where another fill or a pool makes it wrong, the
   ADD of a zero stands between (LiteRT 2.3.0, run).
5. LiteRT's GPU kernels compute grouped convolutions wrongly whose groups are no multiples of four
   channels; these have the weights of all channels (LiteRT 2.3.0, run).
6. They add and subtract the parts of a SPLIT wrongly; parts are SLICEs (LiteRT 2.3.0, run).
7. With float32 enforced they join zeros in the place of a float16 constant; constants that are
   joined to an image are float32 (LiteRT 2.3.0, run).

Source of the others: TensorFlow, `tensorflow/lite/delegates/gpu/common/model_builder.cc`
(TransposeConvBuiltinOperationParser, UpdatePadding), `operations.cc` (CalculateSamePadding) and
`model_builder_helper.cc` (CreateVectorCopyData).
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.kernels.profile import KernelProfile


@dataclass(frozen=True)
class LoweringOptions:
    """How a network is written.

    Attributes:
        gpu: for the GPU delegate, not for XNNPACK.
        float16_weights: constants of more than one number are float16, each behind a DEQUANTIZE.
        kernels: of the processor; what has no integer kernel there is written in float.
    """

    gpu: bool = False
    float16_weights: bool = False
    kernels: KernelProfile = DEFAULT


DEFAULT_OPTIONS = LoweringOptions()
"""For XNNPACK, in float32."""
