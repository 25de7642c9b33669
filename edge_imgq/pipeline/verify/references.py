"""Open the references of a model's folder, and the files that are compared with them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import FLOAT_REFERENCE, ORIGINAL, REFERENCE_FOLDER, sha256_of
from edge_imgq.devices.host import HOST
from edge_imgq.errors import ModelError
from edge_imgq.export.functions import functions_of
from edge_imgq.formats import FORMATS
from edge_imgq.runtime.open import open_session
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.contract import FileNote
    from edge_imgq.devices.protocol import Device, DeviceSession
    from edge_imgq.runtime.protocol import FloatSession, Session


@dataclass(frozen=True)
class Candidate:
    """A file to verify.

    Attributes:
        path: path of the file or package.
        size: (height, width) to time it at; None for its own, or that of the files beside it.
    """

    path: Path
    size: tuple[int, int] | None


@dataclass(frozen=True)
class ComparedFile:
    """A file with the sessions that it is compared with.

    Attributes:
        path: path of the file or package.
        size: (height, width) to time it at; None for its own, or that of the files beside it.
        session: the file on its device.
        quantized: the QDQ graph that it was made from; None for a float file.
        host: the same file on this host, if the device is another; for a file compiled for an NPU
            that is emulated here, `quantized`.
    """

    path: Path
    size: tuple[int, int] | None
    session: DeviceSession
    quantized: Session | None
    host: Session | None

    @property
    def in_float(self) -> bool:
        """True if the QDQ graph that it was made from computes partly in float.

        False for a float file.
        """
        from edge_imgq.runtime.onnxruntime import OnnxSession

        return isinstance(self.quantized, OnnxSession) and self.quantized.in_float


class References:
    """The float reference and the QDQ graphs of one model's folder, each opened once.

    If the model was read from the user's .onnx file, that file is the float reference.

    Attributes:
        float: session of the float reference.
        original: runtime of the user's .onnx file, or why the float graph is used instead of it; ""
            if there is no such file.
        sha256: SHA-256 of the float graph's file.
        graph_sha256: digest of the float graph's structure.
        parameters: number of the float graph's constants that operators read.
        smallest: least height and width of an image in pixels: the receptive field's diameter, or
            1.

    Args:
        folder: folder of the model, with `reference/`.
        threads: processor threads.

    Raises:
        ModelError: the float reference is missing or damaged.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        import onnx_ir as ir

        from edge_imgq.graph.receptive_field.receptive_field import receptive_field
        from edge_imgq.graph.structure import structure_sha256
        from edge_imgq.runtime.onnxruntime import open_session as open_onnx

        self._folder = folder / REFERENCE_FOLDER
        self._threads = threads
        path = self._folder / FLOAT_REFERENCE
        if not path.is_file():
            raise ModelError(
                f"There is no float reference {path}, so there is nothing to measure drift "
                "against. `verify` takes files that `edge-imgq export` wrote, in the folder where "
                "it wrote them; export the model, and give it that folder."
            )
        self.sha256 = sha256_of(path)
        self.float: FloatSession = open_onnx(path, threads)
        self.original: str | Skipped = ""
        if self.float.note.original_sha256:
            self._take_original()
        model = ir.load(path)
        self.parameters = parameters_of(model)
        self.graph_sha256 = structure_sha256(model)
        self.smallest = receptive_field(model).diameter or 1
        self._quantized = {sha256_of(file): file for file in sorted(self._folder.glob("*.onnx"))}
        self._sessions: dict[str, Session] = {}

    def open(self, candidate: Candidate, device: Device) -> ComparedFile:
        """Open a file on a device, with the graph that it was made from.

        Args:
            candidate: the file.
            device: device to run it; unless it is this host, the file is opened on this host, too.

        Raises:
            ModelError: it is damaged, or was made from references other than those in the folder.
            UnsupportedOperatorError: the device rejects some of its operators.
            DeviceError: the device is no longer available.
            RuntimeUnavailableError: the file's runtime is not installed.
            UsageError: the file is of no known format.
        """
        session = device.open(candidate.path, self._threads)
        note = session.note
        if not self._made_from_float(note):
            raise ModelError(_other_reference(candidate.path, self._folder / FLOAT_REFERENCE))
        self._refuse_other_original()
        quantized, host = self._source(candidate.path, note), None
        if device.name != HOST:
            host = open_session(candidate.path, self._threads)
        elif note.operators:  # compiled for an NPU: this host computes the integers of its graph
            host = quantized
        return ComparedFile(candidate.path, candidate.size, session, quantized, host)

    def _refuse_other_original(self) -> None:
        path, digest = self._folder / ORIGINAL, self.float.note.original_sha256
        if digest and path.is_file() and sha256_of(path) != digest:
            raise ModelError(
                f"{path} is not the file that the float graph beside it was read from: the digest "
                "in its note is another. Export the model again."
            )

    def _take_original(self) -> None:
        """Use the user's file as float reference if it can run at every size of the float graph."""
        session = _original_session(self._folder / ORIGINAL, self.float, self._threads)
        if isinstance(session, Skipped):
            self.original = session
        else:
            self.float, self.original = session, str(session.identity)

    def multiples(self) -> set[int]:
        """Return the multiples, in pixels, that files of the folder require for height and width.

        Only formats that may require more than the network are read; unreadable files, and those of
        other references, are ignored.
        """
        multiples = set()
        for name, file_format in FORMATS.items():
            if not file_format.raises_multiple:
                continue
            for path in sorted(self._folder.parent.glob(f"*{file_format.suffix}")):
                with suppress(ModelError):
                    note = functions_of(name).read_note(path)
                    multiples |= {note.contract.multiple} if self._made_from_float(note) else set()
        return multiples

    def quantized_graph(self, note: FileNote) -> Path:
        """Return the path of the QDQ graph that an opened int8 file was made from.

        Raises:
            KeyError: the folder has no graph of that digest.
        """
        return self._quantized[note.quantized_sha256]

    def _made_from_float(self, note: FileNote) -> bool:
        return note.reference_sha256 == self.sha256

    def _source(self, path: Path, note: FileNote) -> Session | None:
        """Open the QDQ graph that a file was made from; None for a float file.

        Raises:
            ModelError: the folder does not hold the graph.
        """
        digest = note.quantized_sha256
        if not digest:
            return None
        if digest not in self._quantized:
            raise ModelError(_other_reference(path, self._folder / "*.onnx"))
        if digest not in self._sessions:
            self._sessions[digest] = open_session(self._quantized[digest], self._threads)
        return self._sessions[digest]


