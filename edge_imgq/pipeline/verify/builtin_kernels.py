"""Measure int8 TFLite files in TFLite's built-in kernels, as in apps without XNNPACK.

These are several times slower, so only the first IMAGES images are run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_imgq.errors import EdgeImgqError
from edge_imgq.images.port_results import first_result
from edge_imgq.skipped import Skipped
from edge_imgq.verify.compare import compare
from edge_imgq.verify.drift import NO_BUILTIN_KERNELS, BuiltinKernels, ImageDrift
from edge_imgq.verify.summary import summarise_builtin

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.images.samples import Sample
    from edge_imgq.pipeline.verify.references import ComparedFile
    from edge_imgq.runtime.protocol import Session

    Pixels: TypeAlias = NDArray[np.uint8]

IMAGES = 2


class BuiltinRuns:
    """Results of TFLite's built-in kernels on the first two images, by file."""

    def __init__(self) -> None:
        self._sessions: dict[Path, Session] = {}
        self._rows: dict[Path, list[ImageDrift]] = {}
        self._failed: dict[Path, Skipped] = {}

    def offer(self, file: ComparedFile, sample: Sample, of_float: Pixels, of_file: Pixels) -> None:
        """Run an image in the built-in kernels if the file is int8 and ran in XNNPACK on this host.

        After two images, or an error, further ones are ignored; an error is kept as the reason.
        Only the first output is compared.

        Args:
            file: the opened file.
            sample: the image.
            of_float: result of the float reference, uint8 (H, W, C).
            of_file: result of the file in XNNPACK, uint8 (H, W, C).
        """
        rows = self._rows.setdefault(file.path, [])
        if not _is_delegated(file) or file.path in self._failed or len(rows) == IMAGES:
            return
        try:
            contract = file.session.note.contract
            result = first_result(self._session(file).run(sample.pixels), contract)
        except (EdgeImgqError, RuntimeError) as error:
            reason = str(error).strip().split("\n")[0]
            self._failed[file.path] = Skipped(f"TFLite's own kernels do not run it: {reason}")
            return
        rows.append(
            compare(
                sample.name,
                file=result,
                reference=of_float,
                quantized=None,
                source=of_file,
                truth=None,
                shave=0,
            )
        )
        if len(rows) == IMAGES:
            del self._sessions[file.path]

    def of(self, path: Path, images: list[ImageDrift]) -> BuiltinKernels | Skipped:
        """Return the drift in built-in kernels on at most two images, or why there is none.

        Both kinds of kernels are compared on the same images.

        Args:
            path: path of the file.
            images: drift of the file in XNNPACK on all images, in their order.
        """
        rows = self._rows.get(path)
        if path in self._failed or not rows:
            return self._failed.get(path, NO_BUILTIN_KERNELS)
        return summarise_builtin(rows, images[: len(rows)])

    def _session(self, file: ComparedFile) -> Session:
        from edge_imgq.runtime.litert import open_without_xnnpack

        if file.path not in self._sessions:
            self._sessions[file.path] = open_without_xnnpack(file.path)
        return self._sessions[file.path]


def _is_delegated(file: ComparedFile) -> bool:
    identity = file.session.identity
    ran = (identity.name, identity.delegate) == ("LiteRT", "XNNPACK")
    return ran and file.host is None and file.quantized is not None
