"""Ask for the task of a model before it is opened, where its file already shows that none is known.

Opening a model takes seconds: it is simplified, and compared with its file.
"""

from __future__ import annotations

from pathlib import Path

from edge_imgq.contract import has_note
from edge_imgq.pipeline.evaluate.paper_protocols import UNKNOWN, protocol_of


def refuse_unknown_task(model: str) -> None:
    """Raise if a model is a user's .onnx file whose result has the size of its image.

    Its shapes do not tell the task then. Other models, and files whose shapes leave the size open,
    pass.

    Args:
        model: name or path.

    Raises:
        UsageError: the task must be stated.
    """
    path = Path(model)
    if path.suffix.lower() == ".onnx" and path.is_file() and _keeps_size(path):
        protocol_of(UNKNOWN, 1)


def _keeps_size(path: Path) -> bool:
    """Return True if an ONNX file without a note declares the same height and width in and out."""
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception:  # protobuf raises classes of its own; opening the model says what is wrong
        return False
    if has_note({entry.key: entry.value for entry in model.metadata_props}):
        return False
    weights = {tensor.name for tensor in model.graph.initializer}
    image = next((value for value in model.graph.input if value.name not in weights), None)
    if image is None or len(model.graph.output) != 1:
        return False
    before, after = (
        [(axis.dim_value, axis.dim_param) for axis in value.type.tensor_type.shape.dim]
        for value in (image, model.graph.output[0])
    )
    return len(before) == 4 and before == after and all(map(any, before[2:]))