def _original_session(path: Path, graph: Session, threads: int) -> FloatSession | Skipped:
    """Open the user's file as float reference; return the reason if it cannot replace the graph."""
    import onnx

    from edge_imgq.runtime.source_onnx import (
        OwnPorts,
        SourceOnnxSession,
        gives_bytes,
        image_size,
        in_onnx_runtime,
        is_rounded,
    )

    note = graph.note
    if not path.is_file():
        return Skipped(f"{path} is not there any more")
    if sha256_of(path) != note.original_sha256:
        return Skipped(f"{path} is another file")
    proto = onnx.load(path)
    if is_rounded(proto):
        does = "returns 8-bit pixels" if gives_bytes(proto) else "computes in half precision"
        return Skipped(f"it {does}, and the graph computes in float32")
    if (own := image_size(proto)) not in (None, graph.size):
        return Skipped(f"it takes images of {own[0]}x{own[1]} alone" if own else "")
    ports = OwnPorts.of_file(proto, note.contract)
    opened = in_onnx_runtime(proto, note.original_pixels, threads, path, ports)
    return opened if isinstance(opened, Skipped) else SourceOnnxSession(opened, note, graph.size)


def _other_reference(path: Path, reference: Path) -> str:
    return (
        f"{path} was not made from {reference}: the digest in its note is another. "
        "Export the model again so that both come from one run."
    )


def parameters_of(model: ir.Model) -> int:
    """Count the elements of the constants that the operators of a model read, as `inspect` does."""
    from edge_imgq.export.onnx_description import parameter_count

    return parameter_count(model.graph)
