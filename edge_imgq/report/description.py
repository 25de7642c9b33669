"""Description of a model file of any format, as shown by `edge-imgq inspect`."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.contract import FileNote, ImageContract, PixelRange
from edge_imgq.runtime.memory import ActivationMemory
from edge_imgq.runtime.placement.rules import AcceleratorPlacement
from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class TensorRow:
    """An input or output of a file.

    Attributes:
        name: Name by which an app addresses it.
        shape: Shape in the file's own layout; a word for an open dimension.
        dtype: Data type: "float32", "uint8", ...
        scale: Real value of one level; None if not quantized.
        zero_point: Integer that represents 0; None if not quantized.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class SignatureRow:
    """A signature of a file.

    Attributes:
        name: Signature name; empty for a file with one unnamed signature.
        inputs: Inputs under their names in the signature.
        outputs: Outputs under their names in the signature.
    """

    name: str
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]


@dataclass(frozen=True)
class KernelWindow:
    """Window of a convolution or pooling operator.

    Attributes:
        kernel: Kernel height and width.
        stride: Vertical and horizontal stride; of a transposed convolution, in the output.
        dilation: Vertical and horizontal dilation.
        groups: Number of channel groups; equal to the channels for a depthwise convolution.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


@dataclass(frozen=True)
class OperatorRow:
    """One operator of a file.

    Attributes:
        kind: Operator type in the format's own terms.
        name: Name of its first output.
        shape: Shape of its first output, in the file's own layout.
        dtype: Data type of its first output.
        macs: Multiply-accumulates for one image.
        parameters: Number of constants that it reads (weights, bias, slopes), without shapes.
        fused: Fused activation; empty for none.
        window: Window of a two-dimensional convolution or pooling; None for others.
        node: Name of the operator itself, in formats that have one; else empty.
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    macs: int
    parameters: int
    fused: str = ""
    window: KernelWindow | None = None
    node: str = ""


@dataclass(frozen=True)
class RefusedOperator:
    """An operator that a target cannot express.

    Attributes:
        operator: Type and node name, e.g. "Erf 'node_3'".
        reason: Why, and what to do: a sentence that begins in lower case.
    """

    operator: str
    reason: str


@dataclass(frozen=True)
class TargetOutlook:
    """Whether `export` can write a target for a model.

    Attributes:
        target: Recipe stem.
        refused: Operators that the target cannot express; empty if it can be written.
        missing: One sentence per vendor whose NPU compiler is not installed, and where to get it;
            files for its chips are not written.
        package: Sentences on a package that is needed to write the target and not installed, or on
            its recipe if that is invalid or states a size that the model does not take; empty if
            nothing is missing. There is no file then.
        recipe_size: Height and width in pixels that its recipe states for the model; None if the
            model or the user states them, or `export` needs --size.
    """

    target: str
    refused: tuple[RefusedOperator, ...]
    missing: tuple[str, ...] = ()
    package: str = ""
    recipe_size: tuple[int, int] | None = None


@dataclass(frozen=True)
class PassRow:
    """Result of one graph pass.

    Attributes:
        name: Readable name of the pass.
        count: Number of rewrites.
        reason: Why the pass runs in its phase.
    """

    name: str
    count: int
    reason: str


@dataclass(frozen=True)
class PhaseRow:
    """Results of a phase of graph passes.

    Attributes:
        name: Name of the phase, or of the pass that a recipe names.
        passes: Its passes, in order.
        nodes: Nodes of the graph after the phase.
    """

    name: str
    passes: tuple[PassRow, ...]
    nodes: int


@dataclass(frozen=True)
class PassesOfTargets:
    """Results of the graph passes of one or more targets.

    Attributes:
        targets: Targets whose recipes name the same passes.
        nodes: Nodes of the graph before the passes.
        phases: Phases in order; empty if the recipes name no passes.
    """

    targets: tuple[str, ...]
    nodes: int
    phases: tuple[PhaseRow, ...]


@dataclass(frozen=True)
class FileDescription:
    """Description of a model file.

    Attributes:
        format: Name of the format, as in `edge_imgq.formats.FORMATS`.
        inputs: Inputs.
        outputs: Outputs.
        operators: Operators in execution order.
        parameters: Number of constants in the file; shared ones count once.
        zeros: Number of constants that are zero.
        macs: Multiply-accumulates for one image.
        bytes: Size on disk.
        note: Metadata that edge-imgq wrote into the file; None for other files.
        placements: Operators that each accelerator takes, measured or by rules.
        sizes: Heights and widths of the signatures, if there are several.
        memory: Peak memory of the activations, or why it is unknown.
        counted_at: Height and width assumed for counts, if the file leaves the size open.
        model_parameters: Parameters of the float reference beside the file; None without one.
        targets: For a float ONNX model, what prevents each target, or why export refuses the model;
            empty for other files.
        contract: For a float ONNX model, the contract by which `export` takes it; None for other
            files and models that `export` refuses.
        pixels: The model's numbers for pixel 0 and pixel 255, if there is a contract.
        compared_by: Runtime that ran a float ONNX file and found its output equal to that of the
            model that `export` reads from it, or why they were not compared; empty for other
            files.
        passes: Results of the graph passes for each target, if requested.
        compiled_for: Description of the chip whose NPU the file was compiled for, else empty. Only
            the operators outside the compiled ones are then listed.
        graph: Name of the graph with the operators; empty in formats without names.
    """

    format: str
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]
    operators: tuple[OperatorRow, ...]
    parameters: int
    zeros: int
    macs: int
    bytes: int
    memory: ActivationMemory | Skipped
    note: FileNote | None = None
    placements: tuple[AcceleratorPlacement, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    counted_at: tuple[int, int] | None = None
    model_parameters: int | None = None
    targets: tuple[TargetOutlook, ...] | Skipped = ()
    contract: ImageContract | None = None
    pixels: PixelRange | None = None
    compared_by: str | Skipped = ""
    passes: tuple[PassesOfTargets, ...] = ()
    compiled_for: str = ""
    graph: str = ""

    @property
    def kinds(self) -> dict[str, int]:
        """Number of operators by type, most frequent first; of equal counts in order of name."""
        counts: dict[str, int] = {}
        for row in self.operators:
            counts[row.kind] = counts.get(row.kind, 0) + 1
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
