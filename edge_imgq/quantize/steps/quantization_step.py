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
        name: name of the step, as in recipes; "scales" for the choice of scales.
        psnr: PSNR in dB to the float model after the step, mean over held-out patches; `Skipped`
            with the reason if the step did not run.
        kept: whether the PSNR did not decrease; if False, the step was undone or did not run.
    """

    name: str
    psnr: float | Skipped
    kept: bool = True


@dataclass(frozen=True)
class QuantizationState:
    """A float graph with its QDQ graph.

    Attributes:
        original: float graph.
        quantized: its QDQ graph, with the same node names.
        observed: ranges of the activations of `original`, by value name.
    """

    original: ir.Model
    quantized: ir.Model
    observed: Mapping[str, ChannelRange]


def no_progress(*words: object) -> None:
    """Accept any arguments and do nothing: the default of arguments that report progress."""


def not_run(name: str, reason: Skipped) -> QuantizationStep:
    """Return the record of a requested step that did not run.

    Args:
        name: name of the step, as in recipes.
        reason: why it did not run; it takes the place of the PSNR.
    """
    return QuantizationStep(name, reason, kept=False)


def psnr_after(steps: Iterable[QuantizationStep]) -> float:
    """Return the PSNR in dB to the float model after the kept steps: the largest of theirs.

    Raises:
        ValueError: no step was kept that has a PSNR.
    """
    return max(s.psnr for s in steps if s.kept and not isinstance(s.psnr, Skipped))


def covered(step: Callable[[], Result]) -> Result | Skipped:
    """Call a function; return `Skipped` with the reason if an operator has no torch implementation.

    Steps that need gradients or the values of single layers run the graph in torch. Only
    NotCoveredError is caught.
    """
    from edge_imgq.quantize.torch.torch_inputs import NotCoveredError

    try:
        return step()
    except NotCoveredError as error:
        return Skipped(str(error))
