"""Options of a .tflite file: target processor, kernels and types of constants.

The GPU delegate interprets a file differently from the CPU kernels:

1. A transposed convolution with a fused activation has operator version 4. The delegate supports
   versions up to 3, so the activation is a separate operator.
2. It computes the SAME padding of a transposed convolution from the size of its *input*:
   max(0, kernel − (size − 1) mod stride − 1). That equals TFLite's only if the stride divides the
   size; otherwise VALID and a SLICE are written, which both compute alike.
3. Float16 constants are read through DEQUANTIZE, as in TensorFlow's float16 files. XNNPACK reads
   them too, and computes in float32.
4. LiteRT's GPU kernels merge a PAD or PADV2 into the following window and treat the padding as the
   window's: zeros, whatever the fill value, or excluded in a pool. Means that include their padding
   are written as depthwise convolutions; for another fill or a pool, an ADD of zero separates them
   (measured with LiteRT 2.3.0).
5. LiteRT's GPU kernels compute grouped convolutions wrongly unless each group has a multiple of
   four channels; others get dense weights (measured with LiteRT 2.3.0).
6. They add and subtract outputs of a SPLIT wrongly; SLICEs are written (measured with LiteRT
   2.3.0).
7. With float32 enforced they concatenate zeros instead of a float16 constant; constants that are
   concatenated to an image are float32 (measured with LiteRT 2.3.0).
8. They store channels in fours, and unused ones are 0. Where a 0 would be divided by, it becomes 1:
   the next convolution multiplied NaN by weights of 0 (measured with LiteRT 2.3.0).

So does the compiler of an NPU: LiteRT 2.3.0's plugin for Qualcomm computes a mean that excludes
SAME padding wrongly, so the padding is included and corrected by a product.

Source of 1 to 3: TensorFlow, `tensorflow/lite/delegates/gpu/common/model_builder.cc`
(TransposeConvBuiltinOperationParser, UpdatePadding), `operations.cc` (CalculateSamePadding) and
`model_builder_helper.cc` (CreateVectorCopyData).
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.kernels.profile import KernelProfile


@dataclass(frozen=True)
class LoweringOptions:
    """Options of a .tflite file.

    Attributes:
        gpu: True for the GPU delegate, False for XNNPACK.
        npu: True for a file that the compiler of an NPU reads.
        float16_weights: True to store constants of more than one element as float16 after a
            DEQUANTIZE.
        kernels: integer kernels of the processor; operators without one are computed in float.
    """

    gpu: bool = False
    npu: bool = False
    float16_weights: bool = False
    kernels: KernelProfile = DEFAULT


DEFAULT_OPTIONS = LoweringOptions()
"""Float32 for XNNPACK."""
