"""Judge a file's drift in LiteRT's GPU kernels: correct, too coarse in float16, or wrong.

Phones' GPUs compute in float16. With float32 enforced, the same kernels must reproduce this host's
result; this separates files that float16 is too coarse for from files that are computed wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_imgq.devices.gpu.bisect import WrongOperator
from edge_imgq.runtime.fp16_overflow import Fp16Overflow
from edge_imgq.skipped import Skipped
from edge_imgq.verify.budget import MIN_PSNR_VS_HOST

MIN_FLOAT32_PSNR = 90.0
"""PSNR in dB below which float32 rounding does not explain a difference; it yields 110 and more."""

WELL_IN_FLOAT16 = 55.0
"""PSNR in dB from which the float16 result needs no bisection."""

NOT_ON_GPU = Skipped("only float TFLite files for GPUs run in LiteRT's GPU kernels")
NOT_BISECTED = Skipped("--bisect compares every operator")

Verdict = Literal["right", "coarse", "wrong"]


@dataclass(frozen=True)
class GpuDrift:
    """PSNR of a file in LiteRT's GPU kernels against the same file on this host, for one image.

    Attributes:
        runtime: LiteRT's version and the GPU, or the processor that emulates one.
        image: name of the image.
        size: (height, width) of the image.
        float16: PSNR in dB in float16, of images that are clipped but not rounded.
        float32: PSNR in dB with float32 enforced.
        beyond: tensors that overflow float16 on that image, in graph order.
        operator: first operator that is computed wrongly, or why none is named.
    """

    runtime: str
    image: str
    size: tuple[int, int]
    float16: float
    float32: float
    beyond: tuple[Fp16Overflow, ...]
    operator: WrongOperator | Skipped = NOT_BISECTED

    @property
    def verdict(self) -> Verdict:
        """Verdict: "wrong" if the image in float32 is off, "coarse" if only float16 is, or "right".

        Float32 is off below 90 dB against this host, float16 below 45 dB or if a tensor overflows.
        """
        if self.float32 < MIN_FLOAT32_PSNR:
            return "wrong"
        return "coarse" if self.float16 < MIN_PSNR_VS_HOST or self.beyond else "right"

    @property
    def is_doubtful(self) -> bool:
        """True if an operator should be searched: not "right", or below 55 dB in float16."""
        return self.verdict != "right" or self.float16 < WELL_IN_FLOAT16

    @property
    def bisected_in_float32(self) -> bool:
        """True if bisection compares operators in float32, False if in float16.

        In float32 if the file is wrong, or right and at 55 dB or more in float16, which then shows
        no error.
        """
        return self.verdict == "wrong" or (
            self.verdict == "right" and self.float16 >= WELL_IN_FLOAT16
        )

    @property
    def breaches(self) -> tuple[str, ...]:
        """One sentence per defect of the file's image on a phone's GPU; () if it is right.

        At most three tensors that overflow float16, and the PSNR in dB of a wrong or coarse image.
        """
        sentences = [
            f"leaves float16, in which phones' GPUs compute: {beyond}" for beyond in self.beyond[:3]
        ]
        if self.verdict == "wrong":
            sentences.append(
                f"is {self.float32:.1f} dB against this host in LiteRT's GPU kernels with float32 "
                f"enforced, which no rounding explains{self._named}"
            )
        elif self.verdict == "coarse" and self.float16 < MIN_PSNR_VS_HOST:
            sentences.append(
                f"is {self.float16:.1f} dB against this host in a GPU's float16 and "
                f"{self.float32:.1f} in its float32: the GPU is right, and float16 too coarse for "
                f"it{self._named}"
            )
        return tuple(sentences)

    @property
    def _named(self) -> str:
        if isinstance(self.operator, WrongOperator):
            return f". {self.operator}"
        return "; --bisect names the operator" if self.operator == NOT_BISECTED else ""
