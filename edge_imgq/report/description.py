"""What a written file consists of: the value behind `edge-imgq inspect`, for every format."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.contract import FileNote
from edge_imgq.runtime.memory import ActivationMemory
from edge_imgq.runtime.placement.rules import Placed
from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class TensorRow:
    """An input or output of a file.

    Attributes:
        name: as an app addresses it.
        shape: in the file's own layout; a word for a length that is open.
        dtype: "float32", "uint8", …
        scale: real value of one integer step, None where the type is not quantized.
        zero_point: integer that stands for 0; None likewise.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class SignatureRow:
    """A way to call a file.

    Attributes:
        name: that an app asks for; empty where a file has only one way, without a name.
        inputs: by the names that the app gives them.
        outputs: likewise.
    """

    name: str
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]


@dataclass(frozen=True)
class KernelWindow:
    """What a convolution or pooling lays on its input.

    Attributes:
        kernel: height and width.
        stride: rows and columns from one place to the next; of a transposed convolution, in the
            output.
        dilation: rows and columns from one tap to the next.
        groups: into which channels are parted; as many as channels are depthwise.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


@dataclass(frozen=True)
class OperatorRow:
    """One operator of a file.

    Attributes:
        kind: the format's own name of the operator.
        name: of its first output.
        shape: of its first output, in the file's own layout.
        dtype: of its first output.
        macs: multiply-accumulates for one image.
        parameters: constant numbers that it reads (weights, bias, slopes), shapes not counted.
        fused: activation that it applies to its output; empty for none.
        window: of a convolution or pooling; None for others, and for windows not in a plane.
        node: its own name, in formats whose operators have one.
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
    """An operator that a target has no form for.

    Attributes:
        operator: its kind and its node, e.g. "Erf 'node_3'".
        reason: why, and what to do: a sentence without its capital.
    """

    operator: str
    reason: str


@dataclass(frozen=True)
class TargetOutlook:
    """Whether `export` would write a target.

    Attributes:
        target: the recipe's stem.
        refused: the operators that stand in the way; none where the target would be written.
        missing: what compiles its files for NPUs and is not installed here, and where to get it, a
            sentence for each vendor; the files of their chips are then not written.
        package: what writes its files and is not installed here, and how to install it, in
            sentences; empty where nothing is missing. There is then no file at all.
    """

    target: str
    refused: tuple[RefusedOperator, ...]
    missing: tuple[str, ...] = ()
    package: str = ""


@dataclass(frozen=True)
class PassRow:
    """A pass of a graph.

    Attributes:
        name: as people read it.
        count: rewritings that it did.
        reason: why it stands in its phase.
    """

    name: str
    count: int
    reason: str


@dataclass(frozen=True)
class PhaseRow:
    """A phase of passes.

    Attributes:
        name: one word, or the pass that a recipe names.
        passes: in order.
        nodes: of the graph, after it.
    """

    name: str
    passes: tuple[PassRow, ...]
    nodes: int


@dataclass(frozen=True)
class PassesOfTargets:
    """What the passes of some targets did to a graph.

    Attributes:
        targets: whose recipes name the same passes.
        nodes: of the graph, before them.
        phases: in order; none where recipes name no passes.
    """

    targets: tuple[str, ...]
    nodes: int
    phases: tuple[PhaseRow, ...]


@dataclass(frozen=True)
class FileDescription:
    """A whole file.

    Attributes:
        format: what people call it, as in `edge_imgq.formats.FORMATS`.
        inputs: the images that it takes.
        outputs: the images that it returns.
        operators: in the order of execution.
        parameters: constant numbers in the file; one that two operators share counts once.
        zeros: how many of them are zero.
        macs: multiply-accumulates for one image.
        bytes: size on disk.
        note: what the file says about itself; None if edge-imgq did not write it.
        placements: which accelerator takes which operator, measured or by rules.
        sizes: heights and widths of all signatures, where there are several.
        memory: of its activations, or why that is not known.
        counted_at: height and width that operators were counted at, where the file leaves it open.
        model_parameters: of the float reference that lies beside the file; None without one.
        targets: what stands in the way of each target of a float ONNX model, or why export refuses
            the model itself; none for other files.
        compared_by: what ran a float ONNX file to compare it with the model that `export` reads
            from it, and found the same image; why they were not compared; empty for other files.
        passes: what passes do to a float ONNX model for each target, where that was asked for.
        compiled_for: the chip whose NPU the file was compiled for, in words; empty for others. Its
            operators are then those that are left to see.
        graph: name of the graph that holds the operators; empty in formats that have none.
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
    placements: tuple[Placed, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    counted_at: tuple[int, int] | None = None
    model_parameters: int | None = None
    targets: tuple[TargetOutlook, ...] | Skipped = ()
    compared_by: str | Skipped = ""
    passes: tuple[PassesOfTargets, ...] = ()
    compiled_for: str = ""
    graph: str = ""

    @property
    def kinds(self) -> dict[str, int]:
        """How often each kind of operator occurs, most frequent first."""
        counts: dict[str, int] = {}
        for row in self.operators:
            counts[row.kind] = counts.get(row.kind, 0) + 1
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
