"""TFLite as an export format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import lcm
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edge_imgq.chips import CHIPS
from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError
from edge_imgq.export.export_spec import ExportSpec, Size, bound, refused_at_any_size
from edge_imgq.export.functions import FormatFunctions
from edge_imgq.runtime.npu_file import compiled_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.export.refusal import Refusal
    from edge_imgq.export.tflite.lowering_options import LoweringOptions
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.report.description import FileDescription, SignatureRow
    from edge_imgq.runtime.memory import MemoryPlan
    from edge_imgq.runtime.protocol import Placement, Session
    from edge_imgq.runtime.written_tensor import WrittenTensor


def write_tflite(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    """Lower the graph to a .tflite file with one signature per size.

    Images are (1, H, W, C), float32 for a float graph and uint8 for a quantized one. The note of a
    file with one size says whether the input may be resized, and to which multiples. Files for CPUs
    get the fastest rewrites, which may require larger multiples, unless `spec.plain`. Files for
    NPUs are compiled from the CPU file, with operators rewritten that the NPU computes wrongly. An
    existing file is overwritten.

    Args:
        graph: float or QDQ graph.
        spec: sizes, note, processor and precision of the file.
        path: the .tflite file.

    Raises:
        UnsupportedOperatorError: TFLite cannot express some operators, or the NPU takes none.
        RuntimeUnavailableError: the NPU's compiler is not installed.
        ModelError: the graph does not accept a size.
    """
    if spec.processor in CHIPS:
        _write_compiled(graph, spec, path)
    else:
        _write(graph, spec, path)


def _write_compiled(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    """Compile a file for an NPU; the note records the operator count before compiling."""
    from edge_imgq.export.npu.compiler import compile_for
    from edge_imgq.runtime.tflite_file import read_model

    with TemporaryDirectory(prefix="edge-imgq-npu-") as folder:
        plain = Path(folder) / "plain.tflite"
        _write(graph, spec, plain)
        count = len(read_model(plain).subgraphs[0].operators)
        noted = replace(spec.note, operators=count)
        _write(graph, replace(spec, note=noted), plain)
        compile_for(CHIPS[spec.processor], plain, path)


def _write(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    from edge_imgq.export.tflite.dynamic_resize import is_resizable
    from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
    from edge_imgq.export.tflite.lower import lower, lower_sizes

    note, plain = spec.note, spec.plain or spec.processor == "gpu"
    options = _lowering_options(graph, spec)
    networks = {size: bound(graph, size, note) for size in spec.sizes}
    choices = {} if plain else networks
    fast = {size: fastest_rewrites(network, graph.kernels) for size, network in choices.items()}
    networks |= {size: rewrite.network for size, rewrite in fast.items()}
    if len(networks) > 1:
        path.write_bytes(lower_sizes(networks, note, options))
        return
    ((size, network),) = networks.items()
    multiple = lcm(note.contract.multiple, *(rewrite.multiple for rewrite in fast.values()))
    follows = is_resizable(graph, size, note.contract.multiple, options)
    contract = replace(note.contract, multiple=multiple)
    # One that is compiled next, as its count of operators tells, keeps its size.
    noted = replace(note, contract=contract, resizable=follows and not note.operators)
    path.write_bytes(lower(network, noted, options=options))


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:
    """Return the operators that `write_tflite` refuses at any of the sizes; () if none.

    Raises:
        ModelError: the graph does not accept a size.
    """
    from edge_imgq.export.tflite.lower import refusals as refused

    options = _lowering_options(graph, spec)
    return refused_at_any_size(graph, spec, lambda network: refused(network, options))


def _lowering_options(graph: PreparedGraph, spec: ExportSpec) -> LoweringOptions:
    from edge_imgq.export.tflite.lowering_options import LoweringOptions

    return LoweringOptions(
        gpu=spec.processor == "gpu",
        npu=spec.processor in CHIPS,
        float16_weights=spec.float16_weights,
        kernels=graph.kernels,
    )


def open_session(path: Path, threads: int) -> Session:
    """Load a file in LiteRT, or a compiled file in the emulator of its NPU.

    Args:
        path: the .tflite file.
        threads: CPU threads of LiteRT; the emulator chooses its own.

    Raises:
        ModelError: the file is damaged, or was not written by edge-imgq.
        UnopenedFileError: LiteRT cannot open it.
        RuntimeUnavailableError: nothing here emulates the NPU, or its emulator is not installed.
        DeviceError: the emulator does not run what the file holds.
    """
    if compiled_for(path) is not None:
        from edge_imgq.devices.hexagon.emulated_npu import open_session as emulated

        return emulated(path)
    from edge_imgq.runtime.litert import open_session as opened

    return opened(path, threads)


def read_note(path: Path) -> FileNote:
    """Read the note embedded in a file.

    Raises:
        ModelError: the file is missing or damaged, or was not written by edge-imgq.
    """
    from edge_imgq.runtime.tflite_file import read_note as read

    return read(path)


def describe(path: Path, size: Size | None) -> FileDescription:  # noqa: ARG001
    """Describe the first subgraph of a file: operators, parameters, multiply-accumulates.

    `size` is ignored: a file is described at its own size.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    from edge_imgq.export.tflite.describe import describe as described

    return described(path)


