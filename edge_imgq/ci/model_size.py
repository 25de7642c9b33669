"""Check that an ONNX file states the height and width of its images."""

from __future__ import annotations

from pathlib import Path

from edge_imgq.errors import UsageError


def refuse_open_size(path: Path, options: str) -> None:
    """Raise for an ONNX file with dynamic height and width if no option of `export` sets them.

    Files that cannot be read are left to `export`, which reports why.

    Args:
        path: the .onnx file.
        options: command-line options of `export`, separated by spaces; `--size` sets the size.

    Raises:
        UsageError: the height or width is dynamic and there is no `--size`, so the export in CI
            would fail.
    """
    named = any(word.partition("=")[0] == "--size" for word in options.split())
    if not named and leaves_size_open(path):
        raise UsageError(
            f"{path} takes images of any height and width, and files for phones have one size. "
            f"Say which: --options='{f'{options} --size HxW'.strip()}', for example --size 180x320."
        )


def leaves_size_open(path: Path) -> bool:
    """Return True if the image has no fixed height and width as (N, C, H, W) or (N, H, W, C).

    Only the graph is read, not weights beside it; a file that cannot be read gives False.
    """
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
