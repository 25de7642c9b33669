"""What a step of the quantizer did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.quantize.ranges.ranges import ChannelRange

Result = TypeVar("Result")


@dataclass(frozen=True)
class QuantizationStep:
    """A step of the quantizer and where the graph stood after it.

    Attributes:
        name: of the step, in the words of the recipes.
        psnr: dB between the images of the float and of the quantized graph, mean over patches of
            the calibration images that no step learned from; the reason where the step did not run.
        kept: whether the graph was nearer to the float one than before; else it was put back.
    """

    name: str
    psnr: float | Skipped
    kept: bool = True


@dataclass(frozen=True)
class QuantizationState:
    """A float graph, its QDQ graph, and the ranges that its activations take."""

    original: ir.Model
    quantized: ir.Model
    seen: Mapping[str, ChannelRange]


def no_progress(*words: object) -> None:
    """Tell nobody how far the work is."""


def not_run(name: str, reason: Skipped) -> QuantizationStep:
    """Return the record of a step that the recipe asks for and that did not run."""
    return QuantizationStep(name, reason, kept=False)


def psnr_after(steps: Iterable[QuantizationStep]) -> float:
    """Return the dB of the graph that the kept steps came to."""
    return max(s.psnr for s in steps if s.kept and not isinstance(s.psnr, Skipped))


def covered(step: Callable[[], Result]) -> Result | Skipped:
    """Return what a step comes to, or the operator that it cannot compute.

    Steps that need gradients or single layers execute the graph in torch.
    """
    from edge_imgq.quantize.torch.torch_inputs import NotCoveredError

    try:
        return step()
    except NotCoveredError as error:
        return Skipped(str(error))
