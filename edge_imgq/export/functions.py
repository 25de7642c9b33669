"""Interface of an export format: the functions in each row of `edge_imgq.formats.FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from edge_imgq.formats import FORMATS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.contract import FileNote
    from edge_imgq.export.export_spec import ExportSpec
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.report.description import FileDescription, SignatureRow
    from edge_imgq.runtime.memory import MemoryPlan
    from edge_imgq.runtime.protocol import Placement, Session
    from edge_imgq.runtime.written_tensor import WrittenTensor

    Size: TypeAlias = tuple[int, int]
    Pixels: TypeAlias = NDArray[np.uint8]
    Photos: TypeAlias = Iterable[Pixels]


@dataclass(frozen=True)
class FormatFunctions:
    """The functions of a format. Each imports its heavy packages only when called.

    Attributes:
        write: (graph, spec, path): writes the graph to `path`; a failure leaves no file. Raises
            UnsupportedOperatorError for operators that the format cannot express.
        refusals: (graph, spec): returns every operator that `write` would refuse, without writing.
            Uses the same lowering tables as `write`.
        open_session: (path, threads): loads the file from disk in its runtime. Raises ModelError
            for a damaged file, RuntimeUnavailableError if the runtime is not installed.
        read_note: (path): reads the embedded metadata without running the file.
        describe: (path, size): lists operators, tensors and counts; `size` applies to files with
            open height and width.
        memory_plan: (path, size): returns operators and tensor sizes in execution order; `size` as
            for `describe`.
        placement: (path): reports which unit runs each operator on this host; None if one unit runs
            them all.
        refuse_fp16_overflow: (path, photographs, peak): raises NonFiniteOutputError if an
            activation overflows float16, the precision of phones; None if the session itself checks
            that.
        tensors: (path, pixels, peak): yields the intermediate tensors of an image by graph name, in
            execution order; None if the runtime does not expose them.
        signatures: (path): returns the entry points of the file with their tensor names; None if
            the file has one, whose names are those of `describe`.
    """

    write: Callable[[PreparedGraph, ExportSpec, Path], None]
    refusals: Callable[[PreparedGraph, ExportSpec], tuple[Refusal, ...]]
    open_session: Callable[[Path, int], Session]
    read_note: Callable[[Path], FileNote]
    describe: Callable[[Path, Size | None], FileDescription]
    memory_plan: Callable[[Path, Size], MemoryPlan]
    placement: Callable[[Path], Placement] | None = None
    refuse_fp16_overflow: Callable[[Path, Photos, float], None] | None = None
    tensors: Callable[[Path, Pixels, float], Iterator[WrittenTensor]] | None = None
    signatures: Callable[[Path], tuple[SignatureRow, ...]] | None = None


def functions_of(format_name: str) -> FormatFunctions:
    """Look up the functions of a format.

    Args:
        format_name: name of the format in recipes, a key of FORMATS.

    Raises:
        KeyError: FORMATS has no such format.
    """
    functions: FormatFunctions = FORMATS[format_name].functions
    return functions
