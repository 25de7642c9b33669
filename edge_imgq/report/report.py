"""The one value that a run of the tool comes to; everything shown is rendered from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from edge_imgq.contract import ImageContract
from edge_imgq.devices.instructions import Instructions
from edge_imgq.devices.latency import Latency
from edge_imgq.errors import ModelError, UnsupportedOperatorError
from edge_imgq.quantize.error_model.level_gain import NEARLY_ITS_GRAPH, LevelGain
from edge_imgq.quantize.steps.quantization_step import QuantizationStep
from edge_imgq.recipe.export import Budget, recipe_name
from edge_imgq.report.diagnosis import WITHIN, Diagnosis
from edge_imgq.runtime.memory import ActivationMemory
from edge_imgq.runtime.protocol import Placement
from edge_imgq.runtime.versions import PackageVersion
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import (
    NO_BUILTIN_KERNELS,
    Agreement,
    BuiltinKernels,
    Conversion,
    Drop,
    Fidelity,
    FrameDrift,
    ImageFigures,
    OutputDrift,
)
from edge_imgq.verify.gpu_drift import NOT_ON_GPU, GpuDrift
from edge_imgq.verify.mean_error import MeanError
from edge_imgq.verify.output_range import OutputRange
from edge_imgq.verify.port_error import A_PICTURE, PortError

NOT_LOOKED_AT = Skipped("no file ran on an image")

RANGE_DOUBT = "its image is nothing like the photograph"
"""Stands in the advice about a model whose pixels may have another range than was taken."""

SCHEMA = 7
"""Version of the JSON form."""


@dataclass(frozen=True)
class TargetReport:
    """What is known of one written file.

    Attributes:
        target: the recipe's stem.
        file: path below the model's folder.
        bytes: size of the file, or of all files of a package.
        sha256: digest of the file, or of the package's files in order of their names.
        quantized_sha256: digest of the QDQ graph that it was lowered from; empty for float files.
        runtime: what executed it, e.g. "LiteRT 2.3.0 (XNNPACK)".
        vs_reference: the file against the float reference.
        drop: loss against ground truth.
        quantization: the QDQ graph against the float reference; skipped for float files.
        conversion: the file against the graph that it was lowered from.
        mean_error: signed, of the file against the float reference.
        images: the figures of each image.
        vs_host: the file on the device against the same file on this host.
        placement: who runs its operators.
        latency: time on the device.
        instructions: of one call there.
        memory: of its activations, read from the file.
        breaches: one sentence for each budget that the file exceeds.
        sizes: heights and widths of the input that a file of fixed size was measured at, all
            together; none where it took images as they are.
        builtin_kernels: an int8 TFLite file in TFLite's own kernels, without XNNPACK.
        budget: that it was held to; None where no recipe has one.
        gpu: one image in LiteRT's GPU kernels, in float16 and in float32.
        numbers: errors of a result that is no picture, in its own unit.
        others: what it returns beside the first result.
        amplified: the tensor of its graph one level of which becomes most levels of the image,
            where many values are levels off the graph.
        growth: of a network that hands something to itself, drift after some frames; all other
            figures are those after the last of them.
    """

    target: str
    file: str
    bytes: int
    sha256: str
    quantized_sha256: str
    runtime: str
    vs_reference: Fidelity
    drop: Drop | Skipped
    quantization: Fidelity | Skipped
    conversion: Conversion
    mean_error: MeanError
    images: tuple[ImageFigures, ...]
    vs_host: Agreement | Skipped
    placement: Placement | Skipped
    latency: Latency | Skipped
    instructions: Instructions | Skipped
    memory: ActivationMemory | Skipped
    breaches: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...] = ()
    builtin_kernels: BuiltinKernels | Skipped = NO_BUILTIN_KERNELS
    budget: Budget | None = None
    gpu: GpuDrift | Skipped = NOT_ON_GPU
    numbers: PortError | Skipped = A_PICTURE
    others: tuple[OutputDrift, ...] = ()
    amplified: LevelGain | Skipped = NEARLY_ITS_GRAPH
    growth: tuple[FrameDrift, ...] = ()


@dataclass(frozen=True)
class NotRun:
    """A file that was not measured, for a fault of its own or since the device did not run it.

    Attributes:
        file: path below the model's folder.
        reason: a sentence.
        exit_code: what the command exits with for it: see `errors.code_of_not_run`.
    """

    file: str
    reason: str
    exit_code: int

    @property
    def at_fault(self) -> bool:
        """Whether the file itself is the reason: damaged, or made from other references."""
        return self.exit_code == ModelError.exit_code

    @property
    def words(self) -> str:
        """What became of it: a file that is at fault may never have been tried."""
        return "was not measured" if self.at_fault else "did not run"


@dataclass(frozen=True)
class Failed:
    """A target that got no file.

    Attributes:
        target: its name.
        reason: a sentence, or several lines.
        exit_code: what the command exits with for it.
        trace: where in the program an error that is its own came up; empty for others.
    """

    target: str
    reason: str
    exit_code: int
    trace: str = ""


Missing = TypeVar("Missing", bound=NotRun | Failed)


def by_reason(missing: Iterable[Missing]) -> dict[str, tuple[Missing, ...]]:
    """Group what is not there by the reason, in order of the first of each."""
    groups: dict[str, tuple[Missing, ...]] = {}
    for entry in missing:
        groups[entry.reason] = (*groups.get(entry.reason, ()), entry)
    return groups


@dataclass(frozen=True)
class SchemeReport:
    """How the graph of one quantization recipe came about.

    Attributes:
        scheme: the recipe's stem.
        steps: in their order, with what each came to on held-out calibration patches.
        diagnosis: which layers make the loss, where files are over budget; else why there is none.
    """

    scheme: str
    steps: tuple[QuantizationStep, ...]
    diagnosis: Diagnosis | Skipped = WITHIN


@dataclass(frozen=True)
class Report:
    """One run of `export` or `verify` over the files of one model.

    Attributes:
        model: its name.
        version: of edge-imgq.
        contract: the meaning of the pixels.
        parameters: of the float reference.
        reference_sha256: digest of the float reference.
        graph_sha256: digest of its graph without the weights.
        calibration: the images that scales came from, in words; empty when nothing was quantized.
        calibration_sha256: digest of their names and contents; likewise.
        evaluation: the images that drift was measured on, in words.
        evaluation_sha256: digest of their names and contents.
        versions: of the packages that ran files and references.
        targets: one per file.
        device: where the files ran, e.g. "host", "hexagon:sm8750".
        not_run: files that did not run there to the end.
        output_range: where the float model's values lie, before they become pixels; or numbers of
            a result that is no picture, of whose range 0 … peak are the ends.
        failed: targets of an export that got no file; the others have theirs.
        schemes: one per quantized graph that this run made; none where it made none.
        advice: sentences about what the calibration images lack, and about the model's pixels.
        original: the runtime of the person's own .onnx file, where drift was measured against that;
            why it was measured against the float graph read from it instead; empty for a model
            that came from no such file.
    """

    model: str
    version: str
    contract: ImageContract
    parameters: int
    reference_sha256: str
    graph_sha256: str
    calibration: str
    calibration_sha256: str
    evaluation: str
    evaluation_sha256: str
    versions: tuple[PackageVersion, ...]
    targets: tuple[TargetReport, ...]
    device: str = "host"
    not_run: tuple[NotRun, ...] = ()
    output_range: OutputRange | Skipped = NOT_LOOKED_AT
    failed: tuple[Failed, ...] = ()
    schemes: tuple[SchemeReport, ...] = ()
    advice: tuple[str, ...] = ()
    original: str | Skipped = ""

    @property
    def range_warning(self) -> str:
        """The advice that pixels may have another range, so that all figures mislead; or ""."""
        return next((sentence for sentence in self.advice if RANGE_DOUBT in sentence), "")

    @property
    def breaches(self) -> tuple[str, ...]:
        """Every exceeded budget, with its target."""
        return tuple(
            f"{target.target}: {breach}" for target in self.targets for breach in target.breaches
        )

    @property
    def measured_against(self) -> tuple[str, ...]:
        """The float reference in words, where the model came from a person's file; or none."""
        if isinstance(self.original, Skipped):
            why = self.original.reason
            return (f"drift is against the float graph, not the model it came from: {why}",)
        return (f"drift is against your own model, run by {self.original}",) * bool(self.original)

    @property
    def reasons(self) -> dict[str, tuple[NotRun, ...]]:
        """The files that were not measured, by the reason."""
        return by_reason(self.not_run)

    @property
    def unmeasured(self) -> dict[str, tuple[NotRun, ...]]:
        """The same files by what a heading says of them: not run, or at fault themselves."""
        groups = {
            f"not run on {self.device}": tuple(f for f in self.not_run if not f.at_fault),
            "not measured": tuple(f for f in self.not_run if f.at_fault),
        }
        return {heading: files for heading, files in groups.items() if files}

    @property
    def without_refused(self) -> str:
        """How to ask for the targets alone that have a form for every operator; or ""."""
        refused = [f for f in self.failed if f.exit_code == UnsupportedOperatorError.exit_code]
        written = dict.fromkeys(recipe_name(target.target) for target in self.targets)
        if not (refused and written):
            return ""
        return f"--target {' '.join(written)} leaves out what refuses the model."

    @property
    def failures(self) -> dict[str, tuple[Failed, ...]]:
        """The targets without a file, by the reason."""
        return by_reason(self.failed)
