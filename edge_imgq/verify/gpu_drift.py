"""What a GPU's own kernels make of a file: how coarse float16 is for it, and whether it is right.

Phones' GPUs compute in float16. Asked for float32, the same kernels must return what this host
returns; so that a file that is only too delicate for float16 is told from one that is computed
wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_imgq.devices.gpu.bisect import WrongOperator
from edge_imgq.runtime.fp16_overflow import Fp16Overflow
from edge_imgq.skipped import Skipped
from edge_imgq.verify.budget import LEAST_VS_HOST

LEAST_IN_FLOAT32 = 90.0
"""dB below which roundings of float32 do not explain a difference: they make 110 and more."""

WELL_IN_FLOAT16 = 55.0
"""dB from which a file in float16 gives nothing to look for."""

NOT_ON_GPU = Skipped("only float TFLite files for GPUs run in LiteRT's GPU kernels")
NOT_BISECTED = Skipped("--bisect compares every operator")

Verdict = Literal["right", "coarse", "wrong"]


@dataclass(frozen=True)
class GpuDrift:
    """One image in a file in LiteRT's GPU kernels, against the same file on this host.

    Attributes:
        runtime: LiteRT's version and the GPU, or the processor that stands for one.
        image: its name.
        size: its height and width.
        float16: dB in the precision that phones' GPUs compute in, of images that are clipped and
            not rounded.
        float32: the same with float32 enforced.
        beyond: tensors that leave float16 on that image, in their order.
        operator: the first that is computed wrongly, or why none is named.
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
        """Whether the GPU is right, or only its float16 is too coarse for the file, or neither."""
        if self.float32 < LEAST_IN_FLOAT32:
            return "wrong"
        return "coarse" if self.float16 < LEAST_VS_HOST or self.beyond else "right"

    @property
    def bisected_in_float32(self) -> bool:
        """Whether the operator to be named is one in float32; else it is one in float16."""
        return self.verdict == "wrong" or (
            self.verdict == "right" and self.float16 >= WELL_IN_FLOAT16
        )

    @property
    def breaches(self) -> tuple[str, ...]:
        """One sentence for everything that a phone's GPU would do to the file's image."""
        found = [
            f"leaves float16, in which phones' GPUs compute: {beyond}" for beyond in self.beyond[:3]
        ]
        if self.verdict == "wrong":
            found.append(
                f"is {self.float32:.1f} dB against this host in LiteRT's GPU kernels with float32 "
                f"enforced, which no rounding explains{self._named}"
            )
        elif self.verdict == "coarse" and self.float16 < LEAST_VS_HOST:
            found.append(
                f"is {self.float16:.1f} dB against this host in a GPU's float16 and "
                f"{self.float32:.1f} in its float32: the GPU is right, and float16 too coarse for "
                f"it{self._named}"
            )
        return tuple(found)

    @property
    def _named(self) -> str:
        if isinstance(self.operator, WrongOperator):
            return f". {self.operator}"
        return "; --bisect names the operator" if self.operator == NOT_BISECTED else ""
