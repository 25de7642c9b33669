"""What a format can do: the functions that its row in `edge_imgq.formats.FORMATS` leads to."""

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
    """The functions of a format. Each imports the packages that it needs when it is called.

    Attributes:
        write: (graph, order, path): writes the graph as a file at the path, all of it or nothing.
            Raises UnsupportedOperatorError for operators without a form.
        refusals: (graph, order): the operators that `write` would refuse, all of them, without
            writing. It asks the tables that `write` lowers by.
        open_session: (path, threads): the file, reopened from disk by the runtime that runs it.
            Raises ModelError where it is not whole, RuntimeUnavailableError where the runtime is
            not here.
        read_note: (path): what the file says about itself, without running it.
        describe: (path, size): what the file consists of; the size is for files that take any.
        memory_plan: (path, size): its operators and tensors in the order of execution; likewise.
        placement: (path): who runs its operators on this host; None where all run in one place.
        refuse_fp16_overflow: (path, photographs, peak): raises NonFiniteOutputError where a
            file's numbers leave float16, in which phones compute it; None where the session does.
        tensors: (path, pixels, peak): what the file computes of an image, tensor by tensor under
            the graph's names, in the order of its operators; None where the runtime shows none.
        signatures: (path): the ways to call the file, by the names that an app uses; None where
            that is one way, with the names that `describe` has.
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


def functions_of(form: str) -> FormatFunctions:
    """Return the functions of a format.

    Args:
        form: its name in recipes, a key of FORMATS.
    """
    found: FormatFunctions = FORMATS[form].functions
    return found
