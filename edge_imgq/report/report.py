"""The report of an export or verification, from which all output is rendered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
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

SCHEMA = 7
"""Version of the JSON form."""


@dataclass(frozen=True)
class TargetReport:
    """Measurements of one written file.

    Attributes:
        target: Recipe stem.
        file: Path in the model's folder.
        bytes: Size of the file, or of all files of a package.
        sha256: SHA-256 of the file, or of the package's files in name order.
        quantized_sha256: SHA-256 of the QDQ graph that it was lowered from; empty for float files.
        runtime: Runtime that executed it, e.g. "LiteRT 2.3.0 (XNNPACK)".
        vs_reference: PSNR of the file against the float reference.
        drop: PSNR drop against ground truth.
        quantization: PSNR of the QDQ graph against the float reference; skipped for float files.
        conversion: Difference of the file from the graph that it was lowered from.
        mean_error: Signed mean error of the file against the float reference.
        images: Values of each image.
        vs_host: Agreement of the file on the device with the same file on this host.
        placement: Accelerator of its operators, and those that fall back.
        latency: Time of one call on the device.
        instructions: Instruction count of one call on the device.
        memory: Peak memory of the activations, computed from the file.
        breaches: One sentence per exceeded limit of the budget.
        sizes: Heights and widths at which a file of fixed input size was measured; empty if it took
            images of any size.
        builtin_kernels: Result of an int8 TFLite file in TFLite's built-in kernels, without
            XNNPACK.
        budget: Budget of the recipe, or None.
        gpu: Result of one image in LiteRT's GPU kernels, in float16 and in float32.
        numbers: Errors of a first output that is not an image, in its own unit.
        others: Drift of the further outputs.
        amplified: Tensor of the graph whose rounding errors are amplified most, if many values of
            the file are more than one level from the graph.
        growth: Drift by frames of a recurrent network; all other values are those after the last
            frame.
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
    """A file that was not measured, because it is faulty or the device did not run it.

    Attributes:
        file: Path in the model's folder.
        reason: The reason, in a sentence.
        exit_code: Exit code for it (`edge_imgq.errors.code_of_not_run`).
    """

    file: str
    reason: str
    exit_code: int

    @property
    def at_fault(self) -> bool:
        """True if the file itself is faulty: damaged, or made from other references."""
        return self.exit_code == ModelError.exit_code

    @property
    def words(self) -> str:
        """Predicate for messages: "was not measured" for a faulty file, else "did not run"."""
        return "was not measured" if self.at_fault else "did not run"


@dataclass(frozen=True)
class Failed:
    """A target whose export failed.

    Attributes:
        target: Target name.
        reason: The reason, in one or more lines.
        exit_code: Exit code for it.
        trace: Traceback of an internal error; empty for others.
    """

    target: str
    reason: str
    exit_code: int
    trace: str = ""


Missing = TypeVar("Missing", bound=NotRun | Failed)


def by_reason(missing: Iterable[Missing]) -> dict[str, tuple[Missing, ...]]:
    """Group files that were not measured or written by their reason, in order of occurrence."""
    groups: dict[str, tuple[Missing, ...]] = {}
    for entry in missing:
        groups[entry.reason] = (*groups.get(entry.reason, ()), entry)
    return groups


@dataclass(frozen=True)
class SchemeReport:
    """Quantizer steps and diagnosis of one quantization recipe.

    Attributes:
        scheme: Recipe stem.
        steps: Steps in order, each with the PSNR on held-out calibration patches after it.
        diagnosis: Layers that cause the loss if files are over budget, else why there is none.
    """

    scheme: str
    steps: tuple[QuantizationStep, ...]
    diagnosis: Diagnosis | Skipped = WITHIN


@dataclass(frozen=True)
class ChangedFile:
    """A file that is not the one which its export measured.

    Attributes:
        file: Path in the model's folder.
        reason: Clause on how it differs, e.g. "its bytes were changed".
    """

    file: str
    reason: str

    @property
    def warning(self) -> str:
        """The warning on it, with what to do, in sentences."""
        return (
            f"{self.file} is not the file in the report of its export: {self.reason}. These "
            "figures are of the file as it is. If the change was not meant, export the model again."
        )


@dataclass(frozen=True)
class Report:
    """Result of one `export` or `verify` run over the files of one model.

    Attributes:
        model: Model name.
        version: Version of edge-imgq.
        contract: Image contract of the model.
        parameters: Parameters of the float reference.
        reference_sha256: SHA-256 of the float reference.
        graph_sha256: SHA-256 of its graph without weights.
        calibration: Description of the calibration images; empty if nothing was quantized.
        calibration_sha256: SHA-256 of their names and contents; empty if nothing was quantized.
        evaluation: Description of the images on which drift was measured.
        evaluation_sha256: SHA-256 of their names and contents.
        versions: Versions of the packages that ran files and references.
        targets: Measurements, one entry per file.
        device: Device of the files, e.g. "host", "hexagon:sm8750".
        not_run: Files that were not measured.
        output_range: Range of the float model's output before clipping to pixels; for an output
            that is not an image, scaled so that its stated range is 0 to peak.
        failed: Targets whose export failed.
        schemes: One entry per quantized graph that this run made.
        advice: Sentences on gaps of the calibration images, small sizes and better recipes.
        original: Runtime of the user's own .onnx file if drift was measured against that, or why it
            was measured against the float graph instead; empty for a model without such a file.
        range_warning: Sentence that the model may expect another pixel range; empty if it seems
            right or was given.
        changed_files: Files that were changed or replaced after their export.
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
    range_warning: str = field(default_factory=str)
    changed_files: tuple[ChangedFile, ...] = field(default_factory=tuple)

    @property
    def breaches(self) -> tuple[str, ...]:
        """All breaches of budgets, each as "TARGET: sentence"."""
        return tuple(
            f"{target.target}: {breach}" for target in self.targets for breach in target.breaches
        )

    @property
    def measured_against(self) -> tuple[str, ...]:
        """A sentence on the reference of drift if the model is a user's .onnx file, else ().

        It names the runtime that ran that file, or says why the float graph was the reference.
        """
        if isinstance(self.original, Skipped):
            why = self.original.reason
            return (f"drift is against the float graph, not the model it came from: {why}",)
        return (f"drift is against your own model, run by {self.original}",) * bool(self.original)

    @property
    def reasons(self) -> dict[str, tuple[NotRun, ...]]:
        """Files that were not measured, by reason, in order of occurrence."""
        return by_reason(self.not_run)

    @property
    def unmeasured(self) -> dict[str, tuple[NotRun, ...]]:
        """Files that were not measured, by heading: "not run on DEVICE", "not measured" if faulty.

        Headings without files are left out.
        """
        groups = {
            f"not run on {self.device}": tuple(f for f in self.not_run if not f.at_fault),
            "not measured": tuple(f for f in self.not_run if f.at_fault),
        }
        return {heading: files for heading, files in groups.items() if files}

    @property
    def without_refused(self) -> str:
        """Advice to export only the targets that can express every operator; "" if needless.

        It is needless if no target was refused, or none was written.
        """
        refused = [f for f in self.failed if f.exit_code == UnsupportedOperatorError.exit_code]
        written = dict.fromkeys(recipe_name(target.target) for target in self.targets)
        if not (refused and written):
            return ""
        return f"--target {' '.join(written)} leaves out what refuses the model."

    @property
    def failures(self) -> dict[str, tuple[Failed, ...]]:
        """Targets whose export failed, by reason, in order of occurrence."""
        return by_reason(self.failed)
