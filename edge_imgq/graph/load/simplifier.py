"""Call onnxsim, without torch: its package imports torch where it can, for seconds and no use here.

torch is used only by parts of onnxsim that are not called here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_imgq.graph.load.opset import OPSET
from edge_imgq.native_output import without_lines

if TYPE_CHECKING:
    import onnx


def simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy simplified by onnxsim: constants folded, batch norm fused into convolutions.

    The copy is at opset 21. What onnxsim cannot fold is left unchanged; float results may differ
    by rounding. Exceptions of onnxsim, of whatever class, are passed on.
    """
    with _not_importing("torch"):
        import onnxsim
    with without_lines(b"WARNING: failed to run"):
        # Operators of other domains have been refused, and onnxsim knows ONNX's own of this opset:
        # looking for others takes longer than simplifying a small model.
        result, _ = onnxsim.simplify(model, target_opset_version=OPSET, import_custom_schemas=False)
    simple: onnx.ModelProto = result
    return simple


@contextmanager
def _not_importing(name: str) -> Iterator[None]:
    """Make imports of a package fail with ImportError, unless it is imported already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
