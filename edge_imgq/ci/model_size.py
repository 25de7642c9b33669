"""Whether an ONNX file says which height and width its images have."""

from __future__ import annotations

from pathlib import Path

from edge_imgq.errors import UsageError


def refuse_open_size(path: Path, options: str) -> None:
    """Refuse an ONNX file of open height and width where no option of export says one.

    What is no such file, or cannot be read, is left to export, which says why.

    Raises:
        UsageError: CI would fail on it.
    """
    named = any(word.partition("=")[0] == "--size" for word in options.split())
    if not named and _is_open(path):
        raise UsageError(
            f"{path} takes images of any height and width, and files for phones have one size. "
            f"Say which: --options='{f'{options} --size HxW'.strip()}', for example --size 180x320."
        )


def _is_open(path: Path) -> bool:
    """Tell whether neither (N, C, H, W) nor (N, H, W, C) gives the image two known sides."""
    import onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception:  # protobuf raises classes of its own
        return False
    weights = {tensor.name for tensor in graph.initializer}
    images = [value for value in graph.input if value.name not in weights]
    if not images:
        return False
    known = [axis.dim_value > 0 for axis in images[0].type.tensor_type.shape.dim]
    return len(known) == 4 and not all(known[2:]) and not all(known[1:3])
