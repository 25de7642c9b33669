"""An ONNX model as a person gave it: a file, or one in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import sha256_of
from edge_imgq.errors import ModelError
from edge_imgq.ports import NOTHING_ASKED, PortRequests

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class OnnxModel:
    """One model, read anew by each that asks.

    Attributes:
        name: of the model; that of its folder below the output folder.
        where: what messages call it.
        path: of its file; None for a model in memory.
        contents: of a model in memory, serialised.
        ports: that the person chose; a model that is read has these alone.
    """

    name: str
    where: str
    path: Path | None = None
    contents: bytes = field(default=b"", repr=False)
    ports: PortRequests = NOTHING_ASKED

    @property
    def as_it_is(self) -> Path | None:
        """The file that holds the model as it is read; None where there is no such file."""
        return None if self.ports.is_choice else self.path

    @property
    def sha256(self) -> str:
        """Digest of the model as it was given, whatever ports were chosen."""
        return sha256_of(self.path) if self.path else hashlib.sha256(self.contents).hexdigest()

    @staticmethod
    def file(path: Path) -> OnnxModel:
        """Return the model of an .onnx file."""
        return OnnxModel(path.stem, str(path), path)

    @staticmethod
    def in_memory(model: onnx.ModelProto | bytes, name: str) -> OnnxModel:
        """Return a model that is no file.

        Raises:
            ModelError: it is too large to be serialised, 2 GB.
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
        """Return the model, checked against the ONNX specification.

        Raises:
            ModelError: it is missing, truncated, or not valid ONNX.
        """
        from edge_imgq.graph.load.load import parse_onnx, read_onnx
        from edge_imgq.graph.ports.chosen_ports import with_chosen_ports

        model = read_onnx(self.path) if self.path else parse_onnx(self.contents, self.where)
        return with_chosen_ports(model, self.ports, self.where)

    def load(self, *, weights: bool = True) -> onnx.ModelProto:
        """Return the model as it is; weights that lie in files beside it can be left there."""
        import onnx

        from edge_imgq.graph.ports.chosen_ports import with_chosen_ports

        if self.path is None:
            model = onnx.load_model_from_string(self.contents)
        else:
            model = onnx.load(self.path, load_external_data=weights)
        return with_chosen_ports(model, self.ports, self.where)