def memory_plan(path: Path, size: Size) -> MemoryPlan:
    """List the operators, in execution order, and tensor sizes in bytes of the first subgraph.

    The plan is for the file's size, or for `size` if its first input is not an image.

    Raises:
        ModelError: the file is damaged, or is compiled for an NPU, whose compiler plans the memory.
    """
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    from edge_imgq.runtime.memory import MemoryPlan, PlannedOperator
    from edge_imgq.runtime.tflite_file import read_model

    kinds = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    types = {code: name.lower() for name, code in vars(schema.TensorType).items()}
    if compiled_for(path) is not None:
        raise ModelError("what the NPU holds between operators is not known outside its compiler")
    model = read_model(path)
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]

    def named(indices: Iterable[Any]) -> tuple[str, ...]:
        return tuple(names[int(index)] for index in indices if int(index) >= 0)

    operators = (
        PlannedOperator(kinds[codes[op.opcodeIndex]], named(op.inputs), named(op.outputs))
        for op in graph.operators
    )
    sizes = {
        name: math.prod(map(int, tensor.shape)) * np.dtype(types[tensor.type]).itemsize
        for name, tensor in zip(names, graph.tensors, strict=True)
        if tensor.shape is not None
    }
    image = [int(length) for length in graph.tensors[graph.inputs[0]].shape]
    own = (image[1], image[2]) if len(image) == 4 else size
    return MemoryPlan(tuple(operators), sizes, named(graph.inputs), named(graph.outputs), own)


def placement(path: Path) -> Placement:
    """Count the operators that XNNPACK runs on this host, or the NPU of a compiled file.

    The other operators are listed by name.

    Raises:
        ModelError: the file is damaged, or not TFLite.
        UnopenedFileError: LiteRT cannot open it.
    """
    if compiled_for(path) is not None:
        from edge_imgq.runtime.npu_file import placement as compiled

        return compiled(path)
    from edge_imgq.runtime.litert import placement as placed

    return placed(path)


def refuse_fp16_overflow(path: Path, photos: Iterable[NDArray[np.uint8]], peak: float) -> None:
    """Run a file for GPUs on photographs, and raise if an activation exceeds float16.

    `photos` are uint8 (H, W, C) of any size, whose centres are used; `peak` is the float value of
    white. Overflow on other images is not ruled out.

    Raises:
        NonFiniteOutputError: names the first tensor that overflows, and its magnitude.
        UnopenedFileError: LiteRT cannot open the file.
    """
    from edge_imgq.runtime.fp16_overflow import refuse_tflite_overflow

    refuse_tflite_overflow(path, photos, peak)


def tensors(path: Path, pixels: NDArray[np.uint8], peak: float) -> Iterator[WrittenTensor]:
    """Yield the rank-4 tensors that TFLite's builtin kernels compute from an image, in order.

    They are float32 (N, H, W, C); quantized ones are dequantized. `pixels` are uint8 (H, W, C),
    `peak` is the float value of white.

    Raises:
        UnopenedFileError: LiteRT cannot open the file.
    """
    from edge_imgq.runtime.litert_tensors import written_tensors

    return written_tensors(path, pixels, peak)


def signatures(path: Path) -> tuple[SignatureRow, ...]:
    """List the signatures of a file with the input and output names that apps use.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    from edge_imgq.export.tflite.describe import signatures as named

    return named(path)


FUNCTIONS = FormatFunctions(
    write=write_tflite,
    refusals=refusals,
    open_session=open_session,
    read_note=read_note,
    describe=describe,
    memory_plan=memory_plan,
    placement=placement,
    refuse_fp16_overflow=refuse_fp16_overflow,
    tensors=tensors,
    signatures=signatures,
)
