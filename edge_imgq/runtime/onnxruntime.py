"""Runtime session of ONNX Runtime, for the float reference, QDQ graphs and .onnx files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime

from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError, UnopenedFileError
from edge_imgq.graph.float_regions import MARK
from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
from edge_imgq.images.layout import levels_from_nchw, to_nchw
from edge_imgq.images.port_results import joined_results
from edge_imgq.runtime.levels_session import LevelsSession
from edge_imgq.runtime.protocol import RuntimeIdentity
from edge_imgq.runtime.spatial_means import by_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

SILENT = 3
"""Log level for errors only; warnings about unused initializers are of no use to users."""

PAD_FUSION = "Pad_Fusion"
"""ONNX Runtime's name of the optimisation that merges a Pad into the operator after it."""


class OnnxSession(LevelsSession):
    """One .onnx file; implements `edge_imgq.runtime.protocol.Session`.

    A file for apps runs with default optimisation and ONNX Runtime's integer kernels. The QDQ graph
    beside it, the integer reference, runs unoptimised: each operator in float between dequantizer
    and quantizer, rounded by the ONNX specification, and means over height and width by rows. The
    difference is due to fused kernels. Timing always uses the optimised graph.

    Attributes:
        in_float: True for a QDQ graph with float regions, which are not rounded.
    """

    def __init__(self, model: onnx.ModelProto, note: FileNote, threads: int) -> None:
        self.note = note
        self._threads = threads
        quantized = any(node.op_type == "QuantizeLinear" for node in model.graph.node)
        self.in_float = quantized and any(
            entry.key == MARK for node in model.graph.node for entry in node.metadata_props
        )
        self._is_reference = quantized and not note.quantized_sha256
        self._bytes = (by_rows(model) if self._is_reference else model).SerializeToString()
        self._keeps_memory = False
        self._session = self._open(optimise=not self._is_reference)
        height, width = self._session.get_inputs()[0].shape[2:]
        known = isinstance(height, int) and isinstance(width, int)
        self.size = (height, width) if known else None
        self.identity = RuntimeIdentity("ONNX Runtime", onnxruntime.__version__, "CPU", threads)

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 is black and 255 white. `pixels` are (H, W, C) levels, uint8 or float64. Several
        inputs or outputs are concatenated along C.

        Raises:
            ModelError: the model fails at the image's size.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        values = self._call(self._session, to_nchw(pixels, self.note.contract.peak))
        return levels_from_nchw(values, self.note.contract.peak)

    def keep_memory(self) -> None:
        """Keep ONNX Runtime's memory arena between runs, for many images of one size.

        It holds until the session is dropped; `release_memory` frees the arena between two sizes.
        Allocating it again for each image takes a third of an ordinary network's time, and
        fragments memory.
        """
        self._keeps_memory = True
        self.release_memory()

    def release_memory(self) -> None:
        """Free ONNX Runtime's memory arena by opening the model again."""
        self._session = self._open(optimise=not self._is_reference)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that runs the optimised graph once on a gray image, for timing.

        It runs in a session of its own with ONNX Runtime's default settings, as in an app. Only the
        graph is run; converting pixels is not part of it. The callable raises ModelError if the
        model fails at this size.

        Args:
            size: (height, width) of the image in pixels.
        """
        session = self._open(optimise=True, as_an_app=True)
        contract = self.note.contract
        gray = np.full((1, contract.channels, *size), contract.peak / 2, np.float32)

        def call() -> None:
            self._call(session, gray)

        return call

    def _open(self, *, optimise: bool, as_an_app: bool = False) -> Any:
        return inference_session(
            self._bytes,
            threads=self._threads,
            optimise=optimise,
            as_an_app=as_an_app,
            keep_memory=self._keeps_memory,
            fuse_pads=True,
        )

    @staticmethod
    def _call(session: Any, values: NDArray[np.float32]) -> Any:
        return joined_results(run_session(session, split_ports(values, session_entries(session))))


def run_session(session: Any, feeds: Mapping[str, NDArray[Any]]) -> list[Any]:
    """Run an ONNX Runtime session and return all outputs, arrays in the model's order.

    Args:
        session: the session.
        feeds: all inputs by name, an image first.

    Raises:
        ModelError: ONNX Runtime fails, usually because the model does not take this size.
    """
    try:
        return list(session.run(None, dict(feeds)))
    except Exception as error:  # ONNX Runtime raises classes of its own making
        shape = "x".join(map(str, next(iter(feeds.values())).shape))
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"ONNX Runtime cannot run the model on an input of shape {shape}: {reason}. "
            "If it works at one size alone, export it again with height and width fixed to that."
        ) from error


def inference_session(
    model: bytes | str,
    *,
    threads: int = 0,
    optimise: bool = True,
    as_an_app: bool = False,
    keep_memory: bool = False,
    fuse_pads: bool = False,
) -> Any:
    """Create an ONNX Runtime session (`InferenceSession`) on the CPU, with log messages suppressed.

    Args:
        model: serialized ONNX model, or its path.
        threads: number of CPU threads; 0 for one per core.
        optimise: False to run every node as written.
        as_an_app: True to keep ONNX Runtime's default thread spinning and memory arena, for timing.
        keep_memory: True to keep the memory arena between runs, for many images of one size.
        fuse_pads: True to merge a Pad into the pool after it, as an app's session does. That
            changes what some models compute (`edge_imgq.export.exact_pools`).

    Raises:
        Exception: ONNX Runtime's own, if it does not open the model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if not as_an_app:
        # Waiting threads sleep, and what one image needed is given back before the next: a run has
        # many sessions side by side, and images of many sizes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena, options.enable_mem_pattern = keep_memory, False
    options.log_severity_level = SILENT
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    apart = None if fuse_pads else [PAD_FUSION]
    return onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"], disabled_optimizers=apart
    )


def open_session(path: Path, threads: int = 1) -> OnnxSession:
    """Load an .onnx file that edge-imgq wrote, to run on `threads` CPU threads.

    Raises:
        UsageError: the file does not exist.
        ModelError: the file is not valid ONNX, or has no note.
        UnopenedFileError: ONNX Runtime cannot open the file.
    """
    from edge_imgq.graph.load.load import read_onnx

    model = read_onnx(path)
    note = FileNote.from_strings({p.key: p.value for p in model.metadata_props}, str(path))
    try:
        return OnnxSession(model, note, threads)
    except Exception as error:  # ONNX Runtime raises classes of its own making
        reason = str(error).strip().split("\n")[0]
        raise UnopenedFileError("ONNX Runtime", path, reason) from error
