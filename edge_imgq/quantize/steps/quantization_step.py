"""Results of the quantizer's steps."""

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
    """Outcome of a step of the quantizer.

    Attributes:
        name: name of the step, as in recipes.
        psnr: PSNR in dB to the float model after the step, mean over held-out patches; the reason
            if the step did not run.
        kept: whether the PSNR did not decrease; if False, the step was undone.
    """

    name: str
    psnr: float | Skipped
    kept: bool = True


@dataclass(frozen=True)
class QuantizationState:
    """A float graph, its QDQ graph, and the ranges of its activations by name."""

    original: ir.Model
    quantized: ir.Model
    observed: Mapping[str, ChannelRange]


def no_progress(*words: object) -> None:
    """Ignore progress reports."""


def not_run(name: str, reason: Skipped) -> QuantizationStep:
    """Record a requested step that did not run, with the reason in place of a PSNR."""
    return QuantizationStep(name, reason, kept=False)


def psnr_after(steps: Iterable[QuantizationStep]) -> float:
    """Return the PSNR in dB to the float model after the kept steps: the largest of theirs.

    Raises:
        ValueError: no step was kept that has a PSNR.
    """
    return max(s.psnr for s in steps if s.kept and not isinstance(s.psnr, Skipped))


def covered(step: Callable[[], Result]) -> Result | Skipped:
    """Run a step; return Skipped with the reason if an operator has no torch implementation.

    Steps that need gradients or the values of single layers run the graph in torch.
    """
    from edge_imgq.quantize.torch.torch_inputs import NotCoveredError

    try:
        return step()
    except NotCoveredError as error:
        return Skipped(str(error))
