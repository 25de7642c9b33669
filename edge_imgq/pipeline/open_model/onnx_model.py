"""Hold an ONNX model as the user gave it: a file, or a model in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import sha256_of
from edge_imgq.errors import ModelError
from edge_imgq.ports import NO_PORT_REQUESTS, PortRequests

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX model as given, parsed again at every call.

    Attributes:
        name: name of the model and of its folder in the output folder.
        where: name for messages.
        path: path of its file; None for a model in memory.
        contents: serialised model; empty for a file.
        ports: inputs and outputs that the user chose; a parsed model has no others.
    """

    name: str
    where: str
    path: Path | None = None
    contents: bytes = field(default=b"", repr=False)
    ports: PortRequests = NO_PORT_REQUESTS

    @property
    def as_it_is(self) -> Path | None:
        """Path of a file that equals the parsed model; None in memory or if ports were chosen."""
        return None if self.ports.is_choice else self.path

    @property
    def sha256(self) -> str:
        """SHA-256 in hexadecimal of the model as given; chosen ports do not change it.

        Weights in external files are not part of it.
        """
        return sha256_of(self.path) if self.path else hashlib.sha256(self.contents).hexdigest()

    @staticmethod
    def file(path: Path) -> OnnxModel:
        """Return the model of an .onnx file.

        The file is not opened or checked.
        """
        return OnnxModel(path.stem, str(path), path)

    @staticmethod
    def in_memory(model: onnx.ModelProto | bytes, name: str) -> OnnxModel:
        """Return a model that is not in a file.

        Args:
            model: the model, or its serialisation.
            name: name of the model.

        Raises:
            ModelError: it is larger than 2 GB, the limit of protobuf.
        """
        where = f"'{name}'"
        if isinstance(model, bytes):
            return OnnxModel(name, where, contents=model)
        try:
            contents = model.SerializeToString()
        except ValueError as error:
            raise ModelError(
                f"{where} cannot be serialised: {error}. Save it, with its weights in a file "
                "beside it, and give its path."
            ) from error
        return OnnxModel(name, where, contents=contents)

    def checked(self) -> onnx.ModelProto:
        """Parse the model with the chosen ports, and check it against the ONNX specification.

        Raises:
            ModelError: it is missing, truncated, or not valid ONNX.
            UsageError: the file does not exist, or the model has no such port.
        """
        from edge_imgq.graph.load.load import parse_onnx, read_onnx
        from edge_imgq.graph.ports.chosen_ports import with_chosen_ports

        model = read_onnx(self.path) if self.path else parse_onnx(self.contents, self.where)
        return with_chosen_ports(model, self.ports, self.where)

    def load(self, *, weights: bool = True) -> onnx.ModelProto:
        """Parse the model with the chosen ports, without checking it.

        Its errors are those of the package onnx; call `checked` first.

        Args:
            weights: False to leave weights in external files unread.

        Raises:
            ModelError: an input that is bound to no value has an open shape.
            UsageError: the model has no such port.
        """
        import onnx

        from edge_imgq.graph.load.load import open_negative_lengths
        from edge_imgq.graph.ports.chosen_ports import with_chosen_ports

        if self.path is None:
            model = onnx.load_model_from_string(self.contents)
        else:
            model = onnx.load(self.path, load_external_data=weights)
        open_negative_lengths(model)
        return with_chosen_ports(model, self.ports, self.where)
